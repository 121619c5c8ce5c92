package vodsql

import (
	"context"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/vod"
)

var _ vod.Clips = (*Store)(nil)

// AddClip stores a clip with its tags, once per moment, of a recording that is kept.
func (s *Store) AddClip(ctx context.Context, moment string, v vod.Video, tags []vod.Tag) (added bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `INSERT INTO vod_clipped (moment, clip, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, moment, v.ID, store.Millis(v.CreatedAt))
		if err != nil {
			return fmt.Errorf("note a moment: %w", err)
		}
		n, err := done.RowsAffected()
		if added = n > 0; err != nil || !added {
			return err
		}
		// What a recording that is being deleted held may be gone already.
		if _, err := video(ctx, tx, v.Source, tx.ForUpdate()); err != nil {
			return err
		}
		if err := insertVideo(ctx, tx, v, v.CreatedAt, ``); err != nil {
			return err
		}
		return store1(ctx, tx, v, vod.Changed{Tags: &tags})
	})
	return added, err
}

// Clipped tells which of the moments have had their clips.
func (s *Store) Clipped(ctx context.Context, moments []string) (map[string]bool, error) {
	out := map[string]bool{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for _, m := range moments {
			var n int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM vod_clipped WHERE moment = $1`, m).Scan(&n); err != nil {
				return fmt.Errorf("look for a moment: %w", err)
			}
			out[m] = n > 0
		}
		return nil
	})
	return out, err
}

// ClipMode is what a channel wants, drafts where nothing was said.
func (s *Store) ClipMode(ctx context.Context, channel string) (m vod.ClipMode, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT mode FROM vod_clip_mode WHERE channel = $1`, channel).Scan(&m)
		if store.NoRows(err) {
			m, err = vod.ClipDraft, nil
		}
		if err != nil {
			return fmt.Errorf("read what becomes of clips: %w", err)
		}
		return nil
	})
	return m, err
}

// SetClipMode says what a channel wants.
func (s *Store) SetClipMode(ctx context.Context, channel string, m vod.ClipMode, now time.Time) error {
	if m != vod.ClipDraft && m != vod.ClipPublish && m != vod.ClipOff {
		return vod.ErrClipMode
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO vod_clip_mode (channel, mode, changed_at) VALUES ($1, $2, $3)
			ON CONFLICT (channel) DO UPDATE SET mode = excluded.mode, changed_at = excluded.changed_at`, channel, string(m), store.Millis(now)); err != nil {
			return fmt.Errorf("store what becomes of clips: %w", err)
		}
		return nil
	})
}
