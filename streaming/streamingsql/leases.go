package streamingsql

import (
	"context"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
)

// Leases keeps streaming.Leases beside the broadcasts.
type Leases struct{ DB *store.DB }

var _ streaming.Leases = Leases{}

const leaseOf = `INSERT INTO broadcast_lease (broadcast_id, node, until_at) VALUES ($1,$2,$3)
	ON CONFLICT (broadcast_id) DO UPDATE SET node = excluded.node, until_at = excluded.until_at`

// Hold takes or renews leases and returns the IDs of those that the node does not have.
func (l Leases) Hold(ctx context.Context, h streaming.Holding) (lost []string, err error) {
	if len(h.Publishing)+len(h.Waiting) == 0 {
		return nil, nil
	}
	at, until := store.Millis(h.At), store.Millis(h.Until)
	err = l.DB.Update(ctx, func(tx *store.Tx) error {
		lost = nil
		for _, id := range h.Publishing {
			if _, err := tx.Exec(ctx, leaseOf, id, h.Node, until); err != nil {
				return fmt.Errorf("take a lease: %w", err)
			}
		}
		for _, id := range h.Waiting {
			if _, err := tx.Exec(ctx, leaseOf+` WHERE broadcast_lease.node = $4 OR broadcast_lease.until_at <= $5`, id, h.Node, until, h.Node, at); err != nil {
				return fmt.Errorf("keep a lease: %w", err)
			}
		}
		ours, err := ids(ctx, tx, `SELECT l.broadcast_id FROM broadcast_lease l JOIN broadcast b ON b.id = l.broadcast_id
			WHERE l.node = $1 AND b.state <> 'ended'`, h.Node)
		if err != nil {
			return err
		}
		held := make(map[string]bool, len(ours))
		for _, id := range ours {
			held[id] = true
		}
		for _, asked := range [][]string{h.Publishing, h.Waiting} {
			for _, id := range asked {
				if !held[id] {
					lost = append(lost, id)
				}
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM broadcast_lease WHERE node = $1 AND (until_at < $2 OR broadcast_id IN (SELECT id FROM broadcast WHERE state = 'ended'))`, h.Node, at)
		return err
	})
	return lost, err
}

// Free returns what is live, interrupted or being rehearsed and nobody holds at a time, by ID.
func (l Leases) Free(ctx context.Context, at time.Time) (out []string, err error) {
	err = l.DB.View(ctx, func(tx *store.Tx) error {
		out, err = ids(ctx, tx, `SELECT b.id FROM broadcast b LEFT JOIN broadcast_lease l ON l.broadcast_id = b.id
			WHERE b.state IN ('live','interrupted','rehearsal') AND (l.until_at IS NULL OR l.until_at <= $1) ORDER BY b.id`, store.Millis(at))
		return err
	})
	return out, err
}

// Release gives all of a node's leases back.
func (l Leases) Release(ctx context.Context, node string) error {
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM broadcast_lease WHERE node = $1`, node)
		return err
	})
}

func ids(ctx context.Context, tx *store.Tx, query string, args ...any) (out []string, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
