package streaming_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest"
)

// slowStore counts its reads, each of which takes a while.
type slowStore struct {
	streaming.Store
	reads atomic.Int64
}

func (s *slowStore) Broadcast(ctx context.Context, id string) (streaming.Broadcast, error) {
	s.reads.Add(1)
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
		return streaming.Broadcast{}, ctx.Err()
	}
	return s.Store.Broadcast(ctx, id)
}

func TestThousandsWhoNameOneBroadcastReadItOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{Store: &streamingtest.Model{}}
		b := &streaming.Broadcasts{Store: s, Hub: &streaming.Hub{}, Channels: channels{}}
		made, err := b.Create(t.Context(), "c", "Show", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() {
			t.Helper()
			got, err := b.Lately(t.Context(), made.ID)
			if err != nil || got.ShopID != "shop-of-c" {
				t.Error(got, err)
			}
		}
		// The first who asks hangs up at once: those who wait with it are answered all the same.
		first, hangUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := b.Lately(first, made.ID); !errors.Is(err, context.Canceled) {
				t.Error("whoever hung up got", err)
			}
		})
		synctest.Wait()
		for range 1000 {
			all.Go(ask)
		}
		synctest.Wait()
		hangUp()
		all.Wait()
		if n := s.reads.Load(); n != 1 {
			t.Fatalf("a thousand at once made %d reads", n)
		}
		time.Sleep(900 * time.Millisecond) // bubble time
		if ask(); s.reads.Load() != 1 {
			t.Fatal("it was read again within the second")
		}
		if _, err := b.Rename(t.Context(), made.ID, "Another"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // bubble time
		if got, err := b.Lately(t.Context(), made.ID); err != nil || got.Title != "Another" {
			t.Fatal("a second later it is", got.Title, err)
		}
	})
}

func TestABroadcastThatIsNotThereIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{Store: &streamingtest.Model{}}
		b := &streaming.Broadcasts{Store: s, Hub: &streaming.Hub{}, Channels: channels{}}
		for n := range int64(3) {
			if _, err := b.Lately(t.Context(), "nothing"); !errors.Is(err, streaming.ErrNotFound) || s.reads.Load() != n+1 {
				t.Fatal(err, s.reads.Load())
			}
		}
		// However many are asked for, what is kept is bounded; the newest is there.
		var last string
		for n := range 3000 {
			made, err := b.Create(t.Context(), fmt.Sprint(n), "Show", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if last = made.ID; n%10 == 0 {
				if _, err := b.Lately(t.Context(), last); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := b.Lately(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	})
}
