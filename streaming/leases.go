package streaming

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	leaseDefault = 15 * time.Second
	// A node says so many times within a lease that it is there. Clocks of nodes may differ by the rest of it.
	leaseWords = 5
	// A node that stops has this long to say that its broadcasts are free.
	releaseWithin = time.Second
)

// Leases say which of several nodes answers for a broadcast that is on air: the one that has its publisher, or had it
// last. It alone interrupts and ends it.
type Leases interface {
	// Hold takes or renews leases and returns the IDs of those that the node does not have: waiting ones that another
	// node holds, and ended ones. What the node publishes it takes from whoever had it.
	Hold(ctx context.Context, h Holding) (lost []string, err error)
	// Free returns what is live, interrupted or being rehearsed and nobody holds at a time, by ID.
	Free(ctx context.Context, at time.Time) ([]string, error)
	// Release gives all of a node's leases back.
	Release(ctx context.Context, node string) error
}

// Holding is what a node wants to hold.
type Holding struct {
	Node       string
	Publishing []string // broadcasts with a publisher here
	Waiting    []string // interrupted ones, that wait here for theirs
	At, Until  time.Time
}

// takeOver takes broadcasts that another process left on air: they are interrupted, and their publishers have the grace
// to come back, here.
func (b *Broadcasts) takeOver(ctx context.Context) error {
	left, err := b.left(ctx)
	if err != nil {
		return fmt.Errorf("take over broadcasts: %w", err)
	}
	for _, one := range left {
		if b.seen[one.ID] != nil || one.State == Rehearsal && one.StartedAt.IsZero() {
			continue // ours, or nobody has sent anything yet
		}
		if held, err := b.holds(ctx, one.ID); err != nil {
			return err
		} else if !held {
			continue
		}
		if one.State == Live {
			if _, err := b.Store.Move(ctx, Move{ID: one.ID, To: Interrupted, At: b.now()}); err != nil {
				return fmt.Errorf("take over broadcast %s: %w", one.ID, err)
			}
		}
		b.Hub.Resume(one.ID, one.Anchors)
		last, _ := one.Anchors.Newest()
		b.seen[one.ID] = &air{state: Interrupted, generation: last.Generation, since: b.now()}
	}
	return nil
}

// left lists what nobody answers for. A process that is the only one finds all that is on air.
func (b *Broadcasts) left(ctx context.Context) (out []Broadcast, err error) {
	if b.Leases == nil {
		return b.every(ctx, Live, Interrupted, Rehearsal)
	}
	free, err := b.Leases.Free(ctx, b.now())
	for _, id := range free {
		one, failed := b.Store.Broadcast(ctx, id)
		if failed != nil {
			return nil, failed
		}
		out = append(out, one)
	}
	return out, err
}

// holds tells whether this node answers for a broadcast that waits for its publisher.
func (b *Broadcasts) holds(ctx context.Context, id string) (bool, error) {
	if b.Leases == nil {
		return true, nil
	}
	now := b.now()
	lost, err := b.Leases.Hold(ctx, Holding{Node: b.node, Waiting: []string{id}, At: now, Until: now.Add(b.lease())})
	if err != nil {
		return false, fmt.Errorf("hold broadcast %s: %w", id, err)
	}
	return len(lost) == 0, nil
}

// renew keeps what this node answers for, lets go of what others took or ended, and takes what nobody has.
func (b *Broadcasts) renew(ctx context.Context) error {
	now := b.now()
	h := Holding{Node: b.node, At: now, Until: now.Add(b.lease())}
	for id, known := range b.seen {
		switch known.state {
		case Live:
			h.Publishing = append(h.Publishing, id)
		case Interrupted:
			h.Waiting = append(h.Waiting, id)
		}
	}
	// In one order, so that nodes wait for each other's rows without embracing.
	slices.Sort(h.Publishing)
	slices.Sort(h.Waiting)
	lost, err := b.Leases.Hold(ctx, h)
	if err != nil {
		return fmt.Errorf("hold broadcasts: %w", err)
	}
	for _, id := range lost {
		b.Log.Info("a broadcast is another node's, or has ended there", "broadcast", id)
		b.drop(id)
	}
	return b.takeOver(ctx)
}

// drop ends a broadcast's stream here and leaves its record alone.
func (b *Broadcasts) drop(id string) {
	b.Hub.End(id)
	delete(b.seen, id)
}

// release lets others take this node's broadcasts at once.
func (b *Broadcasts) release() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseWithin)
	defer cancel()
	if err := b.Leases.Release(ctx, b.node); err != nil {
		b.Log.Warn("broadcasts are not given back: others take them when their leases are over", "error", err)
	}
}

// lease is how long a node answers for its broadcasts without a word.
func (b *Broadcasts) lease() time.Duration {
	if b.Lease > 0 {
		return b.Lease
	}
	return leaseDefault
}
