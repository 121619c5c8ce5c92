// Package vodsql keeps videos and the lines of their segments in SQL, on both engines.
//
// It implements vod.Store: each method is one transaction. What enters are lines whose blobs are stored already, what
// leaves are timelines. It refuses to decide what is kept: that is vod's rule. cmd makes it.
package vodsql

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Store is a vod.Store.
type Store struct {
	DB *store.DB // schema Activity
}

var _ vod.Store = (*Store)(nil)

const (
	retired = string(vod.StateRetired)

	initColumns = `source, rendition, life, number, generation, anchor_media, anchor_wall, has_video, has_audio, codecs, width, height, bytes, blob, sum`
	lineColumns = `source, rendition, life, number, init, discontinuity, independent, date, from_media, duration, bytes, blob, sum`
)

// Add stores a line with its init, and the video that plays it where that is new.
func (s *Store) Add(ctx context.Context, v vod.Video, i vod.Init, l vod.Line) (added bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if added, err = insertLine(ctx, tx, l); err != nil || !added {
			return err
		}
		if err := insertInit(ctx, tx, i); err != nil {
			return err
		}
		v.State, v.Approved, v.PublishedAt = vod.StatePublished, true, v.CreatedAt
		return insertVideo(ctx, tx, v, l.Date, `ON CONFLICT (id) DO UPDATE SET newest = CASE WHEN vod_video.newest < excluded.newest THEN excluded.newest ELSE vod_video.newest END`)
	})
	return added, err
}

func insertLine(ctx context.Context, tx *store.Tx, l vod.Line) (added bool, err error) {
	done, err := tx.Exec(ctx, `INSERT INTO vod_line (`+lineColumns+`) VALUES `+store.Placeholders(1, 13)+` ON CONFLICT DO NOTHING`,
		l.Source, l.Rendition, l.Life, l.Number, l.Init, bit(l.Discontinuity), bit(l.Independent), l.Date.UnixMicro(), int64(l.From),
		l.Duration.Microseconds(), l.Bytes, l.Key, l.Sum)
	if err != nil {
		return false, fmt.Errorf("store a line: %w", err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

func insertInit(ctx context.Context, tx *store.Tx, i vod.Init) error {
	if _, err := tx.Exec(ctx, `INSERT INTO vod_init (`+initColumns+`) VALUES `+store.Placeholders(1, 15)+` ON CONFLICT DO NOTHING`,
		i.Source, i.Rendition, i.Life, i.Number, i.Generation, int64(i.Anchor.Media), i.Anchor.Wall.UnixMicro(), bit(i.Video), bit(i.Audio),
		i.Codecs, i.Width, i.Height, i.Bytes, i.Key, i.Sum); err != nil {
		return fmt.Errorf("store an init: %w", err)
	}
	return nil
}

// Has tells whether a line is stored.
func (s *Store) Has(ctx context.Context, l vod.Line) (has bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM vod_line WHERE source = $1 AND rendition = $2 AND life = $3 AND number = $4`,
			l.Source, l.Rendition, l.Life, l.Number).Scan(&n); err != nil {
			return fmt.Errorf("look for a line: %w", err)
		}
		has = n > 0
		return nil
	})
	return has, err
}

// Timeline returns what a video plays.
func (s *Store) Timeline(ctx context.Context, v vod.Video) (all []vod.Init, out []vod.Line, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = lines(tx.Query(ctx, `SELECT `+lineColumns+` FROM vod_line WHERE source = $1 AND from_media + duration > $2 AND (CAST($3 AS BIGINT) = 0 OR from_media < $3)
			ORDER BY from_media, rendition, life, number`, v.Source, int64(v.From), int64(v.Until)))
		if err != nil {
			return err
		}
		all, err = inits(tx.Query(ctx, `SELECT `+initColumns+` FROM vod_init WHERE source = $1 ORDER BY rendition, life, number`, v.Source))
		return err
	})
	return all, out, err
}

// Retire marks replays whose newest line is old, and returns what it marked.
func (s *Store) Retire(ctx context.Context, before time.Time, n int) (out []string, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE vod_video SET state = $1 WHERE id IN (
				SELECT id FROM vod_video WHERE kind = 'replay' AND state <> $1 AND newest < $2 ORDER BY newest, id LIMIT $3) RETURNING id`,
			retired, store.Millis(before), n)
		out, err = scan(rows, err, func(id *string) error { return rows.Scan(id) })
		return err
	})
	return out, err
}

// Loose returns lines of a source that no kept video plays, and, where none is left, the inits that no line names.
func (s *Store) Loose(ctx context.Context, source string, n int) (out []vod.Line, free []vod.Init, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = lines(tx.Query(ctx, `SELECT `+lineColumns+` FROM vod_line l WHERE l.source = $1 AND NOT EXISTS (
				SELECT 1 FROM vod_video v WHERE v.source = l.source AND v.state <> $2
				AND l.from_media + l.duration > v.from_media AND (v.until_media = 0 OR l.from_media < v.until_media))
			ORDER BY from_media, rendition, life, number LIMIT $3`, source, retired, n))
		if err != nil || len(out) > 0 {
			return err
		}
		free, err = inits(tx.Query(ctx, `SELECT `+initColumns+` FROM vod_init i WHERE i.source = $1 AND NOT EXISTS (
				SELECT 1 FROM vod_line l WHERE l.source = i.source AND l.rendition = i.rendition AND l.life = i.life AND l.init = i.number)
			ORDER BY rendition, life, number LIMIT $2`, source, n))
		return err
	})
	return out, free, err
}

// Forget deletes lines and inits.
func (s *Store) Forget(ctx context.Context, out []vod.Line, free []vod.Init) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, l := range out {
			if _, err := tx.Exec(ctx, `DELETE FROM vod_line WHERE source = $1 AND rendition = $2 AND life = $3 AND number = $4`, l.Source, l.Rendition, l.Life, l.Number); err != nil {
				return fmt.Errorf("delete a line: %w", err)
			}
		}
		for _, i := range free {
			if _, err := tx.Exec(ctx, `DELETE FROM vod_init WHERE source = $1 AND rendition = $2 AND life = $3 AND number = $4`, i.Source, i.Rendition, i.Life, i.Number); err != nil {
				return fmt.Errorf("delete an init: %w", err)
			}
		}
		return nil
	})
}

// Remove deletes a retired video with its tags and jobs.
func (s *Store) Remove(ctx context.Context, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM vod_video WHERE id = $1 AND state = $2`, id, retired)
		if err != nil {
			return fmt.Errorf("delete a video: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, table := range []string{"vod_tag", "vod_job", "vod_captions"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE video = $1`, id); err != nil {
				return fmt.Errorf("delete what belongs to a video: %w", err)
			}
		}
		return nil
	})
}

func inits(rows *sql.Rows, err error) ([]vod.Init, error) {
	return scan(rows, err, func(i *vod.Init) error {
		var media, wall, video, audio int64
		err := rows.Scan(&i.Source, &i.Rendition, &i.Life, &i.Number, &i.Generation, &media, &wall, &video, &audio, &i.Codecs, &i.Width, &i.Height, &i.Bytes, &i.Key, &i.Sum)
		i.Anchor = mediatime.Anchor{Generation: i.Generation, Media: mediatime.Time(media), Wall: time.UnixMicro(wall).UTC()}
		i.Video, i.Audio = video != 0, audio != 0
		return err
	})
}

func lines(rows *sql.Rows, err error) ([]vod.Line, error) {
	return scan(rows, err, func(l *vod.Line) error {
		var discontinuity, independent, date, from, duration int64
		err := rows.Scan(&l.Source, &l.Rendition, &l.Life, &l.Number, &l.Init, &discontinuity, &independent, &date, &from, &duration, &l.Bytes, &l.Key, &l.Sum)
		l.Discontinuity, l.Independent = discontinuity != 0, independent != 0
		l.Date, l.From, l.Duration = time.UnixMicro(date).UTC(), mediatime.Time(from), time.Duration(duration)*time.Microsecond
		return err
	})
}

// scan reads rows one by one and closes them.
func scan[T any](rows *sql.Rows, err error, one func(*T) error) (out []T, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read videos: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := one(&v); err != nil {
			return nil, fmt.Errorf("read videos: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
