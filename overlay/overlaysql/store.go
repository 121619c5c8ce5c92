// Package overlaysql keeps pins and bags in SQL: overlay's Store on SQLite and PostgreSQL.
//
// What enters are overlay's calls, what leaves are rows and, in the same transaction, facts in the outbox. It
// refuses to decide anything: limits and media times were judged by overlay. cmd makes it.
package overlaysql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Store is overlay.Store on the hawker schema.
type Store struct {
	DB *store.DB
}

var _ overlay.Store = (*Store)(nil)

const pinColumns = `id, broadcast, product, from_media, until_media, placed_by, placed_at, removed_by, removed_at, set_name, set_products`

// PlacePin stores p, unless its product is pinned already.
func (s *Store) PlacePin(ctx context.Context, p overlay.Pin, max int, fact func(int64) event.Event) (out overlay.Pin, placed bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		placed = false
		version, err := lock(ctx, tx, p.Broadcast)
		if err != nil {
			return err
		}
		open, err := pins(ctx, tx, `WHERE broadcast = $1 AND until_media IS NULL ORDER BY number`, p.Broadcast)
		if err != nil {
			return err
		}
		for _, other := range open {
			if other.Key() == p.Key() {
				out = other
				return nil
			}
		}
		if len(open) >= max {
			return overlay.ErrTooManyPins
		}
		name, products, err := setColumns(p)
		if err != nil {
			return err
		}
		version++
		if _, err := tx.Exec(ctx, `INSERT INTO overlay_pin (`+pinColumns+`, number) VALUES `+store.Placeholders(1, 12),
			p.ID, p.Broadcast, p.Key(), int64(p.From), nil, p.PlacedBy, store.Millis(p.PlacedAt), "", 0, name, products, version); err != nil {
			return fmt.Errorf("place a pin: %w", err)
		}
		out, placed = p, true
		return commit(ctx, tx, p.Broadcast, version, fact(version))
	})
	return out, placed, err
}

// RemovePin ends the product's open pin.
func (s *Store) RemovePin(ctx context.Context, r overlay.Removal, fact func(overlay.Pin, int64) event.Event) (out overlay.Pin, removed bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		removed = false
		version, err := lock(ctx, tx, r.Broadcast)
		if err != nil {
			return err
		}
		// An open pin is the newest of its product: while it is open no other is placed.
		found, err := pins(ctx, tx, `WHERE broadcast = $1 AND product = $2 ORDER BY number DESC LIMIT 1`, r.Broadcast, r.Product)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return overlay.ErrNotPinned
		}
		out = found[0]
		if out.Until != nil {
			return nil
		}
		until := max(r.Until, out.From)
		out.Until, out.RemovedBy, out.RemovedAt = &until, r.By, r.At
		if _, err := tx.Exec(ctx, `UPDATE overlay_pin SET until_media = $1, removed_by = $2, removed_at = $3 WHERE id = $4`,
			int64(until), r.By, store.Millis(r.At), out.ID); err != nil {
			return fmt.Errorf("remove a pin: %w", err)
		}
		removed = true
		version++
		return commit(ctx, tx, r.Broadcast, version, fact(out, version))
	})
	return out, removed, err
}

// SetBag makes b the bag.
func (s *Store) SetBag(ctx context.Context, b overlay.Bag, fact func(int64) event.Event) (changed bool, err error) {
	products, err := json.Marshal(b.Products)
	if err != nil {
		return false, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		changed = false
		version, err := lock(ctx, tx, b.Broadcast)
		if err != nil {
			return err
		}
		was := "[]"
		err = tx.QueryRow(ctx, `SELECT products FROM overlay_bag WHERE broadcast = $1 ORDER BY number DESC LIMIT 1`, b.Broadcast).Scan(&was)
		if err != nil && !store.NoRows(err) {
			return fmt.Errorf("read the bag: %w", err)
		}
		if was == string(products) {
			return nil
		}
		changed = true
		version++
		if _, err := tx.Exec(ctx, `INSERT INTO overlay_bag (broadcast, number, products, from_media, set_by, set_at) VALUES ($1,$2,$3,$4,$5,$6)`,
			b.Broadcast, version, string(products), int64(b.From), b.SetBy, store.Millis(b.SetAt)); err != nil {
			return fmt.Errorf("set the bag: %w", err)
		}
		return commit(ctx, tx, b.Broadcast, version, fact(version))
	})
	return changed, err
}

// Room returns what lies over the broadcast.
func (s *Store) Room(ctx context.Context, broadcast string, at *mediatime.Time) (out overlay.Room, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT version FROM overlay_room WHERE broadcast = $1`, broadcast).Scan(&out.Version)
		if store.NoRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a room: %w", err)
		}
		var products string
		if at == nil {
			if out.Pins, err = pins(ctx, tx, `WHERE broadcast = $1 AND until_media IS NULL ORDER BY number`, broadcast); err != nil {
				return err
			}
			err = tx.QueryRow(ctx, `SELECT products FROM overlay_bag WHERE broadcast = $1 ORDER BY number DESC LIMIT 1`, broadcast).Scan(&products)
		} else {
			if out.Pins, err = pins(ctx, tx, `WHERE broadcast = $1 AND from_media <= $2 AND (until_media IS NULL OR until_media > $2) ORDER BY number`,
				broadcast, int64(*at)); err != nil {
				return err
			}
			err = tx.QueryRow(ctx, `SELECT products FROM overlay_bag WHERE broadcast = $1 AND from_media <= $2 ORDER BY number DESC LIMIT 1`,
				broadcast, int64(*at)).Scan(&products)
		}
		if store.NoRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the bag: %w", err)
		}
		return json.Unmarshal([]byte(products), &out.Bag)
	})
	return out, err
}

// Pins returns every pin of the broadcast.
func (s *Store) Pins(ctx context.Context, broadcast string) (out []overlay.Pin, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = pins(ctx, tx, `WHERE broadcast = $1 ORDER BY number`, broadcast)
		return err
	})
	return out, err
}

// PinsRemoved returns the newest pins that were removed after a time, the newest first.
func (s *Store) PinsRemoved(ctx context.Context, after time.Time, most int) (out []overlay.Pin, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = pins(ctx, tx, `WHERE removed_at > $1 ORDER BY removed_at DESC, id DESC LIMIT $2`, store.Millis(after), most)
		return err
	})
	return out, err
}

// lock makes the room's row if it is missing and keeps others out until the transaction ends.
func lock(ctx context.Context, tx *store.Tx, broadcast string) (version int64, err error) {
	if _, err := tx.Exec(ctx, `INSERT INTO overlay_room (broadcast, version) VALUES ($1, 0) ON CONFLICT DO NOTHING`, broadcast); err != nil {
		return 0, fmt.Errorf("make a room: %w", err)
	}
	if err := tx.QueryRow(ctx, `SELECT version FROM overlay_room WHERE broadcast = $1`+tx.ForUpdate(), broadcast).Scan(&version); err != nil {
		return 0, fmt.Errorf("lock a room: %w", err)
	}
	return version, nil
}

func commit(ctx context.Context, tx *store.Tx, broadcast string, version int64, fact event.Event) error {
	if _, err := tx.Exec(ctx, `UPDATE overlay_room SET version = $1 WHERE broadcast = $2`, version, broadcast); err != nil {
		return fmt.Errorf("count a room's version: %w", err)
	}
	return outbox.Append(ctx, tx, fact)
}

func pins(ctx context.Context, tx *store.Tx, where string, args ...any) ([]overlay.Pin, error) {
	rows, err := tx.Query(ctx, `SELECT `+pinColumns+` FROM overlay_pin `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read pins: %w", err)
	}
	defer rows.Close()
	var out []overlay.Pin
	for rows.Next() {
		var p overlay.Pin
		var until sql.NullInt64
		var placed, removed int64
		var name, products string
		if err := rows.Scan(&p.ID, &p.Broadcast, &p.Product, &p.From, &until, &p.PlacedBy, &placed, &p.RemovedBy, &removed, &name, &products); err != nil {
			return nil, err
		}
		if products != "" {
			p.Set = &overlay.PinnedSet{ID: p.Product, Name: name}
			if err := json.Unmarshal([]byte(products), &p.Set.Products); err != nil || len(p.Set.Products) == 0 {
				return nil, fmt.Errorf("read a pinned set: %q, %w", products, err)
			}
			p.Product = p.Set.Products[0]
		}
		p.PlacedAt, p.RemovedAt = store.Time(placed), store.Time(removed)
		if until.Valid {
			t := mediatime.Time(until.Int64)
			p.Until = &t
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
