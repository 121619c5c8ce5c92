package accountsql

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
)

// RotateStreamKey implements account.Keys.
func (s *Store) RotateStreamKey(ctx context.Context, k account.StreamKey, fact func(revoked string) event.Event) (revoked []string, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, lockChannel, k.Channel); err != nil {
			return err
		}
		if revoked, err = store.Collect(ctx, tx, text, `SELECT id FROM stream_key WHERE channel = $1 AND revoked_at IS NULL ORDER BY id`, k.Channel); err != nil {
			return fmt.Errorf("read stream keys: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE stream_key SET revoked_at = $1 WHERE channel = $2 AND revoked_at IS NULL`, store.Millis(k.Created), k.Channel); err != nil {
			return fmt.Errorf("revoke stream keys: %w", err)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO stream_key (id, digest, channel, created_at, srt_sealed) VALUES ($1, $2, $3, $4, $5)`,
			k.ID, k.Digest.String(), k.Channel, store.Millis(k.Created), k.SRTSealed); err != nil {
			return fmt.Errorf("add a stream key: %w", err)
		}
		for _, id := range revoked {
			if err := outbox.Append(ctx, tx, fact(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return revoked, nil
}

// StreamKey implements account.Keys.
func (s *Store) StreamKey(ctx context.Context, d account.Digest) (k account.StreamKey, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var digest string
		var created int64
		err := tx.QueryRow(ctx, `SELECT k.id, k.digest, k.channel, c.shop, k.created_at, k.srt_sealed FROM stream_key k JOIN channel c ON c.id = k.channel
			WHERE k.digest = $1 AND k.revoked_at IS NULL`, d.String()).Scan(&k.ID, &digest, &k.Channel, &k.Shop, &created, &k.SRTSealed)
		if err := found(err, "read a stream key"); err != nil {
			return err
		}
		k.Created = store.Time(created)
		_, err = hex.Decode(k.Digest[:], []byte(digest))
		return err
	})
	if err != nil {
		return account.StreamKey{}, err
	}
	return k, nil
}

// SigningKeys implements account.Keys.
func (s *Store) SigningKeys(ctx context.Context) (out []account.SigningKey, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(r *sql.Rows) (k account.SigningKey, err error) {
			var before, after, revoked int64
			err = r.Scan(&k.ID, &k.Purpose, &k.Sealed, &before, &after, &revoked)
			k.NotBefore, k.NotAfter, k.RevokedAt = store.Time(before), store.Time(after), store.Time(revoked)
			return k, err
		}, `SELECT id, purpose, sealed, not_before, not_after, revoked_at FROM signing_key ORDER BY id`)
		return err
	})
	return out, err
}

// AddSigningKey implements account.Keys.
func (s *Store) AddSigningKey(ctx context.Context, k account.SigningKey) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO signing_key (id, purpose, sealed, not_before, not_after) VALUES ($1, $2, $3, $4, $5)`,
			k.ID, k.Purpose, k.Sealed, store.Millis(k.NotBefore), store.Millis(k.NotAfter))
		return err
	})
}

// RevokeSigningKey implements account.Keys.
func (s *Store) RevokeSigningKey(ctx context.Context, id string, now time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE signing_key SET revoked_at = CASE WHEN revoked_at = 0 THEN $2 ELSE revoked_at END WHERE id = $1`, id, store.Millis(now))
		if err != nil {
			return fmt.Errorf("revoke a signing key: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return account.ErrNotFound
	})
}

// BeginReplay implements account.Replays.
func (s *Store) BeginReplay(ctx context.Context, r account.Replay, now time.Time) (answer string, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		result, err := tx.Exec(ctx, `INSERT INTO replay (id, account, request, answer, lease_until, expires_at) VALUES ($1, $2, $3, '', $4, $5)
			ON CONFLICT (id) DO NOTHING`, r.ID, r.Account, r.Request, store.Millis(r.Lease), store.Millis(r.Expires))
		if err != nil {
			return fmt.Errorf("claim an idempotency key: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var request string
		var lease, expires int64
		err = tx.QueryRow(ctx, `SELECT request, answer, lease_until, expires_at FROM replay WHERE id = $1`+tx.ForUpdate(), r.ID).
			Scan(&request, &answer, &lease, &expires)
		if err != nil && !store.NoRows(err) {
			return fmt.Errorf("read an idempotency key: %w", err)
		}
		switch {
		case err != nil: // dropped this moment
			return account.ErrReplayRunning
		case expires <= store.Millis(now):
			answer = ""
		case request != r.Request:
			return account.ErrReplayOther
		case answer != "":
			return nil
		case lease > store.Millis(now):
			return account.ErrReplayRunning
		}
		_, err = tx.Exec(ctx, `UPDATE replay SET request = $1, answer = '', lease_until = $2, expires_at = $3 WHERE id = $4`,
			r.Request, store.Millis(r.Lease), store.Millis(r.Expires), r.ID)
		return err
	})
	if err != nil {
		return "", err
	}
	return answer, nil
}

// EndReplay implements account.Replays.
func (s *Store) EndReplay(ctx context.Context, id, answer string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE replay SET answer = $1 WHERE id = $2 AND answer = ''`, answer, id)
		return err
	})
}

// DropReplay implements account.Replays.
func (s *Store) DropReplay(ctx context.Context, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM replay WHERE id = $1 AND answer = ''`, id)
		return err
	})
}

// Sweep implements account.Replays.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, q := range []string{
			`DELETE FROM session WHERE digest IN (SELECT digest FROM session WHERE expires_at <= $1 ORDER BY expires_at, digest LIMIT $2)`,
			`DELETE FROM replay WHERE id IN (SELECT id FROM replay WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2)`,
		} {
			r, err := tx.Exec(ctx, q, store.Millis(now), limit)
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			deleted += int(n)
		}
		return nil
	})
	return deleted, err
}
