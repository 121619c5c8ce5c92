package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"

	"github.com/hawkerlive/hawker/shop"
)

// queue is a buyer who joins a shelf's waitlist, or leaves it.
func (w *World) queue() {
	buyer, shelf, leave := fmt.Sprint("buyer-", w.rng.IntN(6)), w.variants[w.rng.IntN(2)].ID, w.rng.IntN(5) == 0
	w.tell("%s waits for %s, leaves: %v", buyer, shelf, leave)
	w.tally.Waits++
	n := w.node
	go func() {
		call := n.JoinWaitlist
		if leave {
			call = n.LeaveWaitlist
		}
		if _, err := call(context.Background(), shelf, buyer); err != nil && !n.isDead() {
			w.refusedWait(buyer, err)
		}
	}()
	synctest.Wait()
}

func (w *World) refusedWait(buyer string, err error) {
	for _, promised := range []error{shop.ErrInStock, shop.ErrLimited, shop.ErrNotFound, shop.ErrBusy, shop.ErrUnavailable} {
		if errors.Is(err, promised) {
			return
		}
	}
	w.broken("%s cannot wait: %v", buyer, err)
}

// offersOf are the shelves of which a unit is held for a buyer.
func (w *World) offersOf(buyer string) map[string]bool {
	out := map[string]bool{}
	waits, err := w.store.WaitsOf(context.Background(), buyer, 10)
	if err != nil {
		w.broken("%v", err)
	}
	for _, one := range waits {
		if one.Open(w.now()) {
			out[one.Variant] = true
		}
	}
	return out
}

func (w *World) underWay() []*ask {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asks)
}

// checkWaits compares each buyer's waits with the model's. The lock is held.
func (w *World) checkWaits() {
	for i := range 6 {
		buyer := fmt.Sprint("buyer-", i)
		got, err := w.store.WaitsOf(context.Background(), buyer, 10)
		want, _ := w.model.WaitsOf(context.Background(), buyer, 10)
		if err != nil || !slices.Equal(got, want) {
			w.breaks("%s waits as %+v, %v; the model says %+v", buyer, got, err, want)
		}
	}
}
