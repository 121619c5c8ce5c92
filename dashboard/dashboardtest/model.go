// Package dashboardtest holds what dashboard's store must do: a model in memory, and a suite that folds the same
// history into any store, in any order that can happen, and compares every row. Only tests import it.
package dashboardtest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/hawkerlive/hawker/dashboard"
)

// Model is dashboard.Store in memory. Any number of goroutines may use it.
type Model struct {
	mu      sync.Mutex
	cursors map[string]int64
	rows    dashboard.Rows
}

var _ dashboard.Store = (*Model)(nil)

// Cursor is dashboard.Store.
func (m *Model) Cursor(_ context.Context, source string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[source], nil
}

// Fold is dashboard.Store. It loads everything, whatever the keys: what they leave out must not matter.
func (m *Model) Fold(_ context.Context, source string, from, to int64, _ dashboard.Keys, apply func(*dashboard.Tables)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cursors[source] != from {
		return dashboard.ErrMoved
	}
	t := dashboard.NewTables(m.rows)
	apply(t)
	c := t.Changes()
	m.rows.Broadcasts = merge(m.rows.Broadcasts, c.Broadcasts, func(b dashboard.Broadcast) any { return b.ID })
	m.rows.Minutes = merge(m.rows.Minutes, c.Minutes, func(x dashboard.Minute) any { return x.MinuteKey })
	m.rows.Products = merge(m.rows.Products, c.Products, func(x dashboard.Product) any { return x.ProductKey })
	m.rows.Pins = merge(m.rows.Pins, c.Pins, func(x dashboard.Pin) any { return x.ID })
	m.rows.Orders = merge(m.rows.Orders, c.Orders, func(x dashboard.Order) any { return x.ID })
	m.rows.Clicks = merge(m.rows.Clicks, c.Clicks, func(x dashboard.Click) any { return x.ID })
	m.rows.Members = merge(m.rows.Members, c.Members, func(x dashboard.Member) any { return x })
	if m.cursors == nil {
		m.cursors = map[string]int64{}
	}
	m.cursors[source] = to
	return nil
}

func merge[R any](rows, changed []R, key func(R) any) []R {
	at := map[any]int{}
	for i, r := range rows {
		at[key(r)] = i
	}
	for _, r := range changed {
		if i, ok := at[key(r)]; ok {
			rows[i] = r
		} else {
			rows = append(rows, r)
		}
	}
	return rows
}

// Reset is dashboard.Store.
func (m *Model) Reset(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursors, m.rows = nil, dashboard.Rows{}
	return nil
}

// Read is dashboard.Store.
func (m *Model) Read(_ context.Context, broadcast string, latest int) (dashboard.Rows, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.rows
	r := dashboard.Rows{
		Broadcasts: of(all.Broadcasts, func(b dashboard.Broadcast) bool { return b.ID == broadcast }, nil),
		Minutes: of(all.Minutes, func(x dashboard.Minute) bool { return x.Broadcast == broadcast },
			func(a, b dashboard.Minute) int { return cmp.Compare(a.Minute, b.Minute) }),
		Products: of(all.Products, func(x dashboard.Product) bool { return x.Broadcast == broadcast },
			func(a, b dashboard.Product) int {
				return cmp.Or(cmp.Compare(a.OfferedAt, b.OfferedAt), cmp.Compare(a.Product, b.Product))
			}),
		Pins: of(all.Pins, func(x dashboard.Pin) bool { return x.Broadcast == broadcast },
			func(a, b dashboard.Pin) int {
				return cmp.Or(cmp.Compare(a.PlacedAt, b.PlacedAt), cmp.Compare(a.ID, b.ID))
			}),
		Orders: of(all.Orders, func(x dashboard.Order) bool { return x.Broadcast == broadcast },
			func(a, b dashboard.Order) int {
				return cmp.Or(cmp.Compare(b.PlacedAt, a.PlacedAt), cmp.Compare(b.ID, a.ID))
			}),
	}
	if latest >= 0 {
		r.Orders = r.Orders[:min(latest, len(r.Orders))]
		return r, nil
	}
	r.Clicks = of(all.Clicks, func(x dashboard.Click) bool { return x.Broadcast == broadcast },
		func(a, b dashboard.Click) int { return cmp.Compare(a.ID, b.ID) })
	r.Members = of(all.Members, func(x dashboard.Member) bool { return x.Broadcast == broadcast },
		func(a, b dashboard.Member) int { return cmp.Or(cmp.Compare(a.Sort, b.Sort), cmp.Compare(a.ID, b.ID)) })
	return r, nil
}

func of[R any](rows []R, which func(R) bool, order func(a, b R) int) (out []R) {
	for _, r := range rows {
		if which(r) {
			out = append(out, r)
		}
	}
	if order != nil {
		slices.SortFunc(out, order)
	}
	return out
}
