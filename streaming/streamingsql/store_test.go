package streamingsql_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
	"github.com/hawkerlive/hawker/streaming/streamingtest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestStoresAgreeWithTheModel(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		streamingtest.RunStore(t, &streamingsql.Store{DB: db})
	})
}

func TestAMoveAndItsFactStandTogether(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		s := &streamingsql.Store{DB: db}
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		b := streaming.Broadcast{ID: "b", ChannelID: "c", ShopID: "s", Title: "Linen", State: streaming.Draft, CreatedAt: now}
		if err := s.Create(ctx, b); err != nil {
			t.Fatal(err)
		}
		anchors := mediatime.Anchors{{Generation: 1, Media: 0, Wall: now.Add(123456 * time.Microsecond)}}
		for _, m := range []streaming.Move{
			{ID: "b", To: streaming.Live, At: now, Anchors: anchors},
			{ID: "b", To: streaming.Interrupted, At: now},
			{ID: "b", To: streaming.Live, At: now, Anchors: append(anchors, mediatime.Anchor{Generation: 2, Media: 5_000_000, Wall: now.Add(5 * time.Second)})},
			{ID: "b", To: streaming.Ended, At: now, Length: 9_000_000},
		} {
			if _, err := s.Move(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Move(ctx, streaming.Move{ID: "b", To: streaming.Live, At: now}); !errors.Is(err, streaming.ErrMove) {
			t.Fatalf("an ended broadcast went on: %v", err)
		}
		got, err := s.Broadcast(ctx, "b")
		if err != nil || len(got.Anchors) != 2 || !got.Anchors[0].Wall.Equal(anchors[0].Wall) {
			t.Fatalf("anchors %v, %v", got.Anchors, err)
		}
		bus := &collector{}
		relayCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		bus.want, bus.done = 6, cancel
		if err := (&outbox.Relay{DB: db, Bus: bus}).Run(relayCtx); err != nil {
			t.Fatal(err)
		}
		want := []event.Kind{event.BroadcastStarted, event.BroadcastInterrupted, event.BroadcastAnchored, event.BroadcastResumed, event.BroadcastEnded}
		if diff := cmp.Diff(want, bus.kinds); diff != "" {
			t.Fatal(diff)
		}
	})
}

// collector is a bus that remembers what it was given, and stops the relay at the end of the broadcast.
type collector struct {
	event.Bus
	kinds []event.Kind
	want  int
	done  func()
}

func (c *collector) Publish(_ context.Context, events ...event.Event) error {
	for _, e := range events {
		c.kinds = append(c.kinds, e.Kind)
		if e.Kind == event.BroadcastEnded {
			c.done()
		}
	}
	return nil
}
