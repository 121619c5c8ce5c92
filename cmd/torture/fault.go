package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// fault is something that befalls what the servers rely on, in the middle of a rush.
type fault struct {
	name       string
	begin, end func(t *trial) error
	refuses    bool // nothing can be bought meanwhile: the servers must answer 503
}

const (
	diskFull  = "disk-full"
	failOver  = "redis-failover"
	stale     = "redis-stale"
	diskBytes = "96m"
	faultMin  = 500 * time.Millisecond
	faultMore = 2 * time.Second // by chance
	refusesIn = 15 * time.Second
	faultBad  = 5 * time.Second // after its end everything must go on within this
)

// allFaults are the kinds, each made for the servers of a run.
var allFaults = map[string]func(w *world) (fault, error){
	"redis-stop": func(w *world) (fault, error) {
		return fault{begin: func(*trial) error { w.redis.Kill(); return nil }, end: func(*trial) error { return w.redis.Again() }}, nil
	},
	"redis-hang": func(w *world) (fault, error) {
		return fault{begin: func(*trial) error { return w.redis.Hang() }, end: func(*trial) error { return w.redis.Resume() }}, nil
	},
	"redis-flush": func(w *world) (fault, error) {
		return fault{begin: func(*trial) error { return w.redis.Do("FLUSHALL") }, end: func(*trial) error { return nil }}, nil
	},
	// A master of the Cluster dies, its replica takes over, and it comes back as the replica.
	failOver: func(w *world) (fault, error) {
		return fault{
			begin: func(t *trial) error { w.cluster.Leader(t.shard()).Kill(); return nil },
			end: func(t *trial) error {
				lost := w.cluster.Leader(t.shard())
				return errors.Join(w.cluster.Promoted(t.shard()), lost.Again(), w.cluster.Joined(t.shard()))
			},
		}, nil
	},
	// The same, and the master only hung: when it goes on it takes itself for the master still, with what it held.
	stale: func(w *world) (fault, error) {
		return fault{
			begin: func(t *trial) error { return w.cluster.Leader(t.shard()).Hang() },
			end: func(t *trial) error {
				lost := w.cluster.Leader(t.shard())
				return errors.Join(w.cluster.Promoted(t.shard()), lost.Resume(), w.cluster.Joined(t.shard()))
			},
		}, nil
	},
	"postgres-kill": func(w *world) (fault, error) {
		if w.postgres == nil {
			return fault{}, errEngine
		}
		return fault{begin: func(*trial) error { return w.postgres.Kill() }, end: func(*trial) error { return w.postgres.Again() }, refuses: true}, nil
	},
	diskFull: func(w *world) (fault, error) {
		if w.postgres != nil {
			return fault{}, errEngine
		}
		return fault{begin: (*trial).fillDisk, end: (*trial).freeDisk, refuses: true}, nil
	},
}

func faultNames() []string { return slices.Sorted(maps.Keys(allFaults)) }

// onCluster tells whether a fault needs Redis to be a Cluster.
func onCluster(name string) bool { return name == failOver || name == stale }

// shard is the part of the Cluster that the trial's faults befall.
func (t *trial) shard() int { return int(t.seed % 3) }

// suffer lets a fault happen at a random moment of a rush, with nodes killed beside it, and wants no other server to end,
// and everything to go on when it is over.
func (t *trial) suffer(ctx context.Context, round int, f fault, servers []*server) (err error) {
	before := t.result.Unknown
	rng := rand.New(rand.NewPCG(t.seed, uint64(round*1000+498)))
	t.rush(ctx, round, func() {
		if err = f.begin(t); err != nil {
			return
		}
		err = t.beside(ctx, rng, f, servers)
		if f.refuses { // a database that has reserves uses them up first
			t.refusal(ctx, before)
		}
		err = errors.Join(err, f.end(t))
		if err == nil && !t.recovers(ctx, round) {
			t.result.note("%s: nothing can be bought %v after its end", f.name, faultBad)
		}
	}, time.Duration(100+rng.IntN(700))*time.Millisecond)
	for i, s := range servers {
		select {
		case <-s.done:
			if !s.dead.Swap(true) {
				t.result.note("%s: server %d ended: %v", f.name, i, s.err)
			}
		default:
		}
	}
	if f.refuses && t.result.Unknown == before {
		t.result.note("%s: nothing was refused: nothing was proven", f.name)
	}
	if err == nil {
		err = t.revive(ctx, servers)
	}
	return err
}

// beside lets a fault last, and kills nodes at a random moment of it, but one that goes on. Where a node can start
// without what is gone, they start again at once.
func (t *trial) beside(ctx context.Context, rng *rand.Rand, f fault, servers []*server) (err error) {
	lasts := faultMin + time.Duration(rng.Int64N(int64(faultMore)))
	at := time.Duration(rng.Int64N(int64(lasts)))
	wait(ctx, at)
	if len(servers) > 1 {
		spared := rng.IntN(len(servers))
		t.strike(rng, slices.Delete(slices.Clone(servers), spared, spared+1))
		if !f.refuses {
			err = t.revive(ctx, servers)
		}
	}
	wait(ctx, lasts-at)
	return err
}

// refusal waits until something is refused.
func (t *trial) refusal(ctx context.Context, before int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(refusesIn); ctx.Err() == nil; {
		t.mu.Lock()
		refused := t.result.Unknown > before
		t.mu.Unlock()
		if refused {
			wait(ctx, faultMin)
			return
		}
		select {
		case <-tick.C:
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

// recovers buys one of the last shelf, which is the largest, until that works.
func (t *trial) recovers(ctx context.Context, round int) bool {
	rng := rand.New(rand.NewPCG(t.seed, uint64(round)))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(faultBad); ; {
		w := t.next(rng, round, 1000+rng.IntN(1000), rng.IntN(1<<30))
		if got, err := t.client.buy(ctx, w); t.answered(err) || err == nil {
			t.noteAnswer(w, got, err)
			return true
		}
		select {
		case <-tick.C:
		case <-end:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// makeDisk gives a site that needs it a small file system of its own. Only root may, also root of a namespace.
func (s site) makeDisk() (unmount func(), err error) {
	if !s.small {
		return func() {}, nil
	}
	if err := os.MkdirAll(s.disk(), 0o700); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+diskBytes, "tmpfs", s.disk()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w: %s (run it as root, or under unshare -rm)", err, out)
	}
	done := false
	return func() {
		if !done {
			done = true
			_ = exec.Command("umount", s.disk()).Run() // the folder is temporary
		}
	}, nil
}

func (s site) filler() string { return filepath.Join(s.disk(), "filler") }

// fillDisk writes until there is no room for another byte.
func (t *trial) fillDisk() error {
	f, err := os.OpenFile(t.filler(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := io.CopyN(f, zeros{}, int64(size)); errors.Is(err, syscall.ENOSPC) {
			size /= 4
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) freeDisk() error { return os.Remove(t.filler()) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
