package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	foldEvery  = 250 * time.Millisecond
	foldFacts  = 200 // facts read at once
	foldOrders = 500 // orders and clicks of one transaction, each counted once; at least one fact
	retryFold  = time.Second
)

// The names of the sources' cursors.
const (
	sourceFacts    = "hawker"
	sourceAudience = "activity"
)

// Fold folds both sources until its context ends. Run one per process; where two work, each batch is folded by
// one of them.
type Fold struct {
	// Required.
	Store    Store
	Facts    Source // outbox of the hawker schema
	Audience Source // outbox of the activity schema
	Log      *slog.Logger

	Metrics *Metrics

	cursors map[string]int64
}

// Run folds until ctx ends.
func (f *Fold) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := foldEvery
		switch more, err := f.Step(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			f.Log.Warn("dashboard: fold", "error", err)
			wait = retryFold
		case more:
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// Step folds what is there, and reports whether there may be more.
//
// The audience's facts are read first and folded last: whoever clicks on a pin has received it, so the pin is
// among the facts that are folded in between, whatever the timing.
func (f *Fold) Step(ctx context.Context) (more bool, err error) {
	more, err = f.step(ctx)
	if errors.Is(err, ErrMoved) { // another process was faster: see how far it came
		f.cursors = nil
		return true, nil
	}
	return more, err
}

func (f *Fold) step(ctx context.Context) (more bool, err error) {
	if f.cursors == nil {
		f.cursors = map[string]int64{}
		for _, source := range []string{sourceFacts, sourceAudience} {
			if f.cursors[source], err = f.Store.Cursor(ctx, source); err != nil {
				f.cursors = nil
				return false, err
			}
		}
	}
	audience, err := f.Audience.Read(ctx, f.cursors[sourceAudience], foldFacts)
	if err != nil {
		return false, fmt.Errorf("read the audience's facts: %w", err)
	}
	for {
		facts, err := f.Facts.Read(ctx, f.cursors[sourceFacts], foldFacts)
		if err != nil {
			return false, fmt.Errorf("read facts: %w", err)
		}
		if err := f.fold(ctx, sourceFacts, facts); err != nil {
			return false, err
		}
		if len(facts) < foldFacts {
			break
		}
	}
	return len(audience) == foldFacts, f.fold(ctx, sourceAudience, audience)
}

// fold applies facts in transactions of bounded size.
func (f *Fold) fold(ctx context.Context, source string, facts []Fact) error {
	for len(facts) > 0 {
		known, unreadable := parse(facts)
		n := len(facts)
		if cut := bounded(known); cut < len(known) {
			// Up to just before the first fact that does not fit.
			for n = 0; facts[n].ID != known[cut].event.ID; n++ {
			}
			known = known[:cut]
		}
		if unreadable > 0 {
			f.Log.Error("dashboard: facts that cannot be read", "source", source, "facts", unreadable)
		}
		from, to := f.cursors[source], facts[n-1].Position
		err := f.Store.Fold(ctx, source, from, to, keysOf(known), func(t *Tables) {
			for _, k := range known {
				k.rule.apply(t, k.event, k.data)
			}
		})
		if err != nil {
			return err
		}
		f.cursors[source] = to
		f.Metrics.folded(source, facts[:n])
		facts = facts[n:]
	}
	return nil
}

// bounded is how many of the facts fit into one transaction: one at least. An order that was placed and paid since the
// last one is read and written once, so it counts once: a fold that lags writes fewer rows for the same facts.
func bounded(facts []parsed) int {
	rows, orders := 0, map[string]bool{}
	for i, f := range facts {
		switch d := f.data.(type) {
		case *ordersData:
			for _, o := range d.Orders {
				orders[o.Order] = true
			}
		case *refundsData:
			for _, o := range d.Orders {
				orders[o.Order] = true
			}
		case *countedData:
			rows += len(d.Clicks)
		}
		if rows+len(orders) > foldOrders && i > 0 {
			return i
		}
	}
	return len(facts)
}

// Rebuild deletes the rows and folds everything anew. Only the fold that runs may be told to, or one while none
// does.
func (f *Fold) Rebuild(ctx context.Context) error {
	if err := f.Store.Reset(ctx); err != nil {
		return err
	}
	f.cursors = nil
	for {
		more, err := f.Step(ctx)
		if err != nil || !more {
			return err
		}
	}
}
