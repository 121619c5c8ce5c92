package chattest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay/chat"
)

// Settings implements chat.Store.
func (m *Model) Settings(_ context.Context, channel string) (chat.Settings, []chat.Word, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.settings[channel]
	if !ok {
		s = chat.Defaults()
	}
	return s, slices.Clone(m.words[channel]), nil
}

// SetSettings implements chat.Store.
func (m *Model) SetSettings(_ context.Context, channel string, s chat.Settings, r chat.Record) (chat.Settings, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settings == nil {
		m.settings = map[string]chat.Settings{}
	}
	s.Version = m.settings[channel].Version + 1
	m.settings[channel] = s
	m.note(r)
	return s, nil
}

// AddWord implements chat.Store.
func (m *Model) AddWord(_ context.Context, channel string, w chat.Word, most int, r chat.Record) (chat.Word, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.words == nil {
		m.words = map[string][]chat.Word{}
	}
	mine := m.words[channel]
	if i := slices.IndexFunc(mine, func(one chat.Word) bool { return one.Text == w.Text }); i >= 0 {
		if len(mine)-1 >= most {
			return w, chat.ErrTooMany
		}
		mine[i].Action, w.ID = w.Action, mine[i].ID
	} else {
		if len(mine) >= most {
			return w, chat.ErrTooMany
		}
		mine = append(mine, w)
		slices.SortFunc(mine, func(a, b chat.Word) int { return strings.Compare(a.Text, b.Text) })
		m.words[channel] = mine
	}
	m.note(r)
	return w, nil
}

// RemoveWord implements chat.Store.
func (m *Model) RemoveWord(_ context.Context, channel, id string, r chat.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.words[channel], func(one chat.Word) bool { return one.ID == id })
	if i < 0 {
		return chat.ErrNotFound
	}
	r.Subject = m.words[channel][i].Text
	m.words[channel] = slices.Delete(m.words[channel], i, i+1)
	m.note(r)
	return nil
}

// Room implements chat.Store.
func (m *Model) Room(_ context.Context, broadcast string) (chat.Room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rooms[broadcast]
	r.Broadcast = broadcast
	return r, nil
}

// SetRoom implements chat.Store.
func (m *Model) SetRoom(_ context.Context, broadcast string, change func(*chat.Room), rec chat.Record) (chat.Room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms == nil {
		m.rooms = map[string]chat.Room{}
	}
	r := m.rooms[broadcast]
	r.Broadcast = broadcast
	change(&r)
	r.Version++
	m.rooms[broadcast] = r
	m.note(rec)
	return r, nil
}

// Audit implements chat.Store.
func (m *Model) Audit(_ context.Context, channel, before string, limit int) (out []chat.Record, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.audit {
		if r.Channel == channel && (before == "" || r.ID < before) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b chat.Record) int { return strings.Compare(b.ID, a.ID) })
	return out[:min(len(out), limit)], nil
}

// Silence implements chat.Store.
func (m *Model) Silence(_ context.Context, s chat.Silence, most int, r chat.Record, facts ...event.Event) (chat.Silence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	others, at := 0, -1
	for i, one := range m.silences {
		switch {
		case one.Channel != s.Channel:
		case one.Subject == s.Subject:
			at = i
		default:
			others++
		}
	}
	if others >= most {
		return s, chat.ErrTooMany
	}
	if at >= 0 {
		s.ID = m.silences[at].ID
		m.silences[at] = s
	} else {
		m.silences = append(m.silences, s)
	}
	m.note(r, facts...)
	return s, nil
}

// Lift implements chat.Store.
func (m *Model) Lift(_ context.Context, channel, id string, r chat.Record, facts func(chat.Silence) []event.Event) (chat.Silence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.silences, func(one chat.Silence) bool { return one.Channel == channel && one.ID == id })
	if i < 0 {
		return chat.Silence{}, chat.ErrNotFound
	}
	out := m.silences[i]
	m.silences = slices.Delete(m.silences, i, i+1)
	r.Subject = out.Subject
	m.note(r, facts(out)...)
	return out, nil
}

// Silences implements chat.Store.
func (m *Model) Silences(_ context.Context, channel string, now time.Time) (out []chat.Silence, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.silences {
		if s.Channel == channel && (s.Until.IsZero() || now.Before(s.Until)) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b chat.Silence) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return out, nil
}

// DeleteOf implements chat.Store.
func (m *Model) DeleteOf(_ context.Context, channel, account string, limit int) (n int, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.messages) - 1; i >= 0 && n < limit; i-- {
		r := m.messages[i]
		if r.Channel == channel && r.Account == account && (r.State == chat.Shown || r.State == chat.Held) {
			r.State, r.flagged = chat.Deleted, false
			n++
		}
	}
	return n, nil
}

// Forget implements chat.Store.
func (m *Model) Forget(_ context.Context, account string, limit int) (n int, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.messages {
		if r.Account == account && !r.gone && n < limit {
			r.State, r.gone, r.flagged = chat.Deleted, true, false
			n++
		}
		r.reporters = slices.DeleteFunc(r.reporters, func(who string) bool { return who == chat.OfAccount(account) })
	}
	return n, nil
}

// Said implements chat.Store.
func (m *Model) Said(_ context.Context, account string, limit int) ([]chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.filter(func(r *row) bool { return r.Account == account })
	slices.Reverse(all)
	return all[:min(len(all), limit)], nil
}

// Purge implements chat.Store. What nobody can read makes no difference here: it counts messages and silences only.
func (m *Model) Purge(_ context.Context, texts, _, now time.Time, limit int) (n int, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages = slices.DeleteFunc(m.messages, func(r *row) bool {
		old := r.At.Before(texts) && n < limit
		if old {
			n++
		}
		return old
	})
	m.silences = slices.DeleteFunc(m.silences, func(s chat.Silence) bool { return !s.Until.IsZero() && !now.Before(s.Until) })
	return n, nil
}
