package streaming_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest"
)

type channels struct{}

func (channels) ChannelInfo(_ context.Context, id string) (string, string, error) {
	return "shop-of-" + id, "Live", nil
}

// life runs a broadcast service in a bubble whose time passes by itself.
func life(t *testing.T, test func(t *testing.T, b *streaming.Broadcasts)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &streaming.Broadcasts{Store: &streamingtest.Model{}, Hub: &streaming.Hub{}, Channels: channels{}, Log: slog.New(slog.DiscardHandler)}
		b.Hub.Watch = b.Watch()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		test(t, b)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

// publish sends pictures of a channel for a while, in real time of the bubble.
func publish(t *testing.T, b *streaming.Broadcasts, channel string, d time.Duration) (id string, p *streaming.Publication) {
	t.Helper()
	id, err := b.GoOnAir(t.Context(), channel)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = b.Hub.Publish(t.Context(), id, tracks()); err != nil {
		t.Fatal(err)
	}
	for n := range int64(d / (time.Second / 30)) {
		if err := p.Write(picture(n, n%30 == 0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 30) // bubble time: it passes at once
	}
	synctest.Wait()
	return id, p
}

func state(t *testing.T, b *streaming.Broadcasts, id string) streaming.State {
	t.Helper()
	got, err := b.Store.Broadcast(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func TestAnEncoderMakesABroadcastThatEndsAfterTheGrace(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, p := publish(t, b, "c", 3*time.Second)
		if s := state(t, b, id); s != streaming.Live {
			t.Fatalf("after three seconds of pictures it is %s", s)
		}
		p.Close()
		time.Sleep(300 * time.Millisecond)
		if s := state(t, b, id); s != streaming.Interrupted {
			t.Fatalf("without its publisher it is %s", s)
		}
		time.Sleep(58 * time.Second)
		if s := state(t, b, id); s != streaming.Interrupted {
			t.Fatalf("within the grace it is %s", s)
		}
		time.Sleep(2 * time.Second)
		if s := state(t, b, id); s != streaming.Ended {
			t.Fatalf("after the grace it is %s", s)
		}
	})
}

func TestAPublisherThatFallsSilentInterrupts(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, p := publish(t, b, "c", time.Second)
		time.Sleep(1300 * time.Millisecond)
		if s := state(t, b, id); s != streaming.Interrupted {
			t.Fatalf("after a second of silence it is %s", s)
		}
		if err := p.Write(picture(60, true)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if s := state(t, b, id); s != streaming.Live {
			t.Fatalf("when pictures come again it is %s", s)
		}
	})
}

func TestAPublisherThatComesBackStaysOnItsBroadcast(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, p := publish(t, b, "c", time.Second)
		p.Close()
		time.Sleep(5 * time.Second)
		again, _ := publish(t, b, "c", time.Second)
		if again != id {
			t.Fatalf("it came back on another broadcast")
		}
		got, _ := b.Store.Broadcast(t.Context(), id)
		if got.State != streaming.Live || len(got.Anchors) != 2 {
			t.Fatalf("%s with anchors %v", got.State, got.Anchors)
		}
	})
}

func TestTheCreatorEndsAndThePublisherIsTold(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, p := publish(t, b, "c", time.Second)
		for range 2 {
			if got, err := b.End(t.Context(), id); err != nil || got.State != streaming.Ended {
				t.Fatalf("%s, %v", got.State, err)
			}
		}
		<-p.Displaced()
		time.Sleep(30 * time.Second)
		other, _ := publish(t, b, "c", time.Second)
		if other == id {
			t.Fatal("an ended broadcast was published to")
		}
	})
}

func TestAnEncoderThatComesBackAfterTheEndMakesNoBroadcast(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, _ := publish(t, b, "c", time.Second)
		if _, err := b.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		for range 29 {
			if _, err := b.GoOnAir(t.Context(), "c"); !errors.Is(err, streaming.ErrResting) {
				t.Fatalf("while the channel rests: %v", err)
			}
			if err := b.MayGoOnAir(t.Context(), "c"); !errors.Is(err, streaming.ErrResting) {
				t.Fatalf("while the channel rests, asked: %v", err)
			}
			time.Sleep(time.Second)
		}
		if err := b.MayGoOnAir(t.Context(), "another"); err != nil {
			t.Fatalf("another channel rests too: %v", err)
		}
		if all, _ := b.List(t.Context(), streaming.Filter{}); len(all) != 1 {
			t.Fatalf("%d broadcasts came of one", len(all))
		}
		if _, err := b.End(t.Context(), id); err != nil { // once more prolongs nothing
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := b.MayGoOnAir(t.Context(), "c"); err != nil {
			t.Fatalf("after the rest: %v", err)
		}
		if again, _ := publish(t, b, "c", time.Second); again == id {
			t.Fatal("an ended broadcast was published to")
		}
	})
}

func TestANewBroadcastEndsTheRest(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, _ := publish(t, b, "c", time.Second)
		if _, err := b.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		// One for tomorrow says that somebody is there; the encoder goes on a broadcast of its own.
		if _, err := b.Create(t.Context(), "c", "Tomorrow", time.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.GoOnAir(t.Context(), "c"); err != nil {
			t.Fatalf("after a new one was made: %v", err)
		}
	})
}

func TestARestingChannelTakesThePublisherOfAnArmedBroadcast(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		next, err := b.Create(t.Context(), "c", "Second half", time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := publish(t, b, "c", 31*time.Minute)
		if _, err := b.End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := b.MayGoOnAir(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		if got, err := b.GoOnAir(t.Context(), "c"); err != nil || got != next.ID {
			t.Fatalf("it went on %s, %v", got, err)
		}
	})
}

func TestOnlyPeopleMakeAChannelRest(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, p := publish(t, b, "c", time.Second)
		p.Close()
		time.Sleep(62 * time.Second)
		if s := state(t, b, id); s != streaming.Ended {
			t.Fatalf("after the grace it is %s", s)
		}
		if err := b.MayGoOnAir(t.Context(), "c"); err != nil {
			t.Fatalf("after silence: %v", err)
		}
		draft, err := b.Create(t.Context(), "c", "Never on air", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.End(t.Context(), draft.ID); err != nil {
			t.Fatal(err)
		}
		if err := b.MayGoOnAir(t.Context(), "c"); err != nil {
			t.Fatalf("after a discarded draft: %v", err)
		}
	})
}

// TestARehearsalStaysOne: its encoder comes, goes, comes back after a restart and stays away, and never puts it on air.
func TestARehearsalStaysOne(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		made, err := b.Rehearse(t.Context(), "c", "Before the show")
		if err != nil || made.State != streaming.Rehearsal || made.Access != streaming.ByToken {
			t.Fatalf("%+v, %v", made, err)
		}
		id, p := publish(t, b, "c", 3*time.Second)
		got, err := b.Get(t.Context(), id)
		if err != nil || id != made.ID || got.State != streaming.Rehearsal || len(got.Anchors) != 1 || got.StartedAt.IsZero() {
			t.Fatalf("with an encoder it is %+v, %v", got, err)
		}
		p.Close()
		time.Sleep(30 * time.Second)
		if id, p = publish(t, b, "c", time.Second); id != made.ID || state(t, b, id) != streaming.Rehearsal {
			t.Fatal("its encoder came back to something else")
		}
		p.Close()
		time.Sleep(2 * time.Minute)
		if s := state(t, b, id); s != streaming.Ended {
			t.Fatalf("long after its encoder has gone it is %s", s)
		}
		forgotten, err := b.Rehearse(t.Context(), "c", "Forgotten")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(13 * time.Hour)
		if id, _ := publish(t, b, "c", time.Second); id == forgotten.ID || state(t, b, id) != streaming.Live {
			t.Fatal("the show of the day after went to a rehearsal that was forgotten")
		}
	})
}

func TestAScheduledBroadcastTakesThePublisherWhenItsTimeComes(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		planned, err := b.Create(t.Context(), "c", "  Autumn linen  ", time.Now().Add(2*time.Hour))
		if err != nil || planned.State != streaming.Scheduled || planned.Title != "Autumn linen" {
			t.Fatalf("%+v, %v", planned, err)
		}
		early, p := publish(t, b, "c", time.Second)
		if early == planned.ID {
			t.Fatal("two hours early it was taken")
		}
		p.Close()
		time.Sleep(100 * time.Minute)
		if id, _ := publish(t, b, "c", time.Second); id != planned.ID {
			t.Fatal("twenty minutes early it was not taken")
		}
	})
}

func TestARestartTakesOverWhatWasOnAir(t *testing.T) {
	life(t, func(t *testing.T, b *streaming.Broadcasts) {
		id, _ := publish(t, b, "c", time.Second)
		// The process dies and another one starts on the same store.
		next := &streaming.Broadcasts{Store: b.Store, Hub: &streaming.Hub{}, Channels: channels{}, Log: b.Log}
		next.Hub.Watch = next.Watch()
		b.Hub.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- next.Run(ctx) }()
		synctest.Wait()
		if s := state(t, b, id); s != streaming.Interrupted {
			t.Fatalf("after a restart it is %s", s)
		}
		again, _ := publish(t, next, "c", time.Second)
		if got, _ := next.Store.Broadcast(t.Context(), again); again != id || got.State != streaming.Live || len(got.Anchors) != 2 || got.Anchors[1].Media <= got.Anchors[0].Media {
			t.Fatalf("the publisher came back to %+v", got)
		}
		cancel()
		<-ended
	})
}

func TestTitlesThatWouldHarmAreRefused(t *testing.T) {
	t.Parallel()
	for name, title := range map[string]string{"empty": " ", "long": string(make([]byte, 200)), "a line break": "a\nb", "a direction override": "a\u202eb", "not UTF-8": "\xff"} {
		if _, err := streaming.CheckTitle(title); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
