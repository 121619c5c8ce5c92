package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// A relay whose bus is gone gives positions all the same, and lets go of the work; a node that follows the database
// hears of every fact, and another relay that reaches the bus publishes them.
func TestFactsGoOnWhereTheBusIsGone(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(context.Background(), "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		broken := &brokenBus{Bus: bus, broken: true, tried: make(chan struct{}, 1)}
		appendEvents(t, db, eventtest.Numbered("a", 0))
		stop := run(t, &outbox.Relay{DB: db, Bus: broken, Log: log()})
		<-broken.tried
		heard := make(chan event.Event, 10)
		ctx, cancel := context.WithCancel(context.Background())
		tailed := make(chan struct{})
		go func() {
			defer close(tailed)
			outbox.Tail(ctx, db, log(), func(events ...event.Event) {
				for _, e := range events {
					heard <- e
				}
			})
		}()
		for n := range 3 {
			if n > 0 {
				appendEvents(t, db, eventtest.Numbered("a", n))
			}
			select {
			case e := <-heard:
				if eventtest.Number(t, e) != n {
					t.Fatalf("number %d instead of %d", eventtest.Number(t, e), n)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("number %d is not heard of", n)
			}
		}
		cancel()
		<-tailed
		run(t, &outbox.Relay{DB: db, Bus: bus, Log: log()}) // the first one still runs, and still cannot
		for n, e := range eventtest.Read(t, s, 3) {
			if eventtest.Number(t, e) != n {
				t.Fatalf("event %d says %d", n, eventtest.Number(t, e))
			}
		}
		stop()
	})
}
