package event_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/store/redistest"
)

func TestMain(m *testing.M) {
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func TestMemoryIsABus(t *testing.T) {
	t.Parallel()
	eventtest.RunBus(t, eventtest.Backend{
		New:      func(*testing.T) event.Bus { return event.NewMemory(event.MemoryConfig{History: 300}) },
		Overflow: 301,
	})
}

func TestAnOldEventIsDroppedByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		bus := event.NewMemory(event.MemoryConfig{Age: time.Minute})
		start, _ := bus.Position(ctx, "a")
		_ = bus.Publish(ctx, eventtest.Numbered("a", 1))
		time.Sleep(59 * time.Second)
		s, err := bus.Subscribe(ctx, "a", &start)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		time.Sleep(2 * time.Second)
		if _, err := bus.Subscribe(ctx, "a", &start); !errors.Is(err, event.ErrGap) {
			t.Fatalf("history of a minute reaches back further: %v", err)
		}
	})
}

func TestWhatIsTooOldGoesFromQuietTopicsToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		bus := event.NewMemory(event.MemoryConfig{Age: time.Minute, Idle: 4 * time.Minute})
		start, _ := bus.Position(ctx, "quiet")
		_ = bus.Publish(ctx, eventtest.Numbered("quiet", 1), eventtest.Numbered("quiet", 2))
		before, _ := bus.Position(ctx, "quiet")
		s, err := bus.Subscribe(ctx, "quiet", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(61 * time.Second)
		_ = bus.Publish(ctx, eventtest.Numbered("loud", 1)) // it is this one that has the others looked at
		if after, _ := bus.Position(ctx, "quiet"); after != before {
			t.Fatalf("%v became %v", before, after)
		}
		if _, err := bus.Subscribe(ctx, "quiet", &start); !errors.Is(err, event.ErrGap) {
			t.Fatalf("what is older than a minute is there: %v", err)
		}
		_ = bus.Publish(ctx, eventtest.Numbered("quiet", 3))
		if f, err := s.Next(ctx); err != nil || len(f.Events) != 1 || f.To.Offset != before.Offset+1 {
			t.Fatalf("who had heard everything got %+v, %v", f, err)
		}
	})
}

func TestBytesOfATopicAreBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	bus := event.NewMemory(event.MemoryConfig{Bytes: 1000})
	start, _ := bus.Position(ctx, "a")
	for range 3 {
		_ = bus.Publish(ctx, event.New("a", "x.big", 0, time.Now(), strings.Repeat("x", 600)))
	}
	if _, err := bus.Subscribe(ctx, "a", &start); !errors.Is(err, event.ErrGap) {
		t.Fatalf("1,800 bytes are held in 1,000: %v", err)
	}
	end, _ := bus.Position(ctx, "a")
	end.Offset--
	s, err := bus.Subscribe(ctx, "a", &end)
	if err != nil {
		t.Fatalf("the newest event is gone: %v", err)
	}
	s.Close()
}

func TestAnIdleTopicComesBackWithAnotherEpoch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		bus := event.NewMemory(event.MemoryConfig{Idle: time.Minute})
		_ = bus.Publish(ctx, eventtest.Numbered("idle", 1), eventtest.Numbered("read", 1))
		idle, _ := bus.Position(ctx, "idle")
		s, err := bus.Subscribe(ctx, "read", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		time.Sleep(2 * time.Minute)
		if again, _ := bus.Position(ctx, "idle"); again.Epoch == idle.Epoch || again.Offset != 0 {
			t.Fatalf("%v after %v", again, idle)
		}
		if _, err := bus.Subscribe(ctx, "idle", &idle); !errors.Is(err, event.ErrGap) {
			t.Fatalf("an old position is taken for a new one: %v", err)
		}
		if read, _ := bus.Position(ctx, "read"); read != s.Position() {
			t.Fatalf("a topic with a reader was dropped: %v, cursor %v", read, s.Position())
		}
	})
}

func TestTopicsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		bus := event.NewMemory(event.MemoryConfig{Topics: 100})
		first, _ := bus.Position(ctx, "0")
		var newest event.Position
		for n := 1; n < 300; n++ {
			time.Sleep(time.Millisecond)
			newest, _ = bus.Position(ctx, fmt.Sprint(n))
		}
		if again, _ := bus.Position(ctx, "299"); again != newest {
			t.Fatalf("the newest topic was dropped: %v, %v", newest, again)
		}
		if again, _ := bus.Position(ctx, "0"); again == first {
			t.Fatal("300 topics are held in 100")
		}
	})
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"a:1", "a:18446744073709551615", ":1", "a:", "a:-1", "a:1:2", "", "a:99999999999999999999", strings.Repeat("e", 65) + ":1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := event.ParsePosition(s)
		if err != nil {
			if !errors.Is(err, event.ErrBadPosition) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if p.Epoch == "" || len(p.Epoch) > 64 {
			t.Fatalf("%q was read as %+v", s, p)
		}
		again, err := event.ParsePosition(p.String())
		if err != nil || again != p {
			t.Fatalf("%q became %v and then %v, %v", s, p, again, err)
		}
	})
}
