package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/store"
)

// Backlog is what of a database's history has not reached somebody yet.
type Backlog struct {
	Events int64
	Oldest time.Time // when the oldest of them was made; zero where there is none
}

// Waiting is what the bus has not been given yet: events without a position, and those that have one and were not
// noted as published. While facts flow the note is one batch behind; at rest it is exact.
func Waiting(ctx context.Context, db *store.DB) (out Backlog, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		var published int64
		if err := tx.QueryRow(ctx, `SELECT published FROM outbox_relay WHERE id = 1`).Scan(&published); err != nil {
			return fmt.Errorf("read the relay's row: %w", err)
		}
		if out, err = after(ctx, tx, published); err != nil || !out.Oldest.IsZero() {
			return err
		}
		var at int64 // ids are in the order of time
		err := tx.QueryRow(ctx, `SELECT at FROM outbox WHERE position IS NULL ORDER BY id LIMIT 1`).Scan(&at)
		if err == nil {
			out.Oldest = store.Time(at)
		} else if !store.NoRows(err) {
			return fmt.Errorf("read the oldest waiting event: %w", err)
		}
		return nil
	})
	return out, err
}

// Behind is what a reader that has read up to a position has not read.
func Behind(ctx context.Context, db *store.DB, position int64) (out Backlog, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		out, err = after(ctx, tx, position)
		return err
	})
	return out, err
}

// after counts what stands behind a position, waiting events included. Positions have no holes, so that the count
// needs no walk through them.
func after(ctx context.Context, tx *store.Tx, position int64) (out Backlog, err error) {
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM outbox WHERE position IS NULL`).Scan(&out.Events); err != nil {
		return out, fmt.Errorf("count waiting events: %w", err)
	}
	var last int64
	err = tx.QueryRow(ctx, `SELECT position FROM outbox WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1`).Scan(&last)
	if err != nil && !store.NoRows(err) {
		return out, fmt.Errorf("read the newest position: %w", err)
	}
	if last <= position {
		return out, nil
	}
	out.Events += last - position
	var at int64
	if err := tx.QueryRow(ctx, `SELECT at FROM outbox WHERE position > $1 ORDER BY position LIMIT 1`, position).Scan(&at); err != nil {
		return out, fmt.Errorf("read the oldest event behind %d: %w", position, err)
	}
	out.Oldest = store.Time(at)
	return out, nil
}
