package accountsql

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/store"
)

// CreateShop implements account.Shops.
func (s *Store) CreateShop(ctx context.Context, n account.Shop, owner string, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, lockAccount, owner); err != nil {
			return err
		}
		if err := room(ctx, tx, max, `SELECT COUNT(*) FROM membership WHERE account = $1 AND channel = '' AND role = 'owner'`, owner); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO shop (id, name, currency, time_zone, locale, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			n.ID, n.Name, n.Currency, n.TimeZone, n.Locale, store.Millis(n.Created)); err != nil {
			return fmt.Errorf("create a shop: %w", err)
		}
		_, err := tx.Exec(ctx, `INSERT INTO membership (account, shop, channel, role) VALUES ($1, $2, '', 'owner')`, owner, n.ID)
		if err != nil {
			return fmt.Errorf("own a shop: %w", err)
		}
		return nil
	})
}

// Shop implements account.Shops.
func (s *Store) Shop(ctx context.Context, id string) (n account.Shop, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		var created int64
		err := tx.QueryRow(ctx, `SELECT id, name, currency, time_zone, locale, created_at FROM shop WHERE id = $1`, id).
			Scan(&n.ID, &n.Name, &n.Currency, &n.TimeZone, &n.Locale, &created)
		n.Created = store.Time(created)
		return found(err, "read a shop")
	})
	if err != nil {
		return account.Shop{}, err
	}
	return n, nil
}

// UpdateShop implements account.Shops.
func (s *Store) UpdateShop(ctx context.Context, id string, c account.ShopChange) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE shop SET name = COALESCE($1, name), time_zone = COALESCE($2, time_zone), locale = COALESCE($3, locale) WHERE id = $4`,
			c.Name, c.TimeZone, c.Locale, id)
		return one(r, err, "update a shop")
	})
}

// CreateChannel implements account.Shops.
func (s *Store) CreateChannel(ctx context.Context, c account.Channel, max int) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, lockShop, c.Shop); err != nil {
			return err
		}
		if err := room(ctx, tx, max, `SELECT COUNT(*) FROM channel WHERE shop = $1`, c.Shop); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO channel (id, shop, handle, name, created_at) VALUES ($1, $2, $3, $4, $5)`,
			c.ID, c.Shop, c.Handle, c.Name, store.Millis(c.Created))
		return err
	})
	if store.IsUnique(err) {
		return account.ErrHandleTaken
	}
	return err
}

const channelColumns = `SELECT c.id, c.shop, s.name, c.handle, c.name, c.created_at FROM channel c JOIN shop s ON s.id = c.shop `

func scanChannel(scan func(...any) error) (c account.Channel, err error) {
	var created int64
	err = scan(&c.ID, &c.Shop, &c.ShopName, &c.Handle, &c.Name, &created)
	c.Created = store.Time(created)
	return c, err
}

// Channel implements account.Shops.
func (s *Store) Channel(ctx context.Context, idOrHandle string) (c account.Channel, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		c, err = scanChannel(tx.QueryRow(ctx, channelColumns+`WHERE c.id = $1 OR c.handle = $1`, idOrHandle).Scan)
		return found(err, "read a channel")
	})
	if err != nil {
		return account.Channel{}, err
	}
	return c, nil
}

// UpdateChannel implements account.Shops.
func (s *Store) UpdateChannel(ctx context.Context, id, name string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE channel SET name = $1 WHERE id = $2`, name, id)
		return one(r, err, "update a channel")
	})
}

// Channels implements account.Shops.
func (s *Store) Channels(ctx context.Context, shop string) (out []account.Channel, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(r *sql.Rows) (account.Channel, error) { return scanChannel(r.Scan) },
			channelColumns+`WHERE c.shop = $1 ORDER BY c.id`, shop)
		return err
	})
	return out, err
}

// Members implements account.Members.
func (s *Store) Members(ctx context.Context, place account.Owner) (out []account.Member, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(r *sql.Rows) (m account.Member, err error) {
			return m, r.Scan(&m.Account, &m.Name, &m.Role)
		}, `SELECT m.account, p.name, m.role FROM membership m JOIN person p ON p.account = m.account
			WHERE m.shop = $1 AND m.channel = $2 ORDER BY m.account`, place.Shop, place.Channel)
		return err
	})
	return out, err
}

// SetMember implements account.Members.
func (s *Store) SetMember(ctx context.Context, place account.Owner, id string, role account.Role, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lockPlace(ctx, tx, place); err != nil {
			return err
		}
		var known string
		if err := found(tx.QueryRow(ctx, lockAccount, id).Scan(&known), "find an account"); err != nil {
			return err
		}
		if place.Channel == "" && role != account.RoleOwner {
			if err := stays(ctx, tx, place, id); err != nil {
				return err
			}
		}
		if err := room(ctx, tx, max, `SELECT COUNT(*) FROM membership WHERE shop = $1 AND channel = $2 AND account <> $3`, place.Shop, place.Channel, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO membership (account, shop, channel, role) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account, shop, channel) DO UPDATE SET role = excluded.role`, id, place.Shop, place.Channel, string(role))
		if err != nil {
			return fmt.Errorf("set a member: %w", err)
		}
		return nil
	})
}

// RemoveMember implements account.Members.
func (s *Store) RemoveMember(ctx context.Context, place account.Owner, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := lockPlace(ctx, tx, place); err != nil {
			return err
		}
		if place.Channel == "" {
			if err := stays(ctx, tx, place, id); err != nil {
				return err
			}
		}
		r, err := tx.Exec(ctx, `DELETE FROM membership WHERE account = $1 AND shop = $2 AND channel = $3`, id, place.Shop, place.Channel)
		return one(r, err, "remove a member")
	})
}

func lockPlace(ctx context.Context, tx *store.Tx, place account.Owner) error {
	if err := lock(ctx, tx, lockShop, place.Shop); err != nil || place.Channel == "" {
		return err
	}
	var shop string
	if err := found(tx.QueryRow(ctx, `SELECT shop FROM channel WHERE id = $1`, place.Channel).Scan(&shop), "find a channel"); err != nil {
		return err
	}
	if shop != place.Shop {
		return account.ErrNotFound
	}
	return nil
}

// stays refuses to take the owner's role from the last owner of a shop.
func stays(ctx context.Context, tx *store.Tx, place account.Owner, id string) error {
	var role account.Role
	err := tx.QueryRow(ctx, `SELECT role FROM membership WHERE account = $1 AND shop = $2 AND channel = ''`, id, place.Shop).Scan(&role)
	switch {
	case store.NoRows(err) || err == nil && role != account.RoleOwner:
		return nil
	case err != nil:
		return fmt.Errorf("read a role: %w", err)
	}
	return otherOwner(ctx, tx, place.Shop, id)
}
