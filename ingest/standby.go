package ingest

import (
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// The rules of the takeover.
const (
	silentAfter  = time.Second      // without a unit from the shown publisher, one that stands by may take over
	comebackTime = 30 * time.Second // who lost the air and is back within this stands by …
	comebackMost = 8 * time.Minute  // … doubled by every further loss up to this, so that slow encoders end their fight too
	lossesMax    = 16               // remembered per channel; the oldest is forgotten
)

// role is what becomes of a session's units.
type role int32

const (
	roleArriving role = iota // its first unit takes the air
	roleShown                // they go on air
	roleStandby              // they are read, and not shown
)

// Causes of a takeover, as the figures tell them.
const (
	byArrival = "arrival"
	bySilence = "silence"
	byStudio  = "studio"
)

// place is what a channel's sessions compete for. Sessions.mu guards it.
type place struct {
	shown  *Session // nil between publishers
	last   string   // identity of who was shown last
	losses []loss   // oldest first
}

// loss is an encoder that lost the air to another one.
type loss struct {
	identity string
	at       time.Time
	times    int
}

// placeKey tells places apart: a key that is bound to a broadcast competes there only.
type placeKey struct{ channel, broadcast string }

func (g Grant) place() placeKey { return placeKey{g.ChannelID, g.BroadcastID} }

// comeback is how long an encoder counts as one that lost the air.
func (l loss) comeback() time.Duration {
	return min(comebackTime<<min(l.times-1, 8), comebackMost)
}

// lose remembers that an encoder lost the air.
func (p *place) lose(identity string, now time.Time) {
	one := loss{identity: identity}
	for i, l := range p.losses {
		if l.identity == identity {
			one = l
			p.losses = append(p.losses[:i], p.losses[i+1:]...)
			break
		}
	}
	if now.Sub(one.at) > 2*comebackMost {
		one.times = 0
	}
	one.at = now
	one.times++
	if p.losses = append(p.losses, one); len(p.losses) > lossesMax {
		p.losses = append(p.losses[:0], p.losses[1:]...)
	}
}

// lost tells whether an encoder lost the air a moment ago.
func (p *place) lost(identity string, now time.Time) bool {
	for _, l := range p.losses {
		if l.identity == identity {
			return now.Sub(l.at) < l.comeback()
		}
	}
	return false
}

// forget lets an encoder arrive as a new one: somebody chose it.
func (p *place) forget(identity string) {
	for i, l := range p.losses {
		if l.identity == identity {
			p.losses = append(p.losses[:i], p.losses[i+1:]...)
			return
		}
	}
}

// over tells whether nothing of a place is worth remembering.
func (p *place) over(now time.Time) bool {
	for _, l := range p.losses {
		if now.Sub(l.at) < 2*comebackMost {
			return false
		}
	}
	return p.shown == nil
}

// identity recognizes an encoder that comes back: same protocol, same address, same words about itself. Two that
// look alike only cost each other the second of silence.
func identity(r Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return strings.Join([]string{r.Protocol, host, r.Encoder}, "\x00")
}

// stay is a session's place among those of its channel.
type stay struct {
	role   atomic.Int32
	wrote  atomic.Int64 // wall clock of its newest unit on air, Unix nanoseconds
	chosen atomic.Bool  // somebody in the studio wants to see it
}

func (s *stay) is(r role) bool { return role(s.role.Load()) == r }
func (s *stay) set(r role)     { s.role.Store(int32(r)) }

func (s *stay) silent(now time.Time) bool {
	return now.Sub(time.Unix(0, s.wrote.Load())) >= silentAfter
}

// place returns a session's place. The caller holds s.mu.
func (s *Sessions) place(one *Session) *place {
	key := one.grant.place()
	p := s.places[key]
	if p == nil {
		p = &place{}
		if s.places == nil {
			s.places = map[placeKey]*place{}
		}
		s.places[key] = p
	}
	return p
}

// lineUp decides how a session that has declared its tracks begins. One that stands by is told where.
func (s *Sessions) lineUp(one *Session) (broadcast string) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	p := s.place(one)
	shown := p.shown
	if shown == nil || shown.Err() != nil || shown.stay.silent(now) {
		return ""
	}
	if !one.request.Backup && !p.lost(one.identity, now) {
		return ""
	}
	one.stay.set(roleStandby)
	return shown.Broadcast()
}

// mayTake tells whether the air is free for a session that stands by, or whether it was chosen.
func (s *Sessions) mayTake(one *Session, now time.Time) bool {
	if one.stay.chosen.Load() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(one).free(one, now)
}

func (p *place) free(one *Session, now time.Time) bool {
	return p.shown == nil || p.shown == one || p.shown.Err() != nil || p.shown.stay.silent(now)
}

// take gives a session the air, just before its first unit. It reports false where another was faster, and returns
// the session that must end for it, if there is one.
func (s *Sessions) take(one *Session, now time.Time) (taken bool, leaves *Session) {
	why := byArrival
	if one.stay.is(roleStandby) {
		why = bySilence
		if one.stay.chosen.Swap(false) {
			why = byStudio
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.place(one)
	if why == bySilence && !p.free(one, now) {
		return false, nil
	}
	old := p.shown
	if old == one {
		old = nil
	}
	if old != nil || why != byArrival && p.last != one.identity {
		p.lose(p.last, now)
	}
	if why == byStudio {
		p.forget(one.identity)
	}
	p.shown, p.last = one, one.identity
	one.stay.set(roleShown)
	one.stay.wrote.Store(now.UnixNano())
	if why != byArrival || old != nil {
		s.Metrics.takeover(why)
		one.log.Info("publisher takes over", "why", why)
	}
	if old != nil && why == byArrival && !old.request.Backup {
		return true, old
	}
	if old != nil {
		old.stay.set(roleStandby)
	}
	return true, nil
}

// Promote shows a session of a channel that stands by: from its next key picture on it is on air, and the one that
// is shown now stands by. It reports false where the channel has no such session.
func (s *Sessions) Promote(channelID, sessionID string) bool {
	for _, one := range s.list() {
		if one.id != sessionID || one.grant.ChannelID != channelID || one.Err() != nil {
			continue
		}
		if one.stay.is(roleStandby) {
			one.stay.chosen.Store(true)
		}
		return true
	}
	return false
}

// Reconnect asks a channel's session to connect again (see Session.Reconnect). found is false where the channel has no
// such session.
func (s *Sessions) Reconnect(channelID, sessionID, to string) (found, asked bool) {
	for _, one := range s.list() {
		if one.id == sessionID && one.grant.ChannelID == channelID && one.Err() == nil {
			return true, one.Reconnect(to)
		}
	}
	return false, false
}

// sweep forgets places of which nothing is worth remembering; every arrival pays for a few. The caller holds s.mu.
func (s *Sessions) sweep(now time.Time) {
	n := 0
	for key, p := range s.places {
		if n++; n > 4 {
			return
		}
		if p.over(now) {
			delete(s.places, key)
		}
	}
}
