package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// Source is one track as a protocol announces it.
type Source struct {
	Track     streaming.Track // without Zero; video ticks at 90 kHz, audio at its sample rate
	StampRate int             // stamps per second of its frames: 1000 for FLV, the clock rate for RTP
}

// Frame is one access unit as a protocol delivers it: NAL units without start codes, OBUs, or one element.
type Frame struct {
	Track   int
	DTS     int64 // stamp, wrapping at the request's Moduli; one line for all tracks of the session
	CTS     int64 // presentation minus decoding, in the same stamps
	Payload [][]byte
}

const keyRequestGap = 500 * time.Millisecond

// Session is one publisher's stay. One goroutine declares and writes; any goroutine may end it or ask.
type Session struct {
	sessions *Sessions
	id       string
	identity string // of the encoder, should it come back
	request  Request
	grant    Grant
	config   Config
	log      *slog.Logger

	// The writer's goroutine only.
	publication *streaming.Publication
	onKey       func()
	line        line
	tracks      map[int]*track
	layers      map[int]*layer // further pictures
	told        Health         // what the metrics know
	asked       time.Time      // when a key picture was asked for
	watching    sync.WaitGroup

	health health
	stay   stay

	mu        sync.Mutex
	reconnect func(to string) bool
	broadcast string
	ended     error
	done      chan struct{}
	closing   sync.Once
}

// Grant is what the session's key allows.
func (s *Session) Grant() Grant { return s.grant }

// ID names the session among those of its channel.
func (s *Session) ID() string { return s.id }

// Broadcast is where the session is on air or stands by, empty before its first declaration.
func (s *Session) Broadcast() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broadcast
}

// Done is closed when the session must end: kicked, displaced, over a limit, its broadcast ended, or closed.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err tells why the session ended, nil while it goes on.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// OnKeyRequest sets what is called, at most once in 500 ms and on any goroutine, when a viewer wants a key frame.
// It must not block. Set it before Declare.
func (s *Session) OnKeyRequest(f func()) { s.onKey = f }

// Declare says which tracks the frames to come belong to. The first declaration finds the broadcast and joins the
// hub, or stands by where another is shown; a later one starts a new generation, unless it says what was so already.
func (s *Session) Declare(ctx context.Context, sources []Source) error {
	if err := s.Err(); err != nil {
		return err
	}
	if len(sources) == 0 || len(sources) > s.config.TracksMax {
		return s.fail(fmt.Errorf("%w: %d tracks", ErrTracks, len(sources)))
	}
	tracks, err := newTracks(sources, s.config)
	if err != nil {
		return s.fail(err)
	}
	if s.tracks != nil {
		if sameTracks(s.tracks, tracks) {
			return nil
		}
		s.tracks = tracks
		s.restart("the tracks changed")
		return nil
	}
	s.tracks = tracks
	s.line.unwrap.Moduli = s.request.Moduli
	broadcast := s.sessions.lineUp(s)
	if broadcast == "" {
		if broadcast, err = s.find(ctx); err != nil {
			return s.fail(err)
		}
	}
	s.mu.Lock()
	s.broadcast = broadcast
	s.mu.Unlock()
	s.log = s.log.With("broadcast", broadcast)
	s.health.declared(broadcast, tracks)
	if s.stay.is(roleStandby) {
		s.log.Info("publisher stands by", "tracks", describe(tracks))
		return nil
	}
	return s.join(ctx)
}

// find asks where the session goes on air.
func (s *Session) find(ctx context.Context) (broadcast string, err error) {
	if s.grant.BroadcastID != "" {
		return s.grant.BroadcastID, nil
	}
	if broadcast, err = s.sessions.Broadcasts.GoOnAir(ctx, s.grant.ChannelID); err != nil {
		return "", fmt.Errorf("find the broadcast: %w", err)
	}
	return broadcast, nil
}

// join makes a publication whose first unit will take the air.
func (s *Session) join(ctx context.Context) error {
	p, err := s.sessions.Hub.Publish(ctx, s.Broadcast(), hubTracks(s.tracks))
	if err != nil {
		return s.fail(fmt.Errorf("join the hub: %w", err))
	}
	s.publication = p
	s.begin()
	if s.onKey != nil {
		p.OnKeyRequest(s.onKey)
	}
	s.log.Info("publisher on air", "tracks", describe(s.tracks))
	s.watching.Add(1)
	go func() {
		defer s.watching.Done()
		select {
		case <-p.Displaced():
			s.displaced()
		case <-s.done:
		}
	}()
	return nil
}

// displaced ends the session when its broadcast has ended or a stranger to this node's sessions writes to it. One
// that stands by now has been told so before.
func (s *Session) displaced() {
	if _, err := s.sessions.Hub.Stream(s.Broadcast()); err != nil {
		s.end(streaming.ErrEnded)
	} else if !s.stay.is(roleStandby) {
		s.end(streaming.ErrDisplaced)
	}
}

// begin waits for the key picture that the next generation begins with.
func (s *Session) begin() {
	s.line.begin(hasVideo(s.tracks))
	for _, t := range s.tracks {
		t.clock.reset()
	}
}

// Write hands a frame to the broadcast. Frames of undeclared tracks are ignored, and so is everything before the
// first key picture. An error is final: the session has ended.
func (s *Session) Write(f Frame) error {
	if err := s.Err(); err != nil {
		return err
	}
	t, further := s.tracks[f.Track], s.layers[f.Track]
	if t == nil && further == nil {
		return nil
	}
	now := s.sessions.now()
	if err := s.count(now, f, t); err != nil {
		return err
	}
	if further != nil {
		return s.writeLayer(now, further, f)
	}
	picture, err := t.codec.read(f.Payload)
	if err != nil {
		s.health.drop(err)
		return nil
	}
	if picture.config != nil {
		if err := s.reconfigure(t, picture); err != nil {
			return s.fail(err)
		}
	}
	if len(picture.payload) == 0 {
		return nil
	}
	if s.stay.is(roleStandby) {
		if up, err := s.stepUp(now, t, picture); !up || err != nil {
			return err
		}
	}
	u, verdict := s.line.place(now, t, f, picture)
	switch verdict {
	case lineJumped:
		s.restart("the publisher's clock jumped")
		if u, verdict = s.line.place(now, t, f, picture); verdict != lineGood {
			s.askForKey(now)
			return nil
		}
	case lineDropped:
		s.health.drop(nil)
		return nil
	case lineWaiting:
		s.askForKey(now)
		if t.Kind == streaming.Video && s.line.starved(now) {
			s.health.drop(errNoKey)
			s.log.Warn("nothing can be shown", "why", errNoKey)
		}
		return nil
	}
	return s.show(now, t, u, picture)
}

// count takes a frame's bytes into the figures. t is nil for a further picture.
func (s *Session) count(now time.Time, f Frame, t *track) error {
	size, of := 0, ofLayers
	for _, p := range f.Payload {
		size += len(p)
	}
	if t != nil {
		of = index(t.Kind)
	}
	turned, err := s.health.count(now, of, size, s.config.BitrateMax)
	if err != nil {
		return s.fail(err)
	}
	if !turned {
		return nil
	}
	if len(s.layers) > 0 {
		s.idleLayers(now)
	}
	if s.stay.is(roleShown) {
		h := s.health.snapshot(now)
		s.sessions.Metrics.second(h, s.told)
		s.told = h
	}
	return nil
}

// show puts a unit on air.
func (s *Session) show(now time.Time, t *track, u *streaming.Unit, p picture) error {
	var leaves *Session
	if s.stay.is(roleArriving) {
		_, leaves = s.sessions.take(s, now)
	}
	s.health.unit(now, t, u, p)
	if err := s.publication.Write(u); err != nil {
		if errors.Is(err, streaming.ErrDisplaced) && s.stay.is(roleStandby) {
			return nil // another took over in between
		}
		return s.fail(err)
	}
	if leaves != nil {
		leaves.end(streaming.ErrDisplaced)
	}
	s.stay.wrote.Store(now.UnixNano())
	s.health.placed(s.publication.Generation(), t.Track, u, now)
	return nil
}

// stepUp lets a session that stands by take the air with this picture, if the air is free or the session was chosen.
func (s *Session) stepUp(now time.Time, t *track, p picture) (up bool, err error) {
	if !s.sessions.mayTake(s, now) {
		return false, nil
	}
	if hasVideo(s.tracks) && (t.Kind != streaming.Video || !p.key) {
		s.askForKey(now)
		return false, nil
	}
	if _, err := s.sessions.Hub.Stream(s.Broadcast()); err != nil {
		return false, s.fail(streaming.ErrEnded)
	}
	if taken, _ := s.sessions.take(s, now); !taken {
		return false, nil
	}
	return true, s.join(context.Background()) // the hub does not wait
}

// reconfigure takes new parameter sets: a new generation begins with the picture that brought them.
func (s *Session) reconfigure(t *track, p picture) error {
	if p.width*p.height > s.config.PixelsMax {
		return fmt.Errorf("%w: %d × %d", ErrResolution, p.width, p.height)
	}
	first := len(t.Config) == 0
	t.Config, t.shape = p.config, p
	switch {
	case s.stay.is(roleStandby): // nothing is shown that could change
	case first && s.publication.Generation() == nil:
		s.publication.Restart(hubTracks(s.tracks))
	default:
		s.restart("the codec's parameters changed")
	}
	s.health.declared(s.Broadcast(), s.tracks)
	return nil
}

// restart begins a new generation with the next key picture.
func (s *Session) restart(why string) {
	if s.stay.is(roleStandby) {
		s.health.declared(s.Broadcast(), s.tracks)
		return
	}
	s.begin()
	s.publication.Restart(hubTracks(s.tracks))
	s.health.restarted()
	s.health.declared(s.Broadcast(), s.tracks)
	s.sessions.Metrics.restart(s.request.Protocol)
	s.log.Info("a new generation begins", "why", why)
}

// askForKey asks the publisher for the key picture that everything waits for.
func (s *Session) askForKey(now time.Time) {
	if s.onKey != nil && now.Sub(s.asked) >= keyRequestGap {
		s.asked = now
		s.onKey()
	}
}

// CountLost adds packets that the protocol knows to be lost to the session's figures.
func (s *Session) CountLost(n uint64) { s.health.lost(n) }

// Health returns the session's figures.
func (s *Session) Health() Health {
	h := s.health.snapshot(s.sessions.now())
	h.ID, h.Standby = s.id, s.stay.is(roleStandby)
	return h
}

// Recent returns the session's figures of each of the last whole seconds with these tracks, oldest first, at most
// thirty.
func (s *Session) Recent() []Health { return s.health.recently(s.sessions.now()) }

func (s *Session) onAir() bool {
	return s.Err() == nil && s.Broadcast() != "" && !s.stay.is(roleStandby)
}

// End ends the session from outside: its Done is closed, and its protocol closes it.
func (s *Session) End(cause error) { s.end(cause) }

// fail ends the session and returns why.
func (s *Session) fail(err error) error {
	s.end(err)
	return err
}

func (s *Session) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = cause
		close(s.done)
	}
}

var errNoKey = errors.New("no key picture for ten seconds: set a key frame interval of 2 s, without intra refresh")

// errGone is the cause of a session that its own protocol closed.
var errGone = errors.New("ingest: the publisher has gone")

// Close takes the publisher off the air. The broadcast waits for the next one.
func (s *Session) Close() {
	s.closing.Do(func() {
		s.end(errGone)
		s.watching.Wait()
		s.closeLayers()
		if s.publication != nil {
			s.publication.Close()
		}
		h := s.health.snapshot(s.sessions.now())
		if s.stay.is(roleShown) {
			s.sessions.Metrics.forget(h.Broadcast)
		}
		s.log.Info("publisher gone", "why", s.Err(), "seconds", int(h.Seconds), "frames", h.Frames, "restarts", h.Restarts)
		s.sessions.remove(s)
	})
}

// LeaveOut tells, once per text, that something which the publisher sends is not shown.
func (s *Session) LeaveOut(what string) { s.health.leftOut(what) }

// OnReconnect sets what asks the encoder to connect again, at another address where one is named. It reports false
// where the encoder does not know the request.
func (s *Session) OnReconnect(f func(to string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reconnect = f
}

// Reconnect asks the encoder to connect again: what it sends until it has is shown. It reports false where the
// encoder, or its protocol, does not know the request.
func (s *Session) Reconnect(to string) bool {
	s.mu.Lock()
	f := s.reconnect
	s.mu.Unlock()
	return f != nil && s.Err() == nil && f(to)
}
