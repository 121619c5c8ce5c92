// Package chattest holds what tests of chat's stores share.
//
// Model is the small in-memory store that is fake, oracle and documentation at once; Same runs one random program of
// calls against several stores and compares every answer. It refuses to know SQL. Only tests import it.
package chattest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Model is chat.Store in memory. The zero value is empty.
type Model struct {
	mu       sync.Mutex
	messages []*row // by id
	pace     map[string]time.Time
	settings map[string]chat.Settings
	words    map[string][]chat.Word
	rooms    map[string]chat.Room
	silences []chat.Silence
	audit    []chat.Record
	facts    []event.Event
	// Fail, if set, is returned by Add.
	Fail error
}

type row struct {
	chat.Message
	flagged   bool
	gone      bool // its text was forgotten
	reporters []string
}

var _ chat.Store = (*Model)(nil)

// Facts returns what was appended to the outbox.
func (m *Model) Facts() []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.facts)
}

func (m *Model) note(r chat.Record, facts ...event.Event) {
	if r.ID != "" {
		m.audit = append(m.audit, r)
	}
	m.facts = append(m.facts, facts...)
}

// Add implements chat.Store.
func (m *Model) Add(_ context.Context, now time.Time, entries []chat.Entry) ([]chat.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return nil, m.Fail
	}
	out := make([]chat.Outcome, len(entries))
	for i, e := range entries {
		m.judge(now, e, &out[i])
	}
	for i, e := range entries {
		if out[i].Err == nil && out[i].Again == "" {
			m.add(e, &out[i])
		}
	}
	return out, nil
}

func (m *Model) judge(now time.Time, e chat.Entry, out *chat.Outcome) {
	if r := m.ref(e.Message); r != nil {
		out.Again, out.State = r.ID, r.State
		return
	}
	if out.Err = m.silenced(now, e); out.Err != nil || e.Pace == 0 {
		return
	}
	key := e.Message.Channel + "/" + e.Message.Account
	if last, ok := m.pace[key]; ok && last.After(now.Add(-e.Pace)) {
		out.Err = &chat.WaitError{Err: chat.ErrSlow, Wait: last.Add(e.Pace).Sub(now)}
		return
	}
	if m.pace == nil {
		m.pace = map[string]time.Time{}
	}
	m.pace[key] = now
}

func (m *Model) ref(want chat.Message) *row {
	for _, r := range m.messages {
		if r.Broadcast == want.Broadcast && r.Account == want.Account && r.Ref == want.Ref {
			return r
		}
	}
	return nil
}

func (m *Model) silenced(now time.Time, e chat.Entry) error {
	var worst *chat.Silence
	for i, s := range m.silences {
		if s.Channel != e.Message.Channel || !slices.Contains(e.Subjects, s.Subject) || !s.Until.IsZero() && !now.Before(s.Until) {
			continue
		}
		if worst == nil || s.Kind == chat.Ban && worst.Kind == chat.Mute || s.Kind == worst.Kind && (s.Until.IsZero() || !worst.Until.IsZero() && s.Until.After(worst.Until)) {
			worst = &m.silences[i]
		}
	}
	switch {
	case worst == nil:
		return nil
	case worst.Kind == chat.Ban:
		return chat.ErrBanned
	case worst.Until.IsZero():
		return chat.ErrMuted
	}
	return &chat.WaitError{Err: chat.ErrMuted, Wait: worst.Until.Sub(now)}
}

func (m *Model) add(e chat.Entry, out *chat.Outcome) {
	if e.Message.Reply != "" {
		to := m.find(e.Message.Broadcast, e.Message.Reply)
		if to == nil || to.State != chat.Shown {
			out.Err = chat.ErrReply
			return
		}
		out.Quote = &chat.Quote{ID: to.ID, Account: to.Account, Name: to.Name, Text: to.Text}
	}
	if r := m.ref(e.Message); r != nil {
		out.Again, out.State = r.ID, r.State
		return
	}
	out.State = e.Message.State
	m.messages = append(m.messages, &row{Message: e.Message})
	slices.SortFunc(m.messages, func(a, b *row) int { return strings.Compare(a.ID, b.ID) })
}

func (m *Model) find(broadcast, id string) *row {
	for _, r := range m.messages {
		if r.ID == id && r.Broadcast == broadcast && !r.gone {
			return r
		}
	}
	return nil
}

// read is a message as it is read: without an address, with its quote while that is shown.
func (m *Model) read(r *row) chat.Message {
	out := r.Message
	out.Quote = nil
	if q := m.find(r.Broadcast, r.Reply); q != nil && q.State == chat.Shown {
		out.Quote = &chat.Quote{ID: q.ID, Account: q.Account, Name: q.Name, Text: q.Text}
	}
	return out
}

func (m *Model) filter(keep func(*row) bool) (out []chat.Message) {
	for _, r := range m.messages {
		if !r.gone && keep(r) {
			out = append(out, m.read(r))
		}
	}
	return out
}

// Message implements chat.Store.
func (m *Model) Message(_ context.Context, broadcast, id string) (chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.find(broadcast, id); r != nil {
		return m.read(r), nil
	}
	return chat.Message{}, chat.ErrNotFound
}

// Newest implements chat.Store.
func (m *Model) Newest(_ context.Context, broadcast, before string, limit int) ([]chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.filter(func(r *row) bool {
		return r.Broadcast == broadcast && r.State == chat.Shown && (before == "" || r.ID < before)
	})
	return all[max(0, len(all)-limit):], nil
}

// Frames implements chat.Store.
func (m *Model) Frames(_ context.Context, broadcast string, from, until mediatime.Time, after string, limit int) ([]chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.filter(func(r *row) bool {
		return r.Broadcast == broadcast && r.State == chat.Shown && r.MediaTime < until && (r.MediaTime > from || r.MediaTime == from && r.ID > after)
	})
	slices.SortFunc(all, func(a, b chat.Message) int {
		return cmp.Or(cmp.Compare(a.MediaTime, b.MediaTime), strings.Compare(a.ID, b.ID))
	})
	return all[:min(len(all), limit)], nil
}

// Review implements chat.Store.
func (m *Model) Review(_ context.Context, broadcast string, limit int) ([]chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.filter(func(r *row) bool {
		return r.Broadcast == broadcast && (r.State == chat.Held || r.flagged && r.State == chat.Shown)
	})
	return all[:min(len(all), limit)], nil
}

// Change implements chat.Store.
func (m *Model) Change(_ context.Context, c chat.Change, facts ...event.Event) (chat.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(c.Broadcast, c.Message)
	if r == nil {
		return chat.Message{}, chat.ErrNotFound
	}
	if !slices.Contains(c.From, r.State) {
		return chat.Message{}, chat.ErrState
	}
	r.State, r.flagged = c.To, false
	m.note(c.Record, facts...)
	return m.read(r), nil
}

// Report implements chat.Store.
func (m *Model) Report(_ context.Context, rep chat.Report, facts ...event.Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.messages {
		if r.ID != rep.Message || slices.Contains(r.reporters, rep.Reporter) {
			continue
		}
		r.reporters = append(r.reporters, rep.Reporter)
		r.Reports++
		r.flagged = true
		accounts := 0
		for _, who := range r.reporters {
			if strings.HasPrefix(who, "account:") {
				accounts++
			}
		}
		if rep.Hide > 0 && accounts >= rep.Hide && r.State == chat.Shown {
			r.State, r.Why = chat.Held, "reports"
			m.note(chat.Record{}, facts...)
			return true, nil
		}
	}
	return false, nil
}
