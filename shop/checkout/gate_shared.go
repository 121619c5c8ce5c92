package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

const (
	gateTellEvery = 20 * time.Millisecond
	gateTellBelow = 100    // units: nobody is turned away for want of more
	gateTellMax   = 10_000 // variants that wait to be told
	gateRetry     = 500 * time.Millisecond
)

// GateShared is a gate whose news of nearly empty shelves goes to the other nodes over the bus, so that a node hears
// that a variant is sold out before a buyer of its own has asked in vain. To be asked costs what GateMemory costs: no
// call to anybody. News that took longer than a second to arrive is not believed, and with the bus gone each node
// knows what it found out itself.
type GateShared struct {
	// Required.
	Bus event.Bus
	Log *slog.Logger

	// Now tells the time. It defaults to time.Now.
	Now func() time.Time

	once  sync.Once
	local *GateMemory
	mu    sync.Mutex
	news  map[string]shop.StockNow
	low   map[string]bool // variants that others believe to be low
}

var _ Gate = (*GateShared)(nil)

func (g *GateShared) init() {
	g.once.Do(func() {
		if g.Now == nil {
			g.Now = time.Now
		}
		g.local = &GateMemory{Now: g.Now}
		g.news, g.low = map[string]shop.StockNow{}, map[string]bool{}
	})
}

// Admit refuses what is known to be sold out.
func (g *GateShared) Admit(c *shop.Claim) error {
	g.init()
	return g.local.Admit(c)
}

// Note remembers news, and lets it be told.
func (g *GateShared) Note(stocks ...shop.StockNow) {
	g.init()
	g.local.Note(stocks...)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range stocks {
		low := s.Available < gateTellBelow
		if old, waits := g.news[s.Variant]; (low || g.low[s.Variant]) && (!waits || s.Number >= old.Number) && len(g.news) < gateTellMax {
			g.news[s.Variant] = s
		}
	}
}

// Forget lets everybody pass until there is news again. Other nodes forget what they believe by themselves.
func (g *GateShared) Forget() {
	g.init()
	g.local.Forget()
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.news)
}

const stockSubject = "stock"

// Run tells and hears until ctx ends.
func (g *GateShared) Run(ctx context.Context) error {
	g.init()
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { g.listen(ctx) })
	tick := time.NewTicker(gateTellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if events := g.take(); len(events) > 0 {
			if err := g.Bus.Publish(ctx, events...); err != nil && ctx.Err() == nil {
				g.Log.Debug("gate: news not told", "error", err) // older than a second it is worth nothing
			}
		}
	}
}

// take makes events of what waits.
func (g *GateShared) take() (events []event.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for variant, s := range g.news {
		if s.Available < gateTellBelow {
			if len(g.low) >= gateMax {
				clear(g.low)
			}
			g.low[variant] = true
		} else {
			delete(g.low, variant)
		}
		events = append(events, event.New(event.NodesTopic(stockSubject), event.StockChanged, 0, g.Now(), shop.StockFact{Variant: s.Variant, Product: s.Product, Available: s.Available, Number: s.Number}))
	}
	clear(g.news)
	return events
}

func (g *GateShared) listen(ctx context.Context) {
	for ctx.Err() == nil {
		sub, err := g.Bus.Subscribe(ctx, event.NodesTopic(stockSubject), nil)
		for err == nil {
			var f event.Frame
			if f, err = sub.Next(ctx); err == nil {
				g.hear(f.Events)
			}
		}
		if sub != nil {
			sub.Close()
		}
		if ctx.Err() != nil || errors.Is(err, event.ErrGap) {
			continue
		}
		g.Log.Warn("gate: hear other nodes", "error", err)
		wait := time.NewTimer(gateRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// hear believes what is fresh.
func (g *GateShared) hear(events []event.Event) {
	now := g.Now()
	for _, e := range events {
		var s shop.StockFact
		if e.Kind != event.StockChanged || json.Unmarshal(e.Data, &s) != nil || now.Sub(time.UnixMilli(e.At)).Abs() >= gateFor {
			continue
		}
		g.local.Note(shop.StockNow{Variant: s.Variant, Product: s.Product, Available: s.Available, Number: s.Number})
	}
}
