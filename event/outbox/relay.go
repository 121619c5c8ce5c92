package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/store"
)

const (
	batchMax  = 500 // events relayed in one transaction
	pollEvery = 200 * time.Millisecond
	retryWait = time.Second
)

// Relay moves events from one database's outbox to the bus. Run it once per process and database; where
// several processes share a database, one at a time does the work.
type Relay struct {
	DB  *store.DB
	Bus event.Bus
	Log *slog.Logger

	// Wake, if set, tells the relay that something was just committed, so that it need not wait for its poll.
	// A capacity of one and a send that does not block are enough.
	Wake chan struct{}
}

// Run relays until ctx ends. Errors are logged and tried again: a database or a bus that is gone delays facts,
// it does not lose them.
func (r *Relay) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		n, err := r.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.Log.Warn("outbox relay", "schema", "outbox", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryWait):
			}
		case n == batchMax:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.Wake:
		}
	}
}

// once gives positions to waiting events, commits, and publishes them.
func (r *Relay) once(ctx context.Context) (int, error) {
	waiting, err := r.peek(ctx)
	if err != nil || !waiting {
		return 0, err
	}
	var batch []event.Event
	err = r.DB.Update(ctx, func(tx *store.Tx) error {
		batch = batch[:0]
		var last int64
		// The newest positioned row is the counter; locking it keeps a second relay out.
		err := tx.QueryRow(ctx, `SELECT position FROM outbox WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`+tx.ForUpdate()).Scan(&last)
		if err != nil && !store.NoRows(err) {
			return fmt.Errorf("read the newest position: %w", err)
		}
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM outbox WHERE position IS NULL ORDER BY id LIMIT $1`+tx.ForUpdate(), batchMax)
		if err != nil {
			return fmt.Errorf("read waiting events: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var e event.Event
			var kind, data string
			if err := rows.Scan(&e.ID, &e.Topic, &kind, &e.V, &e.MediaTime, &e.At, &data); err != nil {
				return err
			}
			e.Kind, e.Data = event.Kind(kind), json.RawMessage(data)
			batch = append(batch, e)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for i, e := range batch {
			if _, err := tx.Exec(ctx, `UPDATE outbox SET position = $1 WHERE id = $2`, last+int64(i)+1, e.ID); err != nil {
				return fmt.Errorf("position an event: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := r.Bus.Publish(ctx, batch...); err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	return len(batch), nil
}

// peek keeps an idle relay from taking the writer's lane.
func (r *Relay) peek(ctx context.Context) (waiting bool, err error) {
	err = r.DB.View(ctx, func(tx *store.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `SELECT id FROM outbox WHERE position IS NULL LIMIT 1`).Scan(&id)
		if store.NoRows(err) {
			return nil
		}
		waiting = err == nil
		return err
	})
	return waiting, err
}
