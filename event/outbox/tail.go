package outbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/store"
)

// Tail hands out facts as they get their positions, straight from the database, until ctx ends: for a node that the
// bus does not reach. It begins with what the relay has not noted as published, so that nothing falls between; what
// comes twice has the same id.
func Tail(ctx context.Context, db *store.DB, log *slog.Logger, deliver func(...event.Event)) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	at, begun := int64(0), false
	for {
		batch, err := []Stored(nil), error(nil)
		if !begun {
			at, err = noted(ctx, db)
			begun = err == nil
		}
		if begun {
			batch, err = Read(ctx, db, "", at, batchMax)
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("outbox tail", "error", err)
		}
		if n := len(batch); n > 0 {
			events := make([]event.Event, n)
			for i, s := range batch {
				events[i] = s.Event
			}
			deliver(events...)
			if at = batch[n-1].Position; n == batchMax {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// noted is the position up to which the relay noted that it published.
func noted(ctx context.Context, db *store.DB) (at int64, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT published FROM outbox_relay WHERE id = 1`).Scan(&at)
	})
	return at, err
}
