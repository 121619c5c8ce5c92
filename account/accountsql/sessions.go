package accountsql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/store"
)

// CreateSession implements account.Sessions.
func (s *Store) CreateSession(ctx context.Context, n account.Session) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `INSERT INTO session (digest, account, created_at, expires_at)
			SELECT $1, id, $2, $3 FROM account WHERE id = $4 AND erased_at IS NULL`,
			n.Digest.String(), store.Millis(n.Created), store.Millis(n.Expires), n.Account)
		return one(r, err, "create a session")
	})
}

// SessionPrincipal implements account.Sessions.
func (s *Store) SessionPrincipal(ctx context.Context, d account.Digest, now time.Time) (p account.Principal, n account.Session, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var created, expires int64
		err := tx.QueryRow(ctx, `SELECT account, created_at, expires_at FROM session WHERE digest = $1 AND expires_at > $2`, d.String(), store.Millis(now)).
			Scan(&n.Account, &created, &expires)
		if err := found(err, "read a session"); err != nil {
			return err
		}
		n.Digest, n.Created, n.Expires = d, store.Time(created), store.Time(expires)
		p, err = principal(ctx, tx, n.Account)
		return err
	})
	if err != nil {
		return account.Principal{}, account.Session{}, err
	}
	return p, n, nil
}

// AccountPrincipal implements account.Persons.
func (s *Store) AccountPrincipal(ctx context.Context, id string) (p account.Principal, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		p, err = principal(ctx, tx, id)
		return err
	})
	return p, err
}

// principal reads what an account may do.
func principal(ctx context.Context, tx *store.Tx, id string) (account.Principal, error) {
	p := account.Principal{AccountID: id}
	var admin sql.NullInt64
	if err := found(tx.QueryRow(ctx, `SELECT admin_at FROM account WHERE id = $1 AND erased_at IS NULL`, id).Scan(&admin), "read an account"); err != nil {
		return account.Principal{}, err
	}
	p.Admin = admin.Valid
	var err error
	p.Memberships, err = store.Collect(ctx, tx, func(r *sql.Rows) (m account.Membership, err error) {
		return m, r.Scan(&m.Shop, &m.Channel, &m.Role, &m.Name)
	}, `SELECT m.shop, m.channel, m.role, COALESCE(c.name, s.name) FROM membership m JOIN shop s ON s.id = m.shop
		LEFT JOIN channel c ON c.id = m.channel WHERE m.account = $1 ORDER BY m.shop, m.channel`, id)
	if err != nil {
		return account.Principal{}, fmt.Errorf("read memberships: %w", err)
	}
	return p, nil
}

// ExtendSession implements account.Sessions.
func (s *Store) ExtendSession(ctx context.Context, d account.Digest, expires time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE session SET expires_at = $1 WHERE digest = $2`, store.Millis(expires), d.String())
		return one(r, err, "extend a session")
	})
}

// DeleteSession implements account.Sessions.
func (s *Store) DeleteSession(ctx context.Context, d account.Digest) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM session WHERE digest = $1`, d.String())
		return err
	})
}

// DeleteSessions implements account.Sessions.
func (s *Store) DeleteSessions(ctx context.Context, id string, except account.Digest) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM session WHERE account = $1 AND digest <> $2`, id, except.String())
		return err
	})
}

// CreateToken implements account.Tokens.
func (s *Store) CreateToken(ctx context.Context, t account.Token, d account.Digest, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, lockAccount, t.Account); err != nil {
			return err
		}
		if err := room(ctx, tx, max, `SELECT COUNT(*) FROM api_token WHERE account = $1`, t.Account); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO api_token (id, digest, account, name, scopes, shop, channel, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			t.ID, d.String(), t.Account, t.Name, strings.Join(t.Scopes, " "), t.Shop, t.Channel, store.Millis(t.Created))
		if err != nil {
			return fmt.Errorf("create a token: %w", err)
		}
		return nil
	})
}

// Tokens implements account.Tokens.
func (s *Store) Tokens(ctx context.Context, id string) (out []account.Token, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(r *sql.Rows) (t account.Token, err error) {
			var scopes string
			var created int64
			err = r.Scan(&t.ID, &t.Account, &t.Name, &scopes, &t.Shop, &t.Channel, &created)
			t.Scopes, t.Created = strings.Fields(scopes), store.Time(created)
			return t, err
		}, `SELECT id, account, name, scopes, shop, channel, created_at FROM api_token WHERE account = $1 ORDER BY id`, id)
		return err
	})
	return out, err
}

// DeleteToken implements account.Tokens.
func (s *Store) DeleteToken(ctx context.Context, owner, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM api_token WHERE id = $1 AND account = $2`, id, owner)
		return one(r, err, "delete a token")
	})
}

// TokenPrincipal implements account.Tokens.
func (s *Store) TokenPrincipal(ctx context.Context, d account.Digest) (p account.Principal, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var id, owner, scopes, shop, channel string
		err := tx.QueryRow(ctx, `SELECT id, account, scopes, shop, channel FROM api_token WHERE digest = $1`, d.String()).
			Scan(&id, &owner, &scopes, &shop, &channel)
		if err := found(err, "read a token"); err != nil {
			return err
		}
		p, err = principal(ctx, tx, owner)
		p.TokenID, p.Scopes, p.Shop, p.Channel = id, strings.Fields(scopes), shop, channel
		return err
	})
	if err != nil {
		return account.Principal{}, err
	}
	return p, nil
}
