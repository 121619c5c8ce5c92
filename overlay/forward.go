package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

const (
	lookEvery    = time.Second            // for broadcasts that went on air or ended
	forwardEvery = 100 * time.Millisecond // of a stock count only the newest per variant and time
	roomFor      = 250 * time.Millisecond // what a room holds is read again after this
	variantsMax  = 4096                   // counts that wait for one shop; more are sent at once
)

// Forwarder hands what happens to a shop's stock and prices on to those of its broadcasts that are on air and
// show the product, for everybody to see: "three left" is public, the shop's topic is not. Run one per process:
// of a fact that several forward, the bus takes one; of counts the newest is what is shown.
type Forwarder struct {
	// Required.
	Bus        event.Bus
	Store      Store
	Broadcasts Broadcasts
	Catalogue  Catalogue
	Log        *slog.Logger

	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	shops map[string]*forwarded
}

// forwarded is one shop with broadcasts on air.
type forwarded struct {
	id   string
	stop context.CancelFunc

	mu         sync.Mutex
	broadcasts []string

	// One goroutine's own.
	rooms   map[string]Room
	read    time.Time
	waiting map[string]waiting // by variant
	order   []string
	sent    time.Time
	unheld  map[string]unheld
	prices  map[string]string // by variant: as last heard or told
}

type waiting struct {
	event  event.Event
	number int64
}

// Run forwards until ctx ends.
func (f *Forwarder) Run(ctx context.Context) error {
	f.shops = map[string]*forwarded{}
	var work sync.WaitGroup
	defer work.Wait()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if err := f.look(ctx, &work); err != nil && ctx.Err() == nil {
			f.Log.Warn("forward stock: list the broadcasts on air", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func (f *Forwarder) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

func (f *Forwarder) look(ctx context.Context, work *sync.WaitGroup) error {
	now, err := f.Broadcasts.OnAir(ctx)
	if err != nil {
		return err
	}
	for id, s := range f.shops {
		if len(now[id]) == 0 {
			s.stop()
			delete(f.shops, id)
		}
	}
	for id, broadcasts := range now {
		s := f.shops[id]
		if s == nil {
			life, stop := context.WithCancel(ctx)
			s = &forwarded{id: id, stop: stop, waiting: map[string]waiting{}, unheld: map[string]unheld{}, prices: map[string]string{}}
			f.shops[id] = s
			work.Go(func() { f.follow(life, s) })
		}
		s.mu.Lock()
		s.broadcasts = broadcasts
		s.mu.Unlock()
	}
	return nil
}

func (f *Forwarder) follow(ctx context.Context, s *forwarded) {
	for first := true; ctx.Err() == nil; first = false {
		sub, err := f.Bus.Subscribe(ctx, event.ShopTopic(s.id), nil)
		if err == nil {
			// Counts and prices may have changed while nobody listened.
			if err = f.refresh(ctx, s, !first); err == nil {
				err = f.forward(ctx, s, sub)
			}
			sub.Close()
		}
		if ctx.Err() == nil && !errors.Is(err, event.ErrGap) {
			f.Log.Warn("forward stock", "shop", s.id, "error", err)
			sleep(ctx, retryBus)
		}
	}
}

func (f *Forwarder) forward(ctx context.Context, s *forwarded, sub event.Subscription) error {
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if next := s.next(); !next.IsZero() {
			wait, cancel = context.WithDeadline(ctx, next)
		}
		frame, err := sub.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
		case err != nil:
			return err
		}
		var facts []event.Event
		for _, e := range frame.Events {
			facts = append(facts, s.sort(e)...)
		}
		if len(facts) > 0 {
			if err := f.publish(ctx, s, facts, f.Bus.Once); err != nil {
				return err
			}
		}
		if len(s.waiting) > 0 && (f.now().Sub(s.sent) >= forwardEvery || len(s.waiting) >= variantsMax) {
			values := make([]event.Event, 0, len(s.order))
			for _, variant := range s.order {
				if w, ok := s.waiting[variant]; ok {
					values = append(values, w.event)
				}
			}
			clear(s.waiting)
			s.order, s.sent = s.order[:0], f.now()
			if err := f.publish(ctx, s, values, f.Bus.Publish); err != nil {
				return err
			}
		}
		if err := f.again(ctx, s); err != nil {
			return err
		}
	}
}

// sort keeps a count for later and returns a fact that goes on at once. A fact overtakes older counts of its
// variant, so it removes them.
func (s *forwarded) sort(e event.Event) (facts []event.Event) {
	switch e.Kind {
	case event.PriceChanged:
		var p shop.PriceFact
		if json.Unmarshal(e.Data, &p) == nil {
			s.news(p)
		}
		return []event.Event{e}
	case event.WaitCalled:
		return []event.Event{e}
	case event.StockChanged, event.StockOut, event.StockBack:
	default:
		return nil
	}
	var stock shop.StockFact
	if json.Unmarshal(e.Data, &stock) != nil {
		return nil
	}
	w, ok := s.waiting[stock.Variant]
	if e.Kind == event.StockChanged {
		if !ok {
			s.order = append(s.order, stock.Variant)
		}
		if !ok || stock.Number >= w.number {
			s.waiting[stock.Variant] = waiting{e, stock.Number}
		}
		return nil
	}
	if ok && w.number <= stock.Number {
		delete(s.waiting, stock.Variant)
		s.order = slices.DeleteFunc(s.order, func(v string) bool { return v == stock.Variant })
	}
	return []event.Event{e}
}

// publish puts the events on the topics of the broadcasts that hold their products. Facts go by Once: every node
// forwards them, and a viewer is told once.
func (f *Forwarder) publish(ctx context.Context, s *forwarded, events []event.Event, by func(context.Context, ...event.Event) error) error {
	if err := f.readRooms(ctx, s); err != nil {
		return err
	}
	var out []event.Event
	for broadcast, room := range s.rooms {
		for _, e := range events {
			var of subject
			if json.Unmarshal(e.Data, &of) != nil {
				continue
			}
			e.Topic = event.BroadcastTopic(broadcast)
			if !room.Holds(of.Product) {
				s.keep(e, of, f.now())
				continue
			}
			delete(s.unheld, of.key(e))
			out = append(out, e)
			f.Metrics.forward(string(e.Kind))
		}
	}
	if len(out) == 0 {
		return nil
	}
	if err := by(ctx, out...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

func (f *Forwarder) readRooms(ctx context.Context, s *forwarded) error {
	if s.rooms != nil && f.now().Sub(s.read) < roomFor {
		return nil
	}
	s.mu.Lock()
	broadcasts := s.broadcasts
	s.mu.Unlock()
	rooms := make(map[string]Room, len(broadcasts))
	for _, id := range broadcasts {
		room, err := f.Store.Room(ctx, id, nil)
		if err != nil {
			return err
		}
		rooms[id] = room
	}
	s.rooms, s.read = rooms, f.now()
	return nil
}
