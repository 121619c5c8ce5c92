package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	crowdUnits  = 100
	crowdNodes  = 3
	crowdAtOnce = 300                    // requests under way
	crowdFirst  = 100 * time.Millisecond // within which of a part's rush its fault begins
	crowdFault  = time.Second
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
		t.variants, err = t.client.stock(ctx, 0) // the units come in parts
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
	if sold := t.result.Sold; sold != crowdUnits || t.result.Stored != crowdUnits {
		t.result.note("%d were sold and %d are stored, and %d were there", sold, t.result.Stored, crowdUnits)
	}
	t.result.Took = time.Since(began)
	return t.result, err
}

// opening lets the crowd in, a part of it with each part of the units, and in each part's rush something else goes wrong:
// one fault after the other, and at last a node is killed. Without parts all would be sold before the first fault.
func (t *trial) opening(ctx context.Context, buyers int, servers []*server) error {
	wrong := append(slices.Clone(t.faults), fault{
		begin: func(*trial) error {
			servers[0].kill()
			t.result.Kills++
			return nil
		},
		end: func(*trial) error { return nil },
	})
	rng := rand.New(rand.NewPCG(t.seed, 5))
	all := rng.Perm(buyers)
	for n, f := range wrong {
		units := crowdUnits*(n+1)/len(wrong) - crowdUnits*n/len(wrong)
		if err := t.client.call(ctx, "POST", "/v1/variants/"+t.variants[0]+"/stock", "seller", "", map[string]any{"delta": units, "reason": fmt.Sprint("part ", n)}, nil); err != nil {
			return fmt.Errorf("part %d: %w", n, err)
		}
		part := all[buyers*n/len(wrong) : buyers*(n+1)/len(wrong)]
		if err := t.part(ctx, part, f, time.Duration(rng.Int64N(int64(crowdFirst)))); err != nil {
			return err
		}
	}
	return nil
}

// part lets some buyers in at once, and a fault begin a little later.
func (t *trial) part(ctx context.Context, buyers []int, f fault, after time.Duration) (err error) {
	var all, bad sync.WaitGroup
	bad.Go(func() {
		wait(ctx, after)
		err = f.begin(t)
		wait(ctx, crowdFault)
		err = errors.Join(err, f.end(t))
	})
	turn := make(chan struct{}, t.buyers)
	for _, n := range buyers {
		w := wish{Key: fmt.Sprint("crowd-", n), Buyer: fmt.Sprint("buyer-", n), Variant: t.variants[0], Instrument: "sandbox_approved", Quantity: 1}
		t.mu.Lock()
		t.wishes[w.Key] = w
		t.mu.Unlock()
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			t.persist(ctx, w)
		})
	}
	all.Wait()
	bad.Wait()
	return err
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
