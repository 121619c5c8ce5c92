package shoptest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// unheard is an order whose provider must be asked what became of the charge.
type unheard struct {
	attempts int64
	next     time.Time
}

// hear is settle, and notes whether the provider has said its last word.
func (s *step) hear(st shop.Settlement) shop.Settled {
	o := s.orders[st.OrderID]
	was := o != nil && o.State.Open()
	out := s.settle(st)
	switch {
	case out.Err != nil:
	case was && (o.State == shop.Expired || o.State == shop.Cancelled):
		s.silent[o.ID] = unheard{next: s.batch.Now}
	case !was && (st.Kind == shop.SettlePaid || st.Kind == shop.SettleDeclined):
		delete(s.silent, o.ID)
	}
	return out
}

// TakeUnheard lists orders whose provider must be asked now.
func (m *Model) TakeUnheard(_ context.Context, now, until time.Time, limit int) (out []shop.Unheard, err error) {
	defer m.lock()()
	var ids []string
	for id, u := range m.silent {
		if shop.UnheardDue(u.next, now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(m.silent[a].next.Compare(m.silent[b].next), cmp.Compare(a, b))
	})
	for _, id := range first(ids, limit) {
		u := m.silent[id]
		out = append(out, shop.Unheard{Order: m.orders[id].Order, Attempts: u.attempts})
		u.next = until
		m.silent[id] = u
	}
	return out, nil
}

// NoteUnheard notes when the providers are asked again.
func (m *Model) NoteUnheard(_ context.Context, asked []shop.Asked) error {
	defer m.lock()()
	for _, a := range asked {
		switch _, ok := m.silent[a.OrderID]; {
		case !ok:
		case a.Next.IsZero():
			delete(m.silent, a.OrderID)
		default:
			m.silent[a.OrderID] = unheard{a.Attempts, a.Next}
		}
	}
	return nil
}
