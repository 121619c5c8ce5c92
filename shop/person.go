package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Persons is what the shop keeps of persons: saved instruments, and where purchases were sent to.
type Persons struct {
	Instruments Instruments
	Orders      Orders
	// Waits, if set, is what they wait for.
	Waits Waits
	// Now tells the time.
	Now func() time.Time
}

// ErasePerson deletes it. Orders hold opaque ids only, and stay.
func (p *Persons) ErasePerson(ctx context.Context, account string) error {
	return p.Instruments.ForgetBuyer(ctx, account, p.Now().UTC().Truncate(time.Millisecond))
}

// ExportPerson returns it with the person's orders.
func (p *Persons) ExportPerson(ctx context.Context, account string) (name string, data any, err error) {
	instruments, err := p.Instruments.Instruments(ctx, account)
	if err != nil {
		return "", nil, fmt.Errorf("export instruments: %w", err)
	}
	q := OrderQuery{Scope: Scope{Buyer: account}, Limit: PageMax}
	orders := []Order{}
	contacts := map[string]json.RawMessage{}
	for {
		page, err := p.Orders.Orders(ctx, q)
		if err != nil {
			return "", nil, fmt.Errorf("export orders: %w", err)
		}
		ids := make([]string, len(page))
		for i, o := range page {
			ids[i] = o.PurchaseID
			q.After = o.ID
		}
		found, err := p.Orders.Contacts(ctx, ids)
		if err != nil {
			return "", nil, fmt.Errorf("export contacts: %w", err)
		}
		for id, c := range found {
			contacts[id] = json.RawMessage(c)
		}
		orders = append(orders, page...)
		if len(page) < q.Limit {
			break
		}
	}
	out := map[string]any{"instruments": instruments, "orders": orders, "contacts": contacts}
	if p.Waits != nil {
		if out["waits"], err = p.Waits.WaitsOf(ctx, account, PageMax); err != nil {
			return "", nil, fmt.Errorf("export waits: %w", err)
		}
	}
	return "shop", out, nil
}
