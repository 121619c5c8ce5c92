package shopsql

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

func placeholder(n int) string { return "$" + strconv.Itoa(n) }

// Order returns one order inside the scope.
func (s *Store) Order(ctx context.Context, scope shop.Scope, id string) (o shop.Order, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		o, err = oneOrder(ctx, tx, scope, id, "")
		return err
	})
	return o, wrap("read an order", err)
}

func oneOrder(ctx context.Context, tx *store.Tx, scope shop.Scope, id, lock string) (shop.Order, error) {
	found, err := rows(ctx, tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id = $1`+lock, id)
	if err != nil {
		return shop.Order{}, err
	}
	if len(found) == 0 || !scope.Holds(found[0].BuyerID, found[0].ShopID) {
		return shop.Order{}, shop.ErrNotFound
	}
	return found[0], nil
}

// Orders lists orders inside the scope, newest first.
func (s *Store) Orders(ctx context.Context, q shop.OrderQuery) (out []shop.Order, err error) {
	var conditions, either []string
	var args []any
	value := func(v any) string {
		args = append(args, v)
		return placeholder(len(args))
	}
	if !q.Scope.Any {
		if q.Scope.Buyer != "" {
			either = append(either, `buyer_id = `+value(q.Scope.Buyer))
		}
		for _, id := range q.Scope.Shops {
			either = append(either, `shop_id = `+value(id))
		}
		if len(either) == 0 {
			return nil, nil
		}
		conditions = append(conditions, "("+strings.Join(either, " OR ")+")")
	}
	if q.Broadcast != "" {
		conditions = append(conditions, `broadcast_id <> '' AND broadcast_id = `+value(q.Broadcast))
	}
	if q.State != "" {
		conditions = append(conditions, `state = `+value(string(q.State)))
	}
	if q.After != "" {
		conditions = append(conditions, `id < `+value(q.After))
	}
	where := ""
	if len(conditions) > 0 {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanOrder, `SELECT `+orderColumns+` FROM orders`+where+` ORDER BY id DESC LIMIT `+value(q.Limit), args...)
		return err
	})
	return out, wrap("list orders", err)
}

// Purchase returns the orders of one checkout.
func (s *Store) Purchase(ctx context.Context, scope shop.Scope, purchaseID string) (out []shop.Order, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		first, err := oneOrder(ctx, tx, shop.Scope{Any: true}, purchaseID, "")
		if err != nil {
			return err
		}
		all, err := purchase(ctx, tx, first)
		for _, o := range all {
			if scope.Holds(o.BuyerID, o.ShopID) {
				out = append(out, o)
			}
		}
		if err == nil && len(out) == 0 {
			err = shop.ErrNotFound
		}
		return err
	})
	return out, wrap("read a purchase", err)
}

// Contacts returns where purchases are sent to, by purchase.
func (s *Store) Contacts(ctx context.Context, purchaseIDs []string) (map[string]string, error) {
	out := map[string]string{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := in(ctx, tx, func(rows *sql.Rows) (c [2]string, err error) { return c, rows.Scan(&c[0], &c[1]) },
			`SELECT purchase_id, contact FROM purchase_contact WHERE purchase_id IN (`, purchaseIDs, ``)
		for _, c := range found {
			out[c[0]] = c[1]
		}
		return err
	})
	return out, wrap("read contacts", err)
}

// Known returns the orders of a key and the fingerprint of their request.
func (s *Store) Known(ctx context.Context, key string, from time.Time) (out shop.Outcome, print string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := in(ctx, tx, scanKeyed, keyedQuery, []string{key}, ``)
		if err != nil || len(found) == 0 || found[0].order.PlacedAt.Before(from) {
			return err
		}
		out.Orders, out.Known, print = []shop.Order{found[0].order}, true, found[0].print
		if found[0].order.Parts > 1 {
			out.Orders, err = purchase(ctx, tx, found[0].order)
		}
		return err
	})
	return out, print, wrap("look up a key", err)
}

// Keys pages through the keys of orders, oldest first.
func (s *Store) Keys(ctx context.Context, afterID string, limit int) (keys []string, last string, err error) {
	last = afterID
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := rows(ctx, tx, func(rows *sql.Rows) (k [2]string, err error) {
			var key sql.NullString
			err = rows.Scan(&k[0], &key)
			k[1] = key.String
			return k, err
		}, `SELECT id, key_hash FROM orders WHERE id > $1 ORDER BY id LIMIT $2`, afterID, limit)
		for _, k := range found {
			last = k[0]
			if k[1] != "" && !strings.Contains(k[1], ".") { // parts have the first one's key and a number
				keys = append(keys, k[1])
			}
		}
		return err
	})
	return keys, last, wrap("read keys", err)
}

const openStates = `state IN ('held', 'requires_action')`

// ExpiredHolds lists open orders whose hold has run out.
func (s *Store) ExpiredHolds(ctx context.Context, now time.Time, limit int) (ids []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		ids, err = rows(ctx, tx, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
			`SELECT id FROM orders WHERE `+openStates+` AND hold_until <= $1 ORDER BY hold_until, id LIMIT $2`, millis(now), limit)
		return err
	})
	return ids, wrap("list expired holds", err)
}

// Uncharged lists held orders whose charge may have been lost.
func (s *Store) Uncharged(ctx context.Context, placedBefore, now time.Time, limit int) (out []shop.Order, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE `+openStates+` AND state = 'held' AND hold_until > $1 AND placed_at <= $2 ORDER BY hold_until, id LIMIT $3`,
			millis(now), millis(placedBefore), limit)
		return err
	})
	return out, wrap("list uncharged orders", err)
}
