package vodsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/vod"
)

var _ vod.Jobs = (*Store)(nil)

const jobColumns = `id, video, shop, kind, depot, state, stage, progress, attempt, worker, due_at, problem, body, created_at`

func insertJob(ctx context.Context, tx *store.Tx, j vod.Job) error {
	if _, err := tx.Exec(ctx, `INSERT INTO vod_job (`+jobColumns+`, changed_at) VALUES `+store.Placeholders(1, 15),
		j.ID, j.Video, j.Shop, string(j.Kind), j.Depot, string(vod.JobWaiting), j.Stage, 0, 0, "", store.Millis(j.DueAt), "", string(j.Body),
		store.Millis(j.CreatedAt), store.Millis(j.CreatedAt)); err != nil {
		return fmt.Errorf("store a job: %w", err)
	}
	return nil
}

// Claim gives a job to a worker. The row is taken only as it was seen: of two that see it one gets it.
func (s *Store) Claim(ctx context.Context, worker, depot string, kind vod.JobKind, now, until time.Time) (j vod.Job, ok bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := jobs(tx.Query(ctx, `SELECT `+jobColumns+` FROM vod_job WHERE state IN ('waiting', 'running') AND due_at <= $1 AND kind = $2 AND depot IN ('', $3)
			ORDER BY due_at, id LIMIT 1`, store.Millis(now), string(kind), depot))
		if err != nil || len(found) == 0 {
			return err
		}
		j = found[0]
		done, err := tx.Exec(ctx, `UPDATE vod_job SET state = 'running', worker = $1, attempt = attempt + 1, due_at = $2, changed_at = $3
			WHERE id = $4 AND attempt = $5 AND state = $6 AND due_at <= $3`, worker, store.Millis(until), store.Millis(now), j.ID, j.Attempt, string(j.State))
		if err != nil {
			return fmt.Errorf("claim a job: %w", err)
		}
		n, err := done.RowsAffected()
		ok = n > 0
		j.State, j.Worker, j.Attempt, j.DueAt = vod.JobRunning, worker, j.Attempt+1, until
		return err
	})
	return j, ok, err
}

// Free makes a depot's running jobs due.
func (s *Store) Free(ctx context.Context, depot string, now time.Time) (freed int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE vod_job SET due_at = $1 WHERE state = 'running' AND depot = $2 AND due_at > $1`, store.Millis(now), depot)
		if err != nil {
			return fmt.Errorf("free jobs: %w", err)
		}
		n, err := done.RowsAffected()
		freed = int(n)
		return err
	})
	return freed, err
}

// mine is true for the row of a job that its worker still holds.
const mine = ` WHERE id = $1 AND worker = $2 AND attempt = $3 AND state = 'running'`

// move changes a job that its worker holds.
func move(ctx context.Context, tx *store.Tx, j vod.Job, set string, args ...any) error {
	done, err := tx.Exec(ctx, `UPDATE vod_job SET `+set+mine, append([]any{j.ID, j.Worker, j.Attempt}, args...)...)
	if err != nil {
		return fmt.Errorf("change a job: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return vod.ErrLost
}

// Beat prolongs the lease.
func (s *Store) Beat(ctx context.Context, j vod.Job, until time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		return move(ctx, tx, j, `due_at = $4, stage = $5, progress = $6, body = $7`, store.Millis(until), j.Stage, j.Progress, string(j.Body))
	})
}

// Later puts a job back.
func (s *Store) Later(ctx context.Context, j vod.Job, at time.Time, problem string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		return move(ctx, tx, j, `state = 'waiting', worker = '', due_at = $4, problem = $5, body = $6`, store.Millis(at), problem, string(j.Body))
	})
}

// Fail gives a job up.
func (s *Store) Fail(ctx context.Context, j vod.Job, problem string, now time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := move(ctx, tx, j, `state = 'failed', problem = $4, changed_at = $5`, problem, store.Millis(now)); err != nil || j.Kind != vod.JobProcess {
			return err
		}
		v, err := video(ctx, tx, j.Video, tx.ForUpdate())
		if err != nil {
			return ignoreGone(err)
		}
		v.State, v.Problem, v.ChangedAt = vod.StateFailed, problem, now
		return updateVideo(ctx, tx, v)
	})
}

// Finish ends a job and stores what it made.
func (s *Store) Finish(ctx context.Context, j vod.Job, m vod.Made, now time.Time) (v vod.Video, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := move(ctx, tx, j, `state = 'done', progress = 1000, problem = '', changed_at = $4`, store.Millis(now)); err != nil || m.Apply == nil {
			return err
		}
		if v, err = video(ctx, tx, j.Video, tx.ForUpdate()); err != nil {
			return err
		}
		for _, i := range m.Inits {
			if err := insertInit(ctx, tx, i); err != nil {
				return err
			}
		}
		for _, l := range m.Lines {
			if _, err := insertLine(ctx, tx, l); err != nil {
				return err
			}
		}
		p, err := policy(ctx, tx, v.Shop)
		if err != nil {
			return err
		}
		with := m.Apply(&v, p)
		return store1(ctx, tx, v, with)
	})
	return v, err
}

// JobOf returns the newest job of a kind of a video.
func (s *Store) JobOf(ctx context.Context, video string, kind vod.JobKind) (j vod.Job, ok bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := jobs(tx.Query(ctx, `SELECT `+jobColumns+` FROM vod_job WHERE video = $1 AND kind = $2 ORDER BY id DESC LIMIT 1`, video, string(kind)))
		if err == nil && len(found) > 0 {
			j, ok = found[0], true
		}
		return err
	})
	return j, ok, err
}

func jobs(rows *sql.Rows, err error) ([]vod.Job, error) {
	return scan(rows, err, func(j *vod.Job) error {
		var due, created int64
		var body string
		err := rows.Scan(&j.ID, &j.Video, &j.Shop, &j.Kind, &j.Depot, &j.State, &j.Stage, &j.Progress, &j.Attempt, &j.Worker, &due, &j.Problem, &body, &created)
		j.DueAt, j.CreatedAt, j.Body = store.Time(due), store.Time(created), []byte(body)
		return err
	})
}

// ignoreGone is for a video that was deleted meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, vod.ErrNotFound) {
		return nil
	}
	return err
}
