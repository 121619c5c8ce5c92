package views

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
)

// Service issues view sessions and counts what they do. Any number of goroutines may use it; one calls Run.
type Service struct {
	// Required.
	Store Store
	Bus   event.Bus
	Log   *slog.Logger

	// Wake, if set, is called after a write that left facts in the outbox. It must not block.
	Wake func()
	// Clock, if set, tells the media time that enters the server now: a click from the future has none.
	Clock func(broadcast string) (int64, bool)
	// Keep is how long sessions are kept; default 90 days.
	Keep    time.Duration
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	// Node, if set, names this node among several that share the bus: the viewers of all are told.
	Node string

	others   others
	mu       sync.Mutex
	live     map[string]*session
	visitors map[string]string // broadcast/visitor -> session
	rooms    map[string]*room
	unknown  map[string]bool // sessions to look up: of another process, or nobody's
	waiting  int             // clicks in rooms
	// unwritten are facts that a database in trouble did not take.
	unwritten []event.Event
}

// session is a Session in use.
type session struct {
	Session
	playing bool
	clicks  int
	second  int64 // Unix, in which it has said
	said    int   // so many messages
	dirty   bool
	used    time.Time
	seen    []uint64 // what counted as shown in this view, hashed; at most seenMax
}

// shown counts the views in which a pin showed a product, and those in which it had shown another before.
type shown struct{ count, further int64 }

// room is what waits to be written of one broadcast.
type room struct {
	views       []View
	impressions map[[2]string]shown // by product and pin
	clicks      []Click
	viewers     int       // as last told
	sampled     time.Time // when viewers last went into a fact
	sample      int       // what it said
}

// Watch issues a session, or returns the visitor's own where it was left less than half an hour ago.
func (s *Service) Watch(ctx context.Context, start Start) (Session, error) {
	if !known(start.Transport) || !isText(start.Source) || !isText(start.Language) || len(start.Language) > 35 || !isID(start.Broadcast) {
		return Session{}, ErrStart
	}
	now := s.now()
	if _, err := uuid.Parse(start.Visitor); err != nil || !start.Consent {
		start.Visitor = ""
	}
	if start.Visitor != "" {
		again, err := s.resume(ctx, start, now)
		if err != nil || again.ID != "" {
			return again, err
		}
	} else {
		start.Visitor = uuid.NewString()
	}
	out := Session{
		ID: uuid.Must(uuid.NewV7()).String(), Broadcast: start.Broadcast, Visitor: start.Visitor, Consent: start.Consent,
		Transport: start.Transport, Language: start.Language, Source: start.Source, StartedAt: now,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) >= sessionsMax {
		return Session{}, ErrFull
	}
	s.hold(out, now).dirty = true
	s.Metrics.started(out)
	return out, nil
}

// resume finds the visitor's session. Another one was idle too long, or never was.
func (s *Service) resume(ctx context.Context, start Start, now time.Time) (Session, error) {
	s.mu.Lock()
	if v := s.live[s.visitors[start.Broadcast+"/"+start.Visitor]]; v != nil && now.Sub(v.last()) < sameViewFor {
		v.used = now
		defer s.mu.Unlock()
		return v.Session, nil
	}
	s.mu.Unlock()
	found, ok, err := s.Store.Latest(ctx, start.Broadcast, start.Visitor)
	if err != nil {
		return Session{}, fmt.Errorf("find the visitor's session: %w", err)
	}
	if !ok || now.Sub(max64(found.StartedAt, found.LastAt)) >= sameViewFor {
		return Session{}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) >= sessionsMax {
		return Session{}, ErrFull
	}
	return s.hold(found, now).Session, nil
}

func max64(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// last is when the session was last heard of.
func (v *session) last() time.Time { return max64(max64(v.StartedAt, v.LastAt), v.used) }

// hold keeps a session in memory. It runs under s.mu.
func (s *Service) hold(v Session, now time.Time) *session {
	if s.live == nil {
		s.live, s.visitors, s.rooms, s.unknown = map[string]*session{}, map[string]string{}, map[string]*room{}, map[string]bool{}
	}
	if held := s.live[v.ID]; held != nil {
		return held
	}
	held := &session{Session: v, used: now}
	s.live[v.ID] = held
	s.visitors[v.Broadcast+"/"+v.Visitor] = v.ID
	return held
}

// Hear takes one message of a player that follows the topic and names a session.
func (s *Service) Hear(topic, sessionID string, message []byte) error {
	m, err := parseSignal(message)
	if err != nil {
		s.Metrics.heard("invalid")
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.live[sessionID]
	if v == nil {
		if len(s.unknown) < lookupsMax && sessionID != "" && isID(sessionID) && s.live != nil {
			s.unknown[sessionID] = true // it may be of an earlier process: the next heartbeat will count
		}
		s.Metrics.heard("unknown")
		return nil
	}
	if event.BroadcastTopic(v.Broadcast) != topic {
		s.Metrics.heard("foreign")
		return nil
	}
	now := s.now()
	if now.Unix() != v.second {
		v.second, v.said = now.Unix(), 0
	}
	if v.said++; v.said > messagesMax {
		s.Metrics.heard("excess")
		return nil
	}
	s.Metrics.heard(m.Kind)
	v.used = now
	switch m.Kind {
	case "heartbeat":
		s.beat(v, m, now)
	case "impression":
		s.show(v, m)
	case "click":
		s.click(v, m, now)
	case "lateness":
		s.Metrics.late(transportOf(v, m), int64(m.MS), int64(m.Frames))
	}
	return nil
}

func transportOf(v *session, m signal) string {
	if m.Transport != "" {
		return m.Transport
	}
	return v.Transport
}

// beat counts the time since the last heartbeat as watched, where the player played all the while. It runs
// under s.mu.
func (s *Service) beat(v *session, m signal, now time.Time) {
	before := max64(v.StartedAt, v.LastAt)
	if m.Playing && (v.playing || v.LastAt.IsZero()) {
		v.Watched += min(max(now.Sub(before), 0), heartbeatMax)
	}
	v.playing, v.LastAt, v.dirty = m.Playing, now, true
	if m.Transport != "" {
		v.Transport = m.Transport
	}
	s.Metrics.lag(v.Transport, int64(m.LagMS))
	for range m.Exact { // who is late says so at once; the others are told of here
		s.Metrics.late(v.Transport, 0, 0)
	}
	if v.ViewedAt.IsZero() && v.Watched >= viewAfter {
		v.ViewedAt = now
		r := s.room(v.Broadcast)
		r.views = append(r.views, View{v.ID, viewer(v.Session)})
	}
}

// viewer is a name for the visitor that is good for one broadcast only.
func viewer(v Session) string {
	sum := sha256.Sum256([]byte(v.Broadcast + "/" + v.Visitor))
	return hex.EncodeToString(sum[:12])
}

func (s *Service) click(v *session, m signal, now time.Time) {
	if v.clicks++; v.clicks > sessionClicks || s.waiting >= clicksMax {
		s.Metrics.dropped()
		return
	}
	c := Click{ID: uuid.Must(uuid.NewV7()).String(), Product: m.Product, Variant: m.Variant, Pin: m.Pin, MediaTime: int64(m.MediaTime), At: now.UnixMilli()}
	if v.Consent {
		c.Session = v.ID
	}
	if s.Clock != nil {
		if edge, ok := s.Clock(v.Broadcast); ok && int64(m.MediaTime) > edge+int64(time.Second/time.Microsecond) {
			c.MediaTime = 0
		}
	}
	r := s.room(v.Broadcast)
	r.clicks = append(r.clicks, c)
	s.waiting++
}

// room runs under s.mu.
func (s *Service) room(broadcast string) *room {
	r := s.rooms[broadcast]
	if r == nil {
		r = &room{impressions: map[[2]string]shown{}}
		s.rooms[broadcast] = r
	}
	return r
}

// Viewers is the number of sessions with a heartbeat in the last ten seconds, as counted within the last one.
func (s *Service) Viewers(broadcast string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[broadcast]; r != nil {
		return r.viewers
	}
	return s.others.count(broadcast, s.now())
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}
