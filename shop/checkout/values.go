package checkout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

const valuesEvery = 250 * time.Millisecond

// values tells viewers how much is left: the newest count of each variant that changed, four times a second. A
// count is not a fact: it is not stored, and the next one replaces it.
type values struct {
	mu    sync.Mutex
	dirty map[string]shop.StockNow
	deals map[string]shop.DealNow
}

func (v *values) noteDeals(deals []shop.DealNow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, d := range deals {
		if v.deals == nil {
			v.deals = map[string]shop.DealNow{}
		}
		if old, ok := v.deals[d.Deal]; !ok || d.Number >= old.Number {
			v.deals[d.Deal] = d
		}
	}
}

func (v *values) takeDeals() map[string]shop.DealNow {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.deals
	v.deals = nil
	return out
}

func (v *values) note(stocks []shop.StockNow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dirty == nil {
		v.dirty = map[string]shop.StockNow{}
	}
	for _, s := range stocks {
		if old, ok := v.dirty[s.Variant]; s.Product != "" && (!ok || s.Number >= old.Number) {
			v.dirty[s.Variant] = s
		}
	}
}

func (v *values) take() map[string]shop.StockNow {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.dirty
	v.dirty = nil
	return out
}

func (v *values) run(ctx context.Context, bus event.Bus, now func() time.Time, log *slog.Logger) {
	tick := time.NewTicker(valuesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var events []event.Event
		var stocks []shop.StockNow
		for _, s := range v.take() {
			stocks = append(stocks, s)
			events = append(events, event.New(event.ShopTopic(s.Shop), event.StockChanged, 0, now(), shop.StockFact{Variant: s.Variant, Product: s.Product, Available: s.Available, Number: s.Number}))
		}
		var deals []shop.DealNow
		for _, d := range v.takeDeals() {
			deals = append(deals, d)
			events = append(events, dealEvent(d, now()))
		}
		if len(events) == 0 {
			continue
		}
		if err := bus.Publish(ctx, events...); err != nil {
			v.note(stocks)
			v.noteDeals(deals)
			log.Warn("checkout: stock counts not told", "error", err)
		}
	}
}
