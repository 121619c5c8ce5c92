package accountsql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/store"
)

// CreateAccount implements account.Persons.
func (s *Store) CreateAccount(ctx context.Context, p account.Person, passwordHash string) (created bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO account (id, created_at) VALUES ($1, $2)`, p.Account, store.Millis(p.Created)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO person (account, email, email_key, name, locale) VALUES ($1, $2, $3, $4, $5)`,
			p.Account, p.Email, p.EmailKey, p.Name, p.Locale); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO password (account, hash) VALUES ($1, $2)`, p.Account, passwordHash)
		return err
	})
	if store.IsUnique(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create an account: %w", err)
	}
	return true, nil
}

// Credential implements account.Persons.
func (s *Store) Credential(ctx context.Context, emailKey, id string) (c account.Credential, err error) {
	query, arg := `SELECT account, hash FROM password WHERE account = (SELECT account FROM person WHERE email_key = $1)`, emailKey
	if emailKey == "" {
		query, arg = `SELECT account, hash FROM password WHERE account = $1`, id
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		return found(tx.QueryRow(ctx, query, arg).Scan(&c.Account, &c.Hash), "read a credential")
	})
	return c, err
}

// SetPassword implements account.Persons.
func (s *Store) SetPassword(ctx context.Context, id, passwordHash string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE password SET hash = $1 WHERE account = $2`, passwordHash, id)
		return one(r, err, "set a password")
	})
}

// Person implements account.Persons.
func (s *Store) Person(ctx context.Context, id string) (p account.Person, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var admin sql.NullInt64
		var created int64
		err := tx.QueryRow(ctx, `SELECT p.account, p.email, p.email_key, p.name, p.locale, a.admin_at, a.created_at
			FROM person p JOIN account a ON a.id = p.account WHERE p.account = $1`, id).
			Scan(&p.Account, &p.Email, &p.EmailKey, &p.Name, &p.Locale, &admin, &created)
		p.Admin, p.Created = admin.Valid, store.Time(created)
		return found(err, "read a person")
	})
	if err != nil {
		return account.Person{}, err
	}
	return p, nil
}

// UpdatePerson implements account.Persons.
func (s *Store) UpdatePerson(ctx context.Context, id string, c account.PersonChange) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE person SET name = COALESCE($1, name), locale = COALESCE($2, locale) WHERE account = $3`, c.Name, c.Locale, id)
		return one(r, err, "update a person")
	})
}

// SetAdmin implements account.Persons.
func (s *Store) SetAdmin(ctx context.Context, id string, at time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE account SET admin_at = $1 WHERE id = $2 AND erased_at IS NULL`, null(at), id)
		return one(r, err, "set an admin")
	})
}

// Erase implements account.Persons.
func (s *Store) Erase(ctx context.Context, id string, at time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := soleOwner(ctx, tx, id); err != nil {
			return err
		}
		r, err := tx.Exec(ctx, `UPDATE account SET erased_at = $1, admin_at = NULL WHERE id = $2 AND erased_at IS NULL`, store.Millis(at), id)
		if err := one(r, err, "erase an account"); err != nil {
			return err
		}
		for _, table := range []string{"person", "password", "address", "session", "api_token", "replay"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE account = $1`, id); err != nil {
				return fmt.Errorf("erase from %s: %w", table, err)
			}
		}
		return nil
	})
}

// soleOwner refuses an account that is the only living owner of a shop. It locks the shops in order.
func soleOwner(ctx context.Context, tx *store.Tx, id string) error {
	shops, err := store.Collect(ctx, tx, text, `SELECT shop FROM membership WHERE account = $1 AND channel = '' AND role = 'owner'`, id)
	if err != nil {
		return fmt.Errorf("read owned shops: %w", err)
	}
	slices.Sort(shops)
	for _, shop := range shops {
		if err := lock(ctx, tx, lockShop, shop); err != nil {
			return err
		}
		if err := otherOwner(ctx, tx, shop, id); err != nil {
			return err
		}
	}
	return nil
}

// otherOwner wants a living owner of the shop beside the account.
func otherOwner(ctx context.Context, tx *store.Tx, shop, id string) error {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM membership m JOIN account a ON a.id = m.account
		WHERE m.shop = $1 AND m.channel = '' AND m.role = 'owner' AND m.account <> $2 AND a.erased_at IS NULL`, shop, id).Scan(&n)
	if err != nil {
		return fmt.Errorf("count owners: %w", err)
	}
	if n == 0 {
		return account.ErrLastOwner
	}
	return nil
}

// AddAddress implements account.Sessions.
func (s *Store) AddAddress(ctx context.Context, id string, a account.Address, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, lockAccount, id); err != nil {
			return err
		}
		if err := room(ctx, tx, max, `SELECT COUNT(*) FROM address WHERE account = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO address (id, account, name, line1, line2, city, zip, country, phone, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			a.ID, id, a.Name, a.Line1, a.Line2, a.City, a.Zip, a.Country, a.Phone, store.Millis(a.Created))
		if err != nil {
			return fmt.Errorf("add an address: %w", err)
		}
		return nil
	})
}

// Addresses implements account.Sessions.
func (s *Store) Addresses(ctx context.Context, id string) (out []account.Address, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(r *sql.Rows) (a account.Address, err error) {
			var created int64
			err = r.Scan(&a.ID, &a.Name, &a.Line1, &a.Line2, &a.City, &a.Zip, &a.Country, &a.Phone, &created)
			a.Created = store.Time(created)
			return a, err
		}, `SELECT id, name, line1, line2, city, zip, country, phone, created_at FROM address WHERE account = $1 ORDER BY id`, id)
		return err
	})
	return out, err
}

// DeleteAddress implements account.Sessions.
func (s *Store) DeleteAddress(ctx context.Context, owner, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `DELETE FROM address WHERE id = $1 AND account = $2`, id, owner)
		return one(r, err, "delete an address")
	})
}

func text(r *sql.Rows) (s string, err error) { return s, r.Scan(&s) }
