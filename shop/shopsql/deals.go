package shopsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const (
	dealColumns  = `id, shop_id, broadcast_id, product_id, state, quantity, taken, number, version, body`
	claimColumns = `id, deal_id, shop_id, buyer_id, state, draw_key, body, placed_at`
)

func scanDeal(rows *sql.Rows) (d shop.Deal, err error) {
	var body string
	var stored shop.Deal
	err = rows.Scan(&d.ID, &d.ShopID, &d.Broadcast, &d.Product, &d.State, &d.Quantity, &d.Taken, &d.Number, &d.Version, &body)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(body), &stored); err != nil {
		return d, fmt.Errorf("decode deal %s: %w", d.ID, err)
	}
	stored.ID, stored.ShopID, stored.Broadcast, stored.Product, stored.State = d.ID, d.ShopID, d.Broadcast, d.Product, d.State
	stored.Quantity, stored.Taken, stored.Number, stored.Version = d.Quantity, d.Taken, d.Number, d.Version
	return stored, nil
}

func dealBody(d shop.Deal) string {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts, numbers and times always encode
	}
	return string(b)
}

func nextAt(d shop.Deal) any {
	if at := d.NextAt(); !at.IsZero() {
		return millis(at)
	}
	return nil
}

// CreateDeal stores a deal.
func (s *Store) CreateDeal(ctx context.Context, d shop.Deal) error {
	return wrap("create a deal", s.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM deal WHERE broadcast_id = $1`, d.Broadcast).Scan(&n); err != nil {
			return err
		}
		if n >= shop.DealsMax {
			return shop.ErrDeals
		}
		_, err := tx.Exec(ctx, `INSERT INTO deal (id, shop_id, broadcast_id, product_id, state, quantity, version, next_at, body) VALUES `+tuples(1, 9),
			d.ID, d.ShopID, d.Broadcast, d.Product, string(d.State), d.Quantity, d.Version, nextAt(d), dealBody(d))
		return err
	}))
}

// Deal returns one.
func (s *Store) Deal(ctx context.Context, id string) (d shop.Deal, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		d, err = oneDeal(ctx, tx, id, "")
		return err
	})
	return d, wrap("read a deal", err)
}

func oneDeal(ctx context.Context, tx *store.Tx, id, lock string) (shop.Deal, error) {
	found, err := rows(ctx, tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE id = $1`+lock, id)
	if err != nil {
		return shop.Deal{}, err
	}
	if len(found) == 0 {
		return shop.Deal{}, shop.ErrNotFound
	}
	return found[0], nil
}

// Deals lists a broadcast's.
func (s *Store) Deals(ctx context.Context, broadcast string) (out []shop.Deal, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE broadcast_id = $1 ORDER BY id`, broadcast)
		return err
	})
	return out, wrap("list deals", err)
}

// ChangeDeal changes a deal under its lock.
func (s *Store) ChangeDeal(ctx context.Context, id string, change func(d *shop.Deal) ([]event.Event, bool, error)) (out shop.Deal, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		before, err := oneDeal(ctx, tx, id, tx.ForUpdate())
		if err != nil {
			return err
		}
		d := before
		d.Version++
		facts, changed, err := change(&d)
		if err != nil || !changed {
			out = before
			return err
		}
		out = d
		if _, err := tx.Exec(ctx, `UPDATE deal SET state = $1, quantity = $2, version = $3, next_at = $4, body = $5 WHERE id = $6`,
			string(d.State), d.Quantity, d.Version, nextAt(d), dealBody(d), d.ID); err != nil {
			return err
		}
		return outbox.Append(ctx, tx, facts...)
	})
	if store.IsUnique(err) {
		err = shop.ErrDealRuns
	}
	return out, wrap("change a deal", err)
}

// DealsDue lists deals of which something is due.
func (s *Store) DealsDue(ctx context.Context, now time.Time, limit int) (due []shop.Deal, next time.Time, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if due, err = rows(ctx, tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY next_at, id LIMIT $2`, millis(now), limit); err != nil {
			return err
		}
		var first sql.NullInt64
		err := tx.QueryRow(ctx, `SELECT MIN(next_at) FROM deal WHERE next_at IS NOT NULL AND next_at > $1`, millis(now)).Scan(&first)
		if first.Valid {
			next = store.Time(first.Int64)
		}
		return err
	})
	return due, next, wrap("list deals that are due", err)
}

func scanDealClaim(rows *sql.Rows) (c shop.DealClaim, err error) {
	var body, buyer string
	var placed int64
	if err = rows.Scan(&c.ID, &c.Deal, &c.ShopID, &buyer, &c.State, &c.DrawKey, &body, &placed); err != nil {
		return c, err
	}
	c.PlacedAt = store.Time(placed)
	kept := storedClaim{}
	if err := json.Unmarshal([]byte(body), &kept); err != nil {
		return c, fmt.Errorf("decode claim %s: %w", c.ID, err)
	}
	c.Claim, c.Total, c.DrawsAt = kept.Claim, kept.Total, kept.DrawsAt
	return c, nil
}

// storedClaim is a claim as it waits. Where it is sent to stands where that of every purchase does.
type storedClaim struct {
	Claim   shop.Claim `json:"claim"`
	Total   shop.Money `json:"total"`
	DrawsAt time.Time  `json:"draws_at"`
}

func claimBody(c shop.DealClaim) string {
	b, err := json.Marshal(storedClaim{c.Claim, c.Total, c.DrawsAt})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// DealClaims pages through the claims of a draw.
func (s *Store) DealClaims(ctx context.Context, deal string, state shop.DealClaimState, after string, limit int) (out []shop.DealClaim, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanDealClaim, `SELECT `+claimColumns+` FROM deal_claim WHERE deal_id = $1 AND draw_key > $2 AND ($3 = '' OR state = $3) ORDER BY draw_key, id LIMIT $4`,
			deal, after, string(state), limit)
		return err
	})
	return out, wrap("list claims of a draw", err)
}

// DealClaim returns a claim inside the scope.
func (s *Store) DealClaim(ctx context.Context, scope shop.Scope, id string) (c shop.DealClaim, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := rows(ctx, tx, scanDealClaim, `SELECT `+claimColumns+` FROM deal_claim WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 || !scope.Holds(found[0].Claim.Buyer, found[0].ShopID) {
			return shop.ErrNotFound
		}
		c = found[0]
		return nil
	})
	return c, wrap("read a claim", err)
}
