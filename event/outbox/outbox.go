// Package outbox makes facts survive a crash between the transaction that makes them true and the bus.
//
// Append writes events in the writer's transaction. The Relay, one at a time per database, gives waiting events
// the next positions in an order of its own, durably, and only then hands them to the bus: at least once,
// in the order of positions. Read replays history from a position for folds and rebuilds.
// It refuses network calls inside a transaction. Packages named …sql append; cmd runs the relay.
package outbox

import (
	"context"
	"fmt"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/store"
)

const columns = `id, topic, kind, v, media_time, at, data`

// Append writes the events in the caller's transaction. They reach the bus after its commit.
func Append(ctx context.Context, tx *store.Tx, events ...event.Event) error {
	args := make([]any, 0, len(events)*7)
	for _, e := range events {
		args = append(args, e.ID, e.Topic, string(e.Kind), e.V, e.MediaTime, e.At, string(e.Data))
	}
	if _, err := tx.ExecRows(ctx, `INSERT INTO outbox (`+columns+`) VALUES`, 7, args, ``); err != nil {
		return fmt.Errorf("append to the outbox: %w", err)
	}
	return nil
}

// Stored is an event with its position in the database's history, 1 and up.
type Stored struct {
	Position int64
	event.Event
}

// Read returns up to limit relayed events after a position, in order. topic "" means all.
func Read(ctx context.Context, db *store.DB, topic string, after int64, limit int) ([]Stored, error) {
	query, args := `SELECT position, `+columns+` FROM outbox WHERE position > $1 ORDER BY position LIMIT $2`, []any{after, limit}
	if topic != "" {
		query = `SELECT position, ` + columns + ` FROM outbox WHERE position > $1 AND topic = $3 ORDER BY position LIMIT $2`
		args = append(args, topic)
	}
	var out []Stored
	err := db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("read the outbox: %w", err)
		}
		out, err = scan(rows)
		return err
	})
	return out, err
}
