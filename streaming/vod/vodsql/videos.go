package vodsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

var _ vod.Videos = (*Store)(nil)

const (
	videoColumns = `id, source, shop, channel, kind, state, title, caption, language, made_by, from_media, until_media, duration, width, height,
		frame_rate, approved, publish_at, published_at, expires_at, created_at, changed_at, body`
	tagColumns = `id, video, place, product, from_media, until_media`
)

// videoBody is what no query looks into.
type videoBody struct {
	Poster  *vod.Image `json:"poster,omitempty"`
	Board   *vod.Board `json:"board,omitempty"`
	Problem string     `json:"problem,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

func videoValues(v vod.Video) ([]any, error) {
	body, err := json.Marshal(videoBody{v.Poster, v.Board, v.Problem, v.Reason})
	if err != nil {
		return nil, fmt.Errorf("write a video: %w", err)
	}
	return []any{
		v.ID, v.Source, v.Shop, v.Channel, string(v.Kind), string(v.State), v.Title, v.Caption, v.Language, v.By, int64(v.From), int64(v.Until),
		v.Duration.Microseconds(), v.Width, v.Height, int64(v.FrameRate*1000 + 0.5), bit(v.Approved), store.Millis(v.PublishAt), store.Millis(v.PublishedAt),
		store.Millis(v.ExpiresAt), store.Millis(v.CreatedAt), store.Millis(v.ChangedAt), string(body),
	}, nil
}

func insertVideo(ctx context.Context, tx *store.Tx, v vod.Video, newest time.Time, conflict string) error {
	values, err := videoValues(v)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO vod_video (`+videoColumns+`, newest) VALUES `+store.Placeholders(1, 24)+` `+conflict,
		append(values, store.Millis(newest))...); err != nil {
		return fmt.Errorf("store a video: %w", err)
	}
	return nil
}

func updateVideo(ctx context.Context, tx *store.Tx, v vod.Video) error {
	values, err := videoValues(v)
	if err != nil {
		return err
	}
	names := strings.Split(videoColumns, ",")
	var set []string
	for i, name := range names[1:] {
		set = append(set, strings.TrimSpace(name)+" = $"+strconv.Itoa(i+2))
	}
	if _, err := tx.Exec(ctx, `UPDATE vod_video SET `+strings.Join(set, ", ")+` WHERE id = $1`, values...); err != nil {
		return fmt.Errorf("change a video: %w", err)
	}
	return nil
}

// Video returns one that is not being deleted.
func (s *Store) Video(ctx context.Context, id string) (v vod.Video, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		v, err = video(ctx, tx, id, "")
		return err
	})
	return v, err
}

func video(ctx context.Context, tx *store.Tx, id, lock string) (vod.Video, error) {
	found, err := videos(tx.Query(ctx, `SELECT `+videoColumns+` FROM vod_video WHERE id = $1 AND state <> $2`+lock, id, retired))
	if err != nil {
		return vod.Video{}, err
	}
	if len(found) == 0 {
		return vod.Video{}, vod.ErrNotFound
	}
	return found[0], nil
}

// List returns videos, newest first.
func (s *Store) List(ctx context.Context, q vod.VideoQuery) (out []vod.Video, err error) {
	var where []string
	var args []any
	value := func(v any) string { args = append(args, v); return "$" + strconv.Itoa(len(args)) }
	in := func(column string, n int, one func(int) string) {
		var marks []string
		for i := range n {
			marks = append(marks, value(one(i)))
		}
		where = append(where, column+` IN (`+strings.Join(marks, ", ")+`)`)
	}
	where = append(where, `state <> `+value(retired), `kind <> 'replay'`)
	by := `created_at`
	if q.Public {
		by = `published_at`
		where = append(where, `state = 'published'`, `(expires_at = 0 OR expires_at > `+value(store.Millis(q.Now))+`)`)
	}
	if q.Channel != "" {
		where = append(where, `channel = `+value(q.Channel))
	}
	if q.Shop != "" {
		where = append(where, `shop = `+value(q.Shop))
	}
	if len(q.Kinds) > 0 {
		in(`kind`, len(q.Kinds), func(i int) string { return string(q.Kinds[i]) })
	}
	if len(q.States) > 0 {
		in(`state`, len(q.States), func(i int) string { return string(q.States[i]) })
	}
	if !q.Before.IsZero() {
		at := store.Millis(q.Before)
		where = append(where, `(`+by+` < `+value(at)+` OR `+by+` = `+value(at)+` AND id < `+value(q.BeforeID)+`)`)
	}
	limit := value(q.Limit)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = videos(tx.Query(ctx, `SELECT `+videoColumns+` FROM vod_video WHERE `+strings.Join(where, " AND ")+` ORDER BY `+by+` DESC, id DESC LIMIT `+limit, args...))
		return err
	})
	return out, err
}

// Create stores a video and its first job.
func (s *Store) Create(ctx context.Context, v vod.Video, j vod.Job) (added bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		values, err := videoValues(v)
		if err != nil {
			return err
		}
		done, err := tx.Exec(ctx, `INSERT INTO vod_video (`+videoColumns+`, newest) VALUES `+store.Placeholders(1, 24)+` ON CONFLICT DO NOTHING`,
			append(values, store.Millis(v.CreatedAt))...)
		if err != nil {
			return fmt.Errorf("store a video: %w", err)
		}
		n, err := done.RowsAffected()
		if added = n > 0; err != nil || !added {
			return err
		}
		return insertJob(ctx, tx, j)
	})
	return added, err
}

// Change lets a caller decide about one video.
func (s *Store) Change(ctx context.Context, id string, change func(*vod.Video, vod.Policy) (vod.Changed, error)) (v vod.Video, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if v, err = video(ctx, tx, id, tx.ForUpdate()); err != nil {
			return err
		}
		p, err := policy(ctx, tx, v.Shop)
		if err != nil {
			return err
		}
		with, err := change(&v, p)
		if err != nil {
			return err
		}
		return store1(ctx, tx, v, with)
	})
	return v, err
}

// store1 stores a changed video with what comes with it.
func store1(ctx context.Context, tx *store.Tx, v vod.Video, with vod.Changed) error {
	if err := updateVideo(ctx, tx, v); err != nil {
		return err
	}
	if with.Tags != nil {
		if _, err := tx.Exec(ctx, `DELETE FROM vod_tag WHERE video = $1`, v.ID); err != nil {
			return fmt.Errorf("delete tags: %w", err)
		}
		for i, g := range *with.Tags {
			if _, err := tx.Exec(ctx, `INSERT INTO vod_tag (`+tagColumns+`) VALUES `+store.Placeholders(1, 6), g.ID, v.ID, i, g.Product, int64(g.From), int64(g.Until)); err != nil {
				return fmt.Errorf("store a tag: %w", err)
			}
		}
	}
	if with.Job != nil {
		return insertJob(ctx, tx, *with.Job)
	}
	return nil
}

// Tags returns a video's tags in their order.
func (s *Store) Tags(ctx context.Context, id string) (out []vod.Tag, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, product, from_media, until_media FROM vod_tag WHERE video = $1 ORDER BY place, id`, id)
		out, err = scan(rows, err, func(g *vod.Tag) error { return rows.Scan(&g.ID, &g.Product, &g.From, &g.Until) })
		return err
	})
	return out, err
}

// Due returns what is to be published by now, and what is over.
func (s *Store) Due(ctx context.Context, now time.Time, n int) (out []vod.Video, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = videos(tx.Query(ctx, `SELECT `+videoColumns+` FROM vod_video WHERE state = 'scheduled' AND publish_at <= $1 ORDER BY publish_at, id LIMIT $2`, store.Millis(now), n))
		if err != nil {
			return err
		}
		over, err := videos(tx.Query(ctx, `SELECT `+videoColumns+` FROM vod_video WHERE state = 'published' AND expires_at > 0 AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2`, store.Millis(now), n))
		out = append(out, over...)
		return err
	})
	return out, err
}

// Policy returns a shop's, the zero one where it set none.
func (s *Store) Policy(ctx context.Context, shop string) (p vod.Policy, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		p, err = policy(ctx, tx, shop)
		return err
	})
	return p, err
}

func policy(ctx context.Context, tx *store.Tx, shop string) (vod.Policy, error) {
	p := vod.Policy{Shop: shop}
	var review int64
	err := tx.QueryRow(ctx, `SELECT review, webhook, secret FROM vod_policy WHERE shop = $1`, shop).Scan(&review, &p.Webhook, &p.Secret)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read a shop's policy: %w", err)
	}
	p.Review = review != 0
	return p, nil
}

// SetPolicy stores a shop's.
func (s *Store) SetPolicy(ctx context.Context, p vod.Policy, now time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO vod_policy (shop, review, webhook, secret, changed_at) VALUES `+store.Placeholders(1, 5)+`
			ON CONFLICT (shop) DO UPDATE SET review = excluded.review, webhook = excluded.webhook, secret = excluded.secret, changed_at = excluded.changed_at`,
			p.Shop, bit(p.Review), p.Webhook, p.Secret, store.Millis(now)); err != nil {
			return fmt.Errorf("store a shop's policy: %w", err)
		}
		return nil
	})
}

// Retired returns what is being deleted.
func (s *Store) Retired(ctx context.Context, n int) (out []vod.Video, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = videos(tx.Query(ctx, `SELECT `+videoColumns+` FROM vod_video WHERE state = $1 ORDER BY newest, id LIMIT $2`, retired, n))
		return err
	})
	return out, err
}

func videos(rows *sql.Rows, err error) ([]vod.Video, error) {
	return scan(rows, err, func(v *vod.Video) error {
		var from, until, duration, rate, approved, at, published, expires, created, changed int64
		var text string
		if err := rows.Scan(&v.ID, &v.Source, &v.Shop, &v.Channel, &v.Kind, &v.State, &v.Title, &v.Caption, &v.Language, &v.By, &from, &until,
			&duration, &v.Width, &v.Height, &rate, &approved, &at, &published, &expires, &created, &changed, &text); err != nil {
			return err
		}
		var body videoBody
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return err
		}
		v.Poster, v.Board, v.Problem, v.Reason = body.Poster, body.Board, body.Problem, body.Reason
		v.From, v.Until, v.Duration = mediatime.Time(from), mediatime.Time(until), time.Duration(duration)*time.Microsecond
		v.FrameRate, v.Approved = float64(rate)/1000, approved != 0
		v.PublishAt, v.PublishedAt, v.ExpiresAt = store.Time(at), store.Time(published), store.Time(expires)
		v.CreatedAt, v.ChangedAt = store.Time(created), store.Time(changed)
		return nil
	})
}
