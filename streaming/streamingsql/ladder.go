package streamingsql

import (
	"context"
	"fmt"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
)

// SetLadder says whether smaller pictures of the broadcast are made.
func (s *Store) SetLadder(ctx context.Context, id string, on bool) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		b, err := get(ctx, tx, id, tx.ForUpdate())
		if err != nil {
			return err
		}
		if b.State == streaming.Ended {
			return streaming.ErrMove
		}
		query := `INSERT INTO broadcast_ladder (broadcast_id) VALUES ($1) ON CONFLICT DO NOTHING`
		if !on {
			query = `DELETE FROM broadcast_ladder WHERE broadcast_id = $1`
		}
		if _, err := tx.Exec(ctx, query, id); err != nil {
			return fmt.Errorf("set ladder: %w", err)
		}
		return nil
	})
}

// Ladders lists the broadcasts with a ladder that have not ended.
func (s *Store) Ladders(ctx context.Context) (ids []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		ids = nil
		rows, err := tx.Query(ctx, `SELECT l.broadcast_id FROM broadcast_ladder l JOIN broadcast b ON b.id = l.broadcast_id
			WHERE b.state <> 'ended' ORDER BY l.broadcast_id LIMIT 1000`)
		if err != nil {
			return fmt.Errorf("read ladders: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}
