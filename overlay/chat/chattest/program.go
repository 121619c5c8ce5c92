package chattest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// program makes random calls.
type program struct {
	random *rand.Rand
	now    time.Time
	ids    []string // of messages
	words  []string
	mutes  []string
	serial int
}

// Same runs a random program of calls against stores and compares every answer with the first one's.
func Same(t *testing.T, seed uint64, steps int, stores map[string]chat.Store) {
	t.Helper()
	p := &program{random: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	for step := range steps {
		name, call := p.next()
		var first string
		var of string
		for store, s := range stores {
			got := call(s)
			if of == "" {
				first, of = got, store
				continue
			}
			if got != first {
				t.Fatalf("seed %d, step %d, %s:\n%s says %s\n%s says %s", seed, step, name, of, first, store, got)
			}
		}
	}
}

func (p *program) id() string {
	p.serial++
	return uuid.UUID{0: byte(p.serial >> 16), 1: byte(p.serial >> 8), 2: byte(p.serial), 6: 0x70, 8: 0x80}.String()
}

func (p *program) pick(of ...string) string { return of[p.random.IntN(len(of))] }

func (p *program) old(of []string) string {
	if len(of) == 0 || p.random.IntN(20) == 0 {
		return p.id()
	}
	return of[p.random.IntN(len(of))]
}

func show(v any, err error) string {
	for _, known := range []error{chat.ErrNotFound, chat.ErrState, chat.ErrTooMany} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "failed: " + err.Error()
	}
	return fmt.Sprintf("%+v", deref(v))
}

// deref writes what pointers point at.
func deref(v any) any {
	if all, ok := v.([]chat.Message); ok {
		out := ""
		for _, m := range all {
			out += fmt.Sprintf("%s\n", one(m))
		}
		return out
	}
	if m, ok := v.(chat.Message); ok {
		return one(m)
	}
	if reflect.ValueOf(v).Kind() == reflect.Slice && reflect.ValueOf(v).Len() == 0 {
		return "nothing"
	}
	return v
}

func one(m chat.Message) string {
	q := chat.Quote{}
	if m.Quote != nil {
		q = *m.Quote
	}
	m.Quote, m.Address = nil, ""
	return fmt.Sprintf("%+v %+v", m, q)
}

func (p *program) record(action string) chat.Record {
	return chat.Record{ID: p.id(), Channel: p.pick("c1", "c2"), Actor: "mod", Action: action, Reason: "since", At: p.now}
}

func (p *program) next() (string, func(chat.Store) string) {
	ctx := context.Background()
	p.now = p.now.Add(time.Duration(p.random.IntN(3000)) * time.Millisecond)
	now, broadcast, channel := p.now, p.pick("b1", "b2"), p.pick("c1", "c2")
	limit := 1 + p.random.IntN(6)
	fact := event.New("broadcast/b1", event.ChatRemoved, 0, now, chat.Removed{IDs: []string{"x"}})
	switch p.random.IntN(20) {
	case 0, 1, 2, 3, 4:
		return p.add(now)
	case 5:
		id := p.old(p.ids)
		return "message", func(s chat.Store) string { return show(s.Message(ctx, broadcast, id)) }
	case 6:
		before := p.pick("", p.old(p.ids))
		return "newest", func(s chat.Store) string { return show(s.Newest(ctx, broadcast, before, limit)) }
	case 7:
		from, after := mediatime.Time(p.random.IntN(50)), p.pick("", p.old(p.ids))
		return "frames", func(s chat.Store) string { return show(s.Frames(ctx, broadcast, from, from+20, after, limit)) }
	case 8:
		return "review", func(s chat.Store) string { return show(s.Review(ctx, broadcast, limit)) }
	case 9, 10:
		c := chat.Change{Broadcast: broadcast, Message: p.old(p.ids), From: []chat.State{chat.Shown, chat.Held}, To: chat.State(p.pick("shown", "refused", "deleted")), Record: p.record("changed")}
		return "change", func(s chat.Store) string { return show(s.Change(ctx, c, fact)) }
	case 11, 12:
		r := chat.Report{Message: p.old(p.ids), Reporter: p.pick("account:a", "account:b", "account:c", "address:d"), Reason: "spam", At: now, Hide: p.random.IntN(3)}
		return "report", func(s chat.Store) string { return show(s.Report(ctx, r, fact)) }
	case 13:
		set := chat.Defaults()
		set.Slow = p.random.IntN(9)
		r := p.record("set")
		return "settings", func(s chat.Store) string { return show(s.SetSettings(ctx, channel, set, r)) }
	case 14:
		return p.word(channel)
	case 15:
		text, r := p.pick("", "hello"), p.record("room")
		return "room", func(s chat.Store) string {
			return show(s.SetRoom(ctx, broadcast, func(one *chat.Room) { one.Announcement, one.Off = text, text == "" }, r))
		}
	case 16, 17:
		return p.silence(channel, now)
	case 18:
		account := p.pick("a", "b", "c")
		if p.random.IntN(4) > 0 {
			return "delete of", func(s chat.Store) string { return show(s.DeleteOf(ctx, channel, account, limit)) }
		}
		return "forget", func(s chat.Store) string { return show(s.Forget(ctx, account, limit)) }
	}
	return p.look(channel, now, limit)
}

// look reads what else there is.
func (p *program) look(channel string, now time.Time, limit int) (string, func(chat.Store) string) {
	ctx, before, account := context.Background(), p.pick("", p.id()), p.pick("a", "b", "c")
	old := p.random.IntN(10) == 0
	return "look", func(s chat.Store) string {
		set, words, err := s.Settings(ctx, channel)
		out := show(set, err) + fmt.Sprintf("%+v", words)
		out += show(s.Audit(ctx, channel, before, limit)) + show(s.Silences(ctx, channel, now)) + show(s.Said(ctx, account, limit)) + show(s.Room(ctx, "b1"))
		if old {
			if _, err := s.Purge(ctx, now.Add(-time.Minute), now.Add(-time.Minute), now, 1000); err != nil {
				out += err.Error()
			}
		}
		return out
	}
}

func (p *program) add(now time.Time) (string, func(chat.Store) string) {
	var entries []chat.Entry
	for range 1 + p.random.IntN(3) {
		account := p.pick("a", "b", "c")
		m := chat.Message{
			ID: p.id(), Broadcast: p.pick("b1", "b2"), Channel: "c1", Account: account, Name: "N " + account, Text: "text", State: chat.State(p.pick("shown", "shown", "held")),
			MediaTime: mediatime.Time(p.random.IntN(60)), At: now, Ref: p.id(), Address: "h",
		}
		if p.random.IntN(4) == 0 {
			m.Reply = p.old(p.ids)
		}
		if p.random.IntN(8) == 0 {
			m.Ref = "same"
		}
		p.ids = append(p.ids, m.ID)
		e := chat.Entry{Message: m, Subjects: []string{chat.OfAccount(account), chat.OfAddress("h")}}
		if p.random.IntN(2) == 0 {
			e.Pace = time.Second
		}
		entries = append(entries, e)
	}
	return "add", func(s chat.Store) string {
		all, err := s.Add(context.Background(), now, entries)
		out := show(len(all), err)
		for _, o := range all {
			var wait *chat.WaitError
			var left time.Duration
			if errors.As(o.Err, &wait) {
				left = wait.Wait
			}
			q := chat.Quote{}
			if o.Quote != nil {
				q = *o.Quote
			}
			out += fmt.Sprintf("\n%q %q %v %v %+v", o.Again, o.State, o.Err, left, q)
		}
		return out
	}
}

func (p *program) word(channel string) (string, func(chat.Store) string) {
	ctx := context.Background()
	w := chat.Word{ID: p.id(), Text: p.pick("one", "two", "three"), Action: chat.Action(p.pick("block", "hold", "allow"))}
	r, id, remove := p.record("word"), p.old(p.words), p.random.IntN(3) == 0
	p.words = append(p.words, w.ID)
	return "word", func(s chat.Store) string {
		if remove {
			return show("", s.RemoveWord(ctx, channel, id, r))
		}
		return show(s.AddWord(ctx, channel, w, 2, r))
	}
}

func (p *program) silence(channel string, now time.Time) (string, func(chat.Store) string) {
	ctx := context.Background()
	v := chat.Silence{ID: p.id(), Channel: channel, Subject: p.pick("account:a", "account:b", "address:h"), Kind: chat.Kind(p.pick("mute", "ban")), Actor: "mod", At: now}
	if p.random.IntN(4) > 0 {
		v.Until = now.Add(time.Duration(1+p.random.IntN(9000)) * time.Millisecond)
	}
	r, id, lift := p.record("silence"), p.old(p.mutes), p.random.IntN(3) == 0
	p.mutes = append(p.mutes, v.ID)
	return "silence", func(s chat.Store) string {
		if lift {
			return show(s.Lift(ctx, channel, id, r, func(chat.Silence) []event.Event { return nil }))
		}
		return show(s.Silence(ctx, v, 2, r))
	}
}
