package vodsql

import (
	"context"
	"fmt"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/vod"
)

var _ vod.CaptionStore = (*Store)(nil)

// Captions returns what is said in a video, by language.
func (s *Store) Captions(ctx context.Context, video string) (out []vod.Captions, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT video, language, label, text, changed_by, changed_at FROM vod_captions WHERE video = $1 ORDER BY language`, video)
		out, err = scan(rows, err, func(c *vod.Captions) error {
			var at int64
			err := rows.Scan(&c.Video, &c.Language, &c.Label, &c.Text, &c.By, &at)
			c.ChangedAt = store.Time(at)
			return err
		})
		return err
	})
	return out, err
}

// PutCaptions stores them in the place of what was there. A video that is there is changed by it, so that what is kept of
// it in memory is read anew.
func (s *Store) PutCaptions(ctx context.Context, c vod.Captions, most int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := touch(ctx, tx, c.Video, store.Millis(c.ChangedAt)); err != nil {
			return err
		}
		var others int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM vod_captions WHERE video = $1 AND language <> $2`, c.Video, c.Language).Scan(&others); err != nil {
			return fmt.Errorf("count captions: %w", err)
		}
		if others >= most {
			return vod.ErrCaptions
		}
		if _, err := tx.Exec(ctx, `INSERT INTO vod_captions (video, language, label, text, changed_by, changed_at) VALUES `+store.Placeholders(1, 6)+`
			ON CONFLICT (video, language) DO UPDATE SET label = excluded.label, text = excluded.text, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
			c.Video, c.Language, c.Label, c.Text, c.By, store.Millis(c.ChangedAt)); err != nil {
			return fmt.Errorf("store captions: %w", err)
		}
		return nil
	})
}

// touch says that a video and its clips have changed, under their locks. There may be none yet: a show is captioned before its first
// segment is stored, too.
func touch(ctx context.Context, tx *store.Tx, video string, at int64) error {
	if _, err := tx.Exec(ctx, `UPDATE vod_video SET changed_at = CASE WHEN changed_at >= $1 THEN changed_at + 1 ELSE $1 END WHERE id = $2 OR source = $2`, at, video); err != nil {
		return fmt.Errorf("touch a video: %w", err)
	}
	return nil
}

// DeleteCaptions takes them away.
func (s *Store) DeleteCaptions(ctx context.Context, video, language string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM vod_captions WHERE video = $1 AND language = $2`, video, language)
		if err != nil {
			return fmt.Errorf("delete captions: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return vod.ErrNotFound
		}
		return touch(ctx, tx, video, 0)
	})
}
