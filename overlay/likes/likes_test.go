package likes_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/likes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store that counts its transactions, and can be away.
type memory struct {
	mu     sync.Mutex
	counts map[string]int64
	writes int
	away   bool
}

func (m *memory) Add(_ context.Context, taps map[string]int64) (map[string]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errors.New("away")
	}
	m.writes++
	out := map[string]int64{}
	for id, n := range taps {
		m.counts[id] += n
		out[id] = m.counts[id]
	}
	return out, nil
}

func (m *memory) Count(_ context.Context, id string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[id], nil
}

func up(text string) overlay.Said {
	return overlay.Said{Topic: "broadcast/b", Kind: "like", Message: []byte(text)}
}

func TestManyTapsAreOneWriteAndFewEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := event.NewMemory(event.MemoryConfig{})
		store := &memory{counts: map[string]int64{"b": 100}}
		s := &likes.Service{Store: store, Bus: bus, Log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		sub, err := bus.Subscribe(ctx, event.BroadcastTopic("b"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		for range 1000 {
			if err := s.Hear(up(`{"kind":"like","taps":5}`)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(4 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		store.mu.Lock()
		if store.counts["b"] != 5100 || store.writes > 6 {
			t.Errorf("%d likes in %d writes", store.counts["b"], store.writes)
		}
		store.mu.Unlock()
		if n := s.Likes("b"); n != 5100 {
			t.Errorf("it says %d", n)
		}
		var told []int64
		for {
			wait, cancel := context.WithTimeout(ctx, time.Millisecond)
			f, err := sub.Next(wait)
			cancel()
			if err != nil {
				break
			}
			for _, e := range f.Events {
				var c likes.Changed
				if err := json.Unmarshal(e.Data, &c); err != nil || e.Kind != event.LikesChanged {
					t.Fatal(e.Kind, err)
				}
				told = append(told, c.Likes)
			}
		}
		if len(told) == 0 || len(told) > 20 || told[len(told)-1] != 5100 {
			t.Errorf("told %v", told)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatTheStoreDoesNotTakeIsKeptAndTheLastIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{counts: map[string]int64{}, away: true}
		s := &likes.Service{Store: store, Bus: event.NewMemory(event.MemoryConfig{}), Log: slog.New(slog.DiscardHandler)}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		if err := s.Tap("b", 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		store.mu.Lock()
		store.away = false
		store.mu.Unlock()
		time.Sleep(1500 * time.Millisecond)
		if n, _ := store.Count(ctx, "b"); n != 2 {
			t.Errorf("after it came back: %d", n)
		}
		if err := s.Tap("b", 3); err != nil {
			t.Fatal(err)
		}
		stop()
		<-ended
		if n, _ := store.Count(t.Context(), "b"); n != 5 {
			t.Errorf("after the end: %d", n)
		}
	})
}

func TestWhatIsNoTap(t *testing.T) {
	t.Parallel()
	s := &likes.Service{Store: &memory{counts: map[string]int64{}}, Log: slog.New(slog.DiscardHandler)}
	for _, text := range []string{`{"taps":6}`, `{"taps":"many"}`, `{`, `{"taps":1e99}`} {
		if err := s.Hear(up(text)); !errors.Is(err, likes.ErrTaps) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := s.Tap("b", 0); !errors.Is(err, likes.ErrTaps) {
		t.Error(err)
	}
}
