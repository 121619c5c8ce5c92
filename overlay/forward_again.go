package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

const (
	unheldFor   = 3 * time.Second        // a card that was made before a change is in its room by then
	unheldEvery = 250 * time.Millisecond // the rooms are looked at again
	unheldMax   = 4096                   // of one shop; one more and any other is forgotten
	pricesMax   = 20_000                 // of one shop; then they are learnt anew
)

// unheld is news of a product that a room did not hold. It may be pinned in this very moment, with the price and the count
// from before: then it is told as soon as the room holds it.
type unheld struct {
	event   event.Event
	product string
	until   time.Time
	looked  time.Time
}

// subject is what news is about.
type subject struct{ Product, Variant string }

// key is the same for all that an event makes void, in its room.
func (o subject) key(e event.Event) string {
	what := "stock"
	if e.Kind == event.PriceChanged || e.Kind == event.WaitCalled {
		what = string(e.Kind)
	}
	return e.Topic + " " + what + " " + o.Variant
}

func (s *forwarded) keep(e event.Event, of subject, now time.Time) {
	if len(s.unheld) >= unheldMax {
		for key := range s.unheld {
			delete(s.unheld, key)
			break
		}
	}
	s.unheld[of.key(e)] = unheld{event: e, product: of.Product, until: now.Add(unheldFor), looked: now}
}

// next is when something is due that no news brings; zero for nothing.
func (s *forwarded) next() (at time.Time) {
	if len(s.waiting) > 0 {
		at = s.sent.Add(forwardEvery)
	}
	for _, u := range s.unheld {
		if look := u.looked.Add(unheldEvery); at.IsZero() || look.Before(at) {
			at = look
		}
	}
	return at
}

// again tells what the rooms hold by now, and forgets what they do not.
func (f *Forwarder) again(ctx context.Context, s *forwarded) error {
	now := f.now()
	due := false
	for _, u := range s.unheld {
		due = due || now.Sub(u.looked) >= unheldEvery
	}
	if !due {
		return nil
	}
	s.rooms = nil
	if err := f.readRooms(ctx, s); err != nil {
		return err
	}
	held := map[string]Room{}
	for broadcast, room := range s.rooms {
		held[event.BroadcastTopic(broadcast)] = room
	}
	var out []event.Event
	for key, u := range s.unheld {
		room := held[u.event.Topic]
		switch {
		case room.Holds(u.product):
			out = append(out, u.event)
			delete(s.unheld, key)
			f.Metrics.forward(string(u.event.Kind))
		case now.After(u.until):
			delete(s.unheld, key)
		default:
			u.looked = now
			s.unheld[key] = u
		}
	}
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, func(a, b event.Event) int { return cmp.Compare(a.At, b.At) })
	if err := f.Bus.Once(ctx, out...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// refresh tells what is shown as it is now: the prices of what is pinned, and others that changed since they were last
// heard of; of who listens again the counts as well.
func (f *Forwarder) refresh(ctx context.Context, s *forwarded, counts bool) error {
	s.rooms = nil
	if err := f.readRooms(ctx, s); err != nil {
		return err
	}
	pinned := map[string]bool{}
	var products []string
	for _, room := range s.rooms {
		products = append(products, room.Bag...)
		for _, p := range room.Pins {
			for _, id := range p.Products() {
				pinned[id] = true
				products = append(products, id)
			}
		}
	}
	slices.Sort(products)
	var values, facts []event.Event
	for _, id := range slices.Compact(products) {
		p, err := f.Catalogue.Product(ctx, id)
		if errors.Is(err, shop.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read a product: %w", err)
		}
		for _, v := range p.Variants {
			if counts {
				fact := shop.StockFact{Variant: v.ID, Product: p.ID, Available: v.Stock.Available(), Number: v.Stock.Number}
				values = append(values, event.New(event.ShopTopic(s.id), event.StockChanged, 0, f.now(), fact))
			}
			price := shop.PriceFact{Variant: v.ID, Product: p.ID, Price: v.Price}
			if v.CompareAt > 0 {
				price.CompareAt = &shop.Money{Amount: v.CompareAt, Currency: v.Price.Currency}
			}
			if (s.news(price) || pinned[id]) && v.State == shop.Active {
				facts = append(facts, event.New(event.ShopTopic(s.id), event.PriceChanged, 0, f.now(), price))
			}
		}
	}
	if err := f.publish(ctx, s, facts, f.Bus.Publish); err != nil {
		return err
	}
	return f.publish(ctx, s, values, f.Bus.Publish)
}

// news notes a price, and tells whether another one was known.
func (s *forwarded) news(p shop.PriceFact) bool {
	now := fmt.Sprint(p.Price, p.CompareAt != nil)
	if p.CompareAt != nil {
		now += fmt.Sprint(*p.CompareAt)
	}
	was, known := s.prices[p.Variant]
	if !known && len(s.prices) >= pricesMax {
		clear(s.prices)
	}
	s.prices[p.Variant] = now
	return known && was != now
}
