package shopsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const (
	orderColumns   = `id, shop_id, buyer_id, broadcast_id, state, currency, total, paid, refunded, body, action_url, reason, placed_at, hold_until, changed_at`
	variantColumns = `v.id, v.product_id, v.shop_id, v.title, v.sku, v.options, v.price, v.compare_at, v.per_buyer, v.state, v.position, v.opens_at`
	ledgerColumns  = `variant_id, number, held, sold, released, adjusted, on_hand, reserved, reason, by_id, at, hash`
	refundColumns  = `id, order_id, shop_id, provider, payment_ref, amount, currency, reason, by_id, state, created_at, attempts, next_at`
)

func scanOrder(rows *sql.Rows) (shop.Order, error) {
	o, _, err := scanPrinted(rows)
	return o, err
}

// scanChanged scans what can change of orders whose other columns are known.
func scanChanged(as map[string]*shop.Order) func(*sql.Rows) (shop.Order, error) {
	return func(rows *sql.Rows) (shop.Order, error) {
		var o shop.Order
		var id string
		var changed int64
		err := rows.Scan(&id, &o.State, &o.Paid, &o.Refunded, &o.ActionURL, &o.Reason, &changed)
		if err != nil {
			return o, err
		}
		whole := *as[id]
		whole.State, whole.Paid, whole.Refunded, whole.ActionURL, whole.Reason, whole.ChangedAt = o.State, o.Paid, o.Refunded, o.ActionURL, o.Reason, store.Time(changed)
		return whole, nil
	}
}

// scanPrinted scans further columns that stand before the order's, and returns the request's fingerprint too.
func scanPrinted(rows *sql.Rows, before ...any) (o shop.Order, print string, err error) {
	var body string
	var placed, hold, changed int64
	err = rows.Scan(append(before, &o.ID, &o.ShopID, &o.BuyerID, &o.Source.Broadcast, &o.State, &o.Currency, &o.Total, &o.Paid, &o.Refunded,
		&body, &o.ActionURL, &o.Reason, &placed, &hold, &changed)...)
	if err != nil {
		return o, "", err
	}
	o.PlacedAt, o.HoldUntil, o.ChangedAt = store.Time(placed), store.Time(hold), store.Time(changed)
	print, err = o.DecodeBody(body)
	return o, print, err
}

type offer struct {
	shop.Variant
	shown
	productState shop.ProductState
}

// shown is what an order keeps of a product.
type shown struct{ title, picture string }

func scanOffer(rows *sql.Rows) (o offer, err error) {
	o.Variant, err = scanVariantWith(rows, &o.title, &o.picture, &o.productState)
	return o, err
}

// scanVariantWith scans variantColumns, the currency, and further columns after them.
func scanVariantWith(rows *sql.Rows, after ...any) (v shop.Variant, err error) {
	var options string
	var opens int64
	err = rows.Scan(append([]any{&v.ID, &v.ProductID, &v.ShopID, &v.Title, &v.SKU, &options, &v.Price.Amount, &v.CompareAt, &v.PerBuyer, &v.State, &v.Position, &opens, &v.Price.Currency}, after...)...)
	v.OpensAt = store.Time(opens)
	if err == nil && options != "" {
		err = json.Unmarshal([]byte(options), &v.Options)
	}
	return v, err
}

func encodeOptions(options map[string]string) string {
	if len(options) == 0 {
		return ""
	}
	b, err := json.Marshal(options)
	if err != nil {
		panic(err) // texts always encode
	}
	return string(b)
}

// updateOrders writes what changed. The usual moves share a statement per state and reason; an order with a place
// to confirm at, or with refunds, is written by one statement for all such.
func updateOrders(ctx context.Context, tx *store.Tx, moved []*shop.Order) error {
	type kind struct {
		state  shop.OrderState
		reason string
		paid   int64 // 1: all of the total
		at     int64
	}
	plain := map[kind][]string{}
	var kinds []kind
	var rest []*shop.Order
	for _, o := range moved {
		k := kind{o.State, o.Reason, 0, millis(o.ChangedAt)}
		switch {
		case o.Refunded != 0 || o.ActionURL != "" || (o.Paid != 0 && o.Paid != o.Total):
			rest = append(rest, o)
			continue
		case o.Paid != 0:
			k.paid = 1
		}
		if plain[k] == nil {
			kinds = append(kinds, k)
		}
		plain[k] = append(plain[k], o.ID)
	}
	for _, k := range kinds {
		if _, err := tx.ExecIDs(ctx, `UPDATE orders SET state = $1, reason = $2, paid = total * $3, changed_at = $4, refunded = 0, action_url = '' WHERE id IN (`,
			[]any{string(k.state), k.reason, k.paid, k.at}, plain[k]); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		return nil
	}
	var b strings.Builder
	var args []any
	for i, o := range rest {
		if i > 0 {
			b.WriteByte(',')
		}
		n := len(args)
		fmt.Fprintf(&b, "(CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS BIGINT))", n+1, n+2, n+3, n+4, n+5, n+6, n+7)
		args = append(args, o.ID, string(o.State), o.Paid, o.Refunded, o.ActionURL, o.Reason, millis(o.ChangedAt))
	}
	_, err := tx.Exec(ctx, `UPDATE orders SET state = v.column2, paid = v.column3, refunded = v.column4, action_url = v.column5, reason = v.column6, changed_at = v.column7 FROM (VALUES `+b.String()+`) AS v WHERE orders.id = v.column1`, args...)
	return err
}

func insertPayments(ctx context.Context, tx *store.Tx, payments []shop.Payment) error {
	const columns = 7
	args := make([]any, 0, len(payments)*columns)
	for _, p := range payments {
		args = append(args, p.OrderID, p.Provider, p.Ref, string(p.State), p.Amount, p.Currency, millis(p.At))
	}
	_, err := tx.ExecRows(ctx, `INSERT INTO payment (order_id, provider, ref, state, amount, currency, at) VALUES`, columns, args, ` ON CONFLICT DO NOTHING`)
	return err
}

func insertRefund(ctx context.Context, tx *store.Tx, r shop.Refund, key, print string) error {
	var keyed any
	if key != "" {
		keyed = key
	}
	if _, err := tx.Exec(ctx, `INSERT INTO refund (`+refundColumns+`, key_hash, fingerprint) VALUES `+tuples(1, 15), r.ID, r.OrderID, r.ShopID, r.Provider, r.PaymentRef, r.Amount, r.Currency,
		r.Reason, r.By, string(r.State), millis(r.CreatedAt), r.Attempts, millis(r.NextAt), keyed, print); err != nil {
		return err
	}
	if len(r.Lines) == 0 {
		return nil
	}
	var args []any
	for _, l := range r.Lines {
		restock := 0
		if l.Restock {
			restock = 1
		}
		args = append(args, r.OrderID, l.Line, r.ID, l.Quantity, l.Amount, restock)
	}
	_, err := tx.Exec(ctx, `INSERT INTO refund_line (order_id, line, refund_id, quantity, amount, restock) VALUES `+tuples(len(r.Lines), 6), args...)
	return err
}

const rowsMax = 1000 // rows of one statement

// errStockMoved cannot happen while the row is locked. It keeps a mistake of ours from being stored.
var errStockMoved = errors.New("shopsql: the stock row is not at the entry that it was read at")

// writeEntries appends ledger entries, at most one per variant, and moves each stock row to its entry.
func writeEntries(ctx context.Context, tx *store.Tx, entries []shop.Entry) error {
	args := make([]any, 0, len(entries)*12)
	for _, e := range entries {
		r, err := tx.Exec(ctx, `UPDATE stock SET on_hand = $1, reserved = $2, number = $3, hash = $4 WHERE variant_id = $5 AND number = $6`,
			e.OnHand, e.Reserved, e.Number, e.Hash, e.VariantID, e.Number-1)
		if err := exactlyOne(r, err, errStockMoved); err != nil {
			return wrap("take stock", err)
		}
		args = append(args, e.VariantID, e.Number, e.Held, e.Sold, e.Released, e.Adjusted, e.OnHand, e.Reserved, e.Reason, e.By, millis(e.At), e.Hash)
	}
	_, err := tx.ExecRows(ctx, `INSERT INTO ledger (`+ledgerColumns+`) VALUES`, 12, args, ``)
	return wrap("write the ledger", err)
}

func scanEntry(rows *sql.Rows) (e shop.Entry, err error) {
	var at int64
	err = rows.Scan(&e.VariantID, &e.Number, &e.Held, &e.Sold, &e.Released, &e.Adjusted, &e.OnHand, &e.Reserved, &e.Reason, &e.By, &at, &e.Hash)
	e.At = store.Time(at)
	return e, err
}

func scanRefund(rows *sql.Rows) (r shop.Refund, err error) {
	var created, next int64
	err = rows.Scan(&r.ID, &r.OrderID, &r.ShopID, &r.Provider, &r.PaymentRef, &r.Amount, &r.Currency, &r.Reason, &r.By, &r.State, &created, &r.Attempts, &next)
	r.CreatedAt, r.NextAt = store.Time(created), store.Time(next)
	return r, err
}

func at(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
