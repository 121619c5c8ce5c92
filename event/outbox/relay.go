package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/store"
)

const (
	batchMax       = 500 // events relayed in one transaction
	pollEvery      = 200 * time.Millisecond
	retryWait      = time.Second
	takeOverAfter  = 2 * time.Second // of silence of the relay that holds the work
	publishWithin  = time.Second     // less than takeOverAfter: a stalled relay gives up before another takes over
	releaseTimeout = time.Second
)

// errHeld says that another relay does the work.
var errHeld = errors.New("outbox: another relay holds the work")

// Relay moves events from one database's outbox to the bus. Run one per process and database; where several
// processes share a database one does the work, and another takes over when it falls silent for two seconds.
//
// An event gets its position in a transaction of its own, then it is published, and the next transaction notes
// that it was. Whoever comes after a crash publishes again what was positioned and not noted: at least once,
// in the order of positions.
type Relay struct {
	DB  *store.DB
	Bus event.Bus
	Log *slog.Logger

	// Wake, if set, tells the relay that something was just committed, so that it need not wait for its poll.
	// A capacity of one and a send that does not block (Notify) are enough.
	Wake chan struct{}

	name      string
	holding   bool
	published int64 // the bus has everything up to here

	// The other relay's sign of life, by our clock: no two machines' clocks are compared.
	seenHolder string
	seenBeat   int64
	seenAt     time.Time
}

// Notify wakes a relay without waiting for it.
func Notify(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// Run relays until ctx ends. Errors are logged and tried again: a database or a bus that is gone delays facts,
// it does not lose them.
func (r *Relay) Run(ctx context.Context) error {
	r.name = uuid.NewString()
	defer r.release(context.WithoutCancel(ctx))
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	polled := false
	for {
		n, err := r.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errHeld):
		case err != nil:
			r.Log.Warn("outbox relay", "error", err)
			r.release(ctx) // another node may reach the bus that we do not
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryWait):
			}
		case n == batchMax:
			continue
		case n == 0 && polled && r.holding:
			r.release(ctx) // idle: note what was published, and let go
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			polled = true
		case <-r.Wake:
			polled = false
		}
	}
}

// once gives positions to waiting events, commits, and publishes them and whatever an earlier relay left.
func (r *Relay) once(ctx context.Context) (int, error) {
	if todo, err := r.peek(ctx); err != nil || !todo {
		return 0, err
	}
	var batch []Stored
	err := r.DB.Update(ctx, func(tx *store.Tx) error {
		batch = nil
		if err := r.take(ctx, tx); err != nil {
			return err
		}
		var err error
		batch, err = position(ctx, tx)
		return err
	})
	if err != nil {
		r.holding = false
		return 0, err
	}
	r.holding = true
	n := len(batch)
	last := r.published
	if n > 0 {
		last = batch[n-1].Position
	}
	for {
		if n == 0 || batch[0].Position != r.published+1 { // something was positioned and never noted as published
			more, err := Read(ctx, r.DB, "", r.published, batchMax)
			if err != nil {
				return 0, err
			}
			if len(more) == 0 {
				return n, nil
			}
			if err := r.publish(ctx, more); err != nil {
				return 0, err
			}
			if r.published >= last && n > 0 {
				return n, nil
			}
			continue
		}
		return n, r.publish(ctx, batch)
	}
}

func (r *Relay) publish(ctx context.Context, batch []Stored) error {
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	events := make([]event.Event, len(batch))
	for i, s := range batch {
		events[i] = s.Event
	}
	if err := r.Bus.Publish(ctx, events...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	r.published = batch[len(batch)-1].Position
	return nil
}

// take makes this relay the holder, or says that another one is alive. Its row lock keeps others out until the
// transaction ends; what was published so far is noted on the way.
func (r *Relay) take(ctx context.Context, tx *store.Tx) error {
	var holder string
	var beat, published int64
	if err := tx.QueryRow(ctx, `SELECT holder, beat, published FROM outbox_relay WHERE id = 1`+tx.ForUpdate()).Scan(&holder, &beat, &published); err != nil {
		return fmt.Errorf("read the relay's row: %w", err)
	}
	switch {
	case holder == r.name:
	case holder == "":
		r.published = published
	case holder != r.seenHolder || beat != r.seenBeat:
		r.seenHolder, r.seenBeat, r.seenAt = holder, beat, time.Now()
		return errHeld
	case time.Since(r.seenAt) < takeOverAfter:
		return errHeld
	default:
		r.Log.Info("outbox relay takes over", "silent", time.Since(r.seenAt).Round(time.Millisecond))
		r.published = published
	}
	if _, err := tx.Exec(ctx, `UPDATE outbox_relay SET holder = $1, beat = beat + 1, published = $2 WHERE id = 1`, r.name, r.published); err != nil {
		return fmt.Errorf("take the relay's row: %w", err)
	}
	return nil
}

// position gives the next positions to waiting events, in the order of their ids.
func position(ctx context.Context, tx *store.Tx) ([]Stored, error) {
	var last int64
	err := tx.QueryRow(ctx, `SELECT position FROM outbox WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`).Scan(&last)
	if err != nil && !store.NoRows(err) {
		return nil, fmt.Errorf("read the newest position: %w", err)
	}
	rows, err := tx.Query(ctx, `UPDATE outbox SET position = w.n + $1 FROM (
		SELECT id AS wid, ROW_NUMBER() OVER (ORDER BY id) AS n FROM (SELECT id FROM outbox WHERE position IS NULL ORDER BY id LIMIT $2) AS waiting
		) AS w WHERE outbox.id = w.wid RETURNING position, `+columns, last, batchMax)
	if err != nil {
		return nil, fmt.Errorf("position events: %w", err)
	}
	out, err := scan(rows)
	slices.SortFunc(out, func(a, b Stored) int { return cmp.Compare(a.Position, b.Position) })
	return out, err
}

// release notes what was published and lets another relay take the work at once.
func (r *Relay) release(ctx context.Context) {
	if !r.holding {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	err := r.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE outbox_relay SET holder = '', beat = beat + 1, published = $2 WHERE id = 1 AND holder = $1`, r.name, r.published)
		return err
	})
	if err != nil {
		r.Log.Warn("outbox relay: release", "error", err)
		return
	}
	r.holding = false
}

// peek keeps an idle relay from taking the writer's lane: it tells whether something waits, here or with a relay
// that may have died.
func (r *Relay) peek(ctx context.Context) (todo bool, err error) {
	err = r.DB.View(ctx, func(tx *store.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `SELECT id FROM outbox WHERE position IS NULL LIMIT 1`).Scan(&id)
		if err == nil {
			todo = true
		}
		if err == nil || !store.NoRows(err) {
			return err
		}
		var holder string
		var published, last int64
		if err := tx.QueryRow(ctx, `SELECT holder, published FROM outbox_relay WHERE id = 1`).Scan(&holder, &published); err != nil {
			return err
		}
		if holder == r.name && r.holding {
			published = r.published
		}
		err = tx.QueryRow(ctx, `SELECT position FROM outbox WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`).Scan(&last)
		todo = err == nil && last > published
		if store.NoRows(err) {
			return nil
		}
		return err
	})
	return todo, err
}

func scan(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close() error
}) ([]Stored, error) {
	defer rows.Close()
	var out []Stored
	for rows.Next() {
		var s Stored
		var kind, data string
		if err := rows.Scan(&s.Position, &s.ID, &s.Topic, &kind, &s.V, &s.MediaTime, &s.At, &data); err != nil {
			return nil, err
		}
		s.Kind, s.Data = event.Kind(kind), json.RawMessage(data)
		out = append(out, s)
	}
	return out, rows.Err()
}
