package dashboardsql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/store"
)

const inMax = 400 // values of one IN list

// table maps one kind of rows: its columns, the first keys of which are its key, and how a row is read and
// written in their order. The columns of fixed are written with a new row and never again: no index on them is
// touched when the row changes.
type table[R any] struct {
	name    string
	columns []string
	keys    int
	fixed   []string
	read    func(scan func(...any) error) (R, error)
	write   func(R) []any
}

func (t table[R]) list() string { return strings.Join(t.columns, ", ") }

// find reads the rows that a condition holds for.
func (t table[R]) find(ctx context.Context, tx *store.Tx, where string, args ...any) (out []R, err error) {
	rows, err := tx.Query(ctx, `SELECT `+t.list()+` FROM `+t.name+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := t.read(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// in reads the rows whose column has one of the values.
func (t table[R]) in(ctx context.Context, tx *store.Tx, column string, values []string) (out []R, err error) {
	for len(values) > 0 {
		n := min(len(values), inMax)
		args := make([]any, n)
		for i, v := range values[:n] {
			args[i] = v
		}
		found, err := t.find(ctx, tx, column+` IN `+store.Placeholders(1, n), args...)
		if err != nil {
			return nil, err
		}
		out, values = append(out, found...), values[n:]
	}
	return out, nil
}

// save writes rows: new ones and new values of old ones.
func (t table[R]) save(ctx context.Context, tx *store.Tx, rows []R) error {
	args := make([]any, 0, len(rows)*len(t.columns))
	for _, r := range rows {
		args = append(args, t.write(r)...)
	}
	if _, err := tx.ExecRows(ctx, `INSERT INTO `+t.name+` (`+t.list()+`) VALUES`, len(t.columns), args, t.conflict()); err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	return nil
}

// conflict is what happens to a row that is there already.
func (t table[R]) conflict() string {
	var set []string
	for _, c := range t.columns[t.keys:] {
		if !slices.Contains(t.fixed, c) {
			set = append(set, c+` = excluded.`+c)
		}
	}
	if len(set) == 0 {
		return ` ON CONFLICT DO NOTHING`
	}
	return ` ON CONFLICT (` + strings.Join(t.columns[:t.keys], ", ") + `) DO UPDATE SET ` + strings.Join(set, ", ")
}

func columns(names string) []string { return strings.Fields(names) }

var broadcasts = table[dashboard.Broadcast]{
	name: "dashboard_broadcast", keys: 1,
	columns: columns(`broadcast currency gmv refunds orders units buyers placed declined expired cancelled foreign_orders
		views viewers peak impressions clicks started_at ended_at anchors`),
	read: func(scan func(...any) error) (b dashboard.Broadcast, err error) {
		var anchors string
		if err = scan(&b.ID, &b.Currency, &b.GMV, &b.Refunds, &b.Orders, &b.Units, &b.Buyers, &b.Placed, &b.Declined, &b.Expired, &b.Canceled, &b.Foreign,
			&b.Views, &b.Viewers, &b.Peak, &b.Impressions, &b.Clicks, &b.StartedAt, &b.EndedAt, &anchors); err == nil {
			err = json.Unmarshal([]byte(anchors), &b.Anchors)
		}
		return b, err
	},
	write: func(b dashboard.Broadcast) []any {
		return []any{b.ID, b.Currency, b.GMV, b.Refunds, b.Orders, b.Units, b.Buyers, b.Placed, b.Declined, b.Expired, b.Canceled, b.Foreign,
			b.Views, b.Viewers, b.Peak, b.Impressions, b.Clicks, b.StartedAt, b.EndedAt, encode(b.Anchors)}
	},
}

var minutes = table[dashboard.Minute]{
	name: "dashboard_minute", keys: 2, columns: columns(`broadcast minute gmv refunds orders units viewers`),
	read: func(scan func(...any) error) (m dashboard.Minute, err error) {
		err = scan(&m.Broadcast, &m.Minute, &m.GMV, &m.Refunds, &m.Orders, &m.Units, &m.Viewers)
		return m, err
	},
	write: func(m dashboard.Minute) []any {
		return []any{m.Broadcast, m.Minute, m.GMV, m.Refunds, m.Orders, m.Units, m.Viewers}
	},
}

var products = table[dashboard.Product]{
	name: "dashboard_product", keys: 2, columns: columns(`broadcast product offered_at impressions clicks orders units gmv refunds`),
	read: func(scan func(...any) error) (p dashboard.Product, err error) {
		err = scan(&p.Broadcast, &p.Product, &p.OfferedAt, &p.Impressions, &p.Clicks, &p.Orders, &p.Units, &p.GMV, &p.Refunds)
		return p, err
	},
	write: func(p dashboard.Product) []any {
		return []any{p.Broadcast, p.Product, p.OfferedAt, p.Impressions, p.Clicks, p.Orders, p.Units, p.GMV, p.Refunds}
	},
}

var pins = table[dashboard.Pin]{
	name: "dashboard_pin", keys: 1,
	columns: columns(`id broadcast product from_media until_media placed_at removed_at impressions clicks units gmv refunds late_gmv others set_name`),
	read: func(scan func(...any) error) (p dashboard.Pin, err error) {
		var others string
		err = scan(&p.ID, &p.Broadcast, &p.Product, &p.From, &p.Until, &p.PlacedAt, &p.RemovedAt, &p.Impressions, &p.Clicks, &p.Units, &p.GMV, &p.Refunds, &p.LateGMV, &others, &p.Set)
		if others != "" {
			p.Others = strings.Split(others, " ")
		}
		return p, err
	},
	write: func(p dashboard.Pin) []any {
		return []any{p.ID, p.Broadcast, p.Product, p.From, p.Until, p.PlacedAt, p.RemovedAt, p.Impressions, p.Clicks, p.Units, p.GMV, p.Refunds, p.LateGMV, strings.Join(p.Others, " "), p.Set}
	},
}

var orders = table[dashboard.Order]{
	name: "dashboard_order", keys: 1,
	columns: columns(`id broadcast session buyer state currency total placed_at paid_at at pin media_time evidence lines video gmv units refunded`),
	fixed:   columns(`broadcast session buyer currency total placed_at pin media_time video`),
	read: func(scan func(...any) error) (o dashboard.Order, err error) {
		var lines string
		var sum int64 // what SQL adds up is in the lines
		if err = scan(&o.ID, &o.Broadcast, &o.Session, &o.Buyer, &o.State, &o.Currency, &o.Total, &o.PlacedAt, &o.PaidAt, &o.At, &o.Pin, &o.MediaTime, &o.Evidence, &lines,
			&o.Video, &sum, &sum, &sum); err == nil {
			err = json.Unmarshal([]byte(lines), &o.Lines)
		}
		return o, err
	},
	write: func(o dashboard.Order) []any {
		gmv, units, refunded := o.Sums()
		return []any{o.ID, o.Broadcast, o.Session, o.Buyer, o.State, o.Currency, o.Total, o.PlacedAt, o.PaidAt, o.At, o.Pin, o.MediaTime, o.Evidence, encode(o.Lines),
			o.Video, gmv, units, refunded}
	},
}

var clicks = table[dashboard.Click]{
	name: "dashboard_click", keys: 1, columns: columns(`id broadcast session product pin media_time at`),
	read: func(scan func(...any) error) (c dashboard.Click, err error) {
		err = scan(&c.ID, &c.Broadcast, &c.Session, &c.Product, &c.Pin, &c.MediaTime, &c.At)
		return c, err
	},
	write: func(c dashboard.Click) []any {
		return []any{c.ID, c.Broadcast, c.Session, c.Product, c.Pin, c.MediaTime, c.At}
	},
}

var members = table[dashboard.Member]{
	name: "dashboard_member", keys: 3, columns: columns(`broadcast sort id`),
	read: func(scan func(...any) error) (m dashboard.Member, err error) {
		err = scan(&m.Broadcast, &m.Sort, &m.ID)
		return m, err
	},
	write: func(m dashboard.Member) []any { return []any{m.Broadcast, m.Sort, m.ID} },
}

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always encode
	}
	return string(raw)
}
