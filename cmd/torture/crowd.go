package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

const (
	crowdUnits  = 100
	crowdNodes  = 3
	crowdAtOnce = 300 // requests under way
	crowdFaults = 4 * time.Second
)

// sellToCrowd lets a crowd, each of whom wants one unit and asks until there is an answer, buy 100 units of three nodes
// while a node is killed and everything else happens that the run's faults name. Exactly 100 must be sold. Note is told
// what came of it.
func sellToCrowd(ctx context.Context, w *world, binary string, buyers int, seed uint64, out io.Writer, note func(figures) error) error {
	where, err := w.site(ctx, binary)
	if err != nil {
		return err
	}
	if where.dir, err = os.MkdirTemp("", "hawker-crowd-"); err != nil {
		return err
	}
	t := &trial{site: where, seed: seed, nodes: crowdNodes, buyers: crowdAtOnce, units: []int64{crowdUnits}, faults: w.faults}
	f, err := t.crowd(ctx, buyers)
	if err != nil {
		return fmt.Errorf("%w (kept in %s)", err, t.dir)
	}
	fmt.Fprintf(out, "%d buyers, %d units, %d nodes: %s\n", buyers, crowdUnits, crowdNodes, f)
	if err := note(f); err != nil {
		return err
	}
	if !f.clean() {
		return fmt.Errorf("it did not hold (kept in %s)", t.dir)
	}
	return os.RemoveAll(t.dir)
}

func (t *trial) crowd(ctx context.Context, buyers int) (figures, error) {
	began := time.Now()
	t.client = newClient(t.buyers)
	defer t.client.http.CloseIdleConnections()
	t.wishes, t.acks, t.sold = map[string]wish{}, map[string]receipt{}, map[string]bool{}
	servers := make([]*server, t.nodes)
	defer func() {
		for _, s := range servers {
			if s != nil {
				s.kill()
			}
		}
	}()
	err := t.revive(ctx, servers)
	if err == nil {
		t.variants, err = t.client.stock(ctx, t.units...)
	}
	if err != nil {
		return t.result, err
	}
	if err := t.opening(ctx, buyers, servers); err != nil {
		return t.result, err
	}
	err = t.rest(ctx)
	for _, s := range servers {
		if !s.dead.Load() {
			if stopped := s.stop(); stopped != nil {
				t.result.note("a server ends badly: %v", stopped)
			}
		}
	}
	if err == nil {
		err = t.audit(ctx)
	}
	if paid := t.result.Paid; paid != crowdUnits || t.result.Stored != crowdUnits {
		t.result.note("%d were sold and %d are stored, and %d were there", paid, t.result.Stored, crowdUnits)
	}
	t.result.Took = time.Since(began)
	return t.result, err
}

// opening lets everybody in at once, and the faults happen meanwhile, one after the other, and then a node is killed.
func (t *trial) opening(ctx context.Context, buyers int, servers []*server) error {
	var all, bad sync.WaitGroup
	var faulty error
	bad.Go(func() {
		for _, f := range t.faults {
			if err := f.begin(t); err != nil {
				faulty = errors.Join(faulty, err)
			}
			wait(ctx, crowdFaults/time.Duration(len(t.faults)+1))
			faulty = errors.Join(faulty, f.end(t))
		}
		servers[0].kill()
		t.result.Kills++
	})
	turn := make(chan struct{}, t.buyers)
	rng := rand.New(rand.NewPCG(t.seed, 5))
	for _, n := range rng.Perm(buyers) {
		w := wish{Key: fmt.Sprint("crowd-", n), Buyer: fmt.Sprint("buyer-", n), Variant: t.variants[0], Instrument: "sandbox_approved", Quantity: 1}
		t.wishes[w.Key] = w
	}
	for _, w := range t.wishes {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			t.persist(ctx, w)
		})
	}
	all.Wait()
	bad.Wait()
	return faulty
}

// persist asks until there is an answer.
func (t *trial) persist(ctx context.Context, w wish) {
	for try := 1; try <= 200 && ctx.Err() == nil; try++ {
		got, err := t.client.buy(ctx, w)
		t.noteAnswer(w, got, err)
		if err == nil || t.answered(err) {
			return
		}
		wait(ctx, 50*time.Millisecond)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.note("key %s has no answer after 200 tries", w.Key)
}
