package overlay

import (
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/gobwas/ws"
)

const (
	uploadRate   = 10  // messages a second, of all kinds and control frames together
	uploadBurst  = 30  // and this many at once
	uploadExcess = 100 // ignored ones, then the connection ends
	handlersMax  = 64
)

var (
	errRate    = refusal{ws.StatusPolicyViolation, "too many messages"}
	errInvalid = refusal{ws.StatusPolicyViolation, "too many messages that are none"}
	errClosed  = errors.New("overlay: the client said goodbye")
)

// Upstream takes what viewers send up and no handler takes: heartbeats, impressions, clicks, lateness.
type Upstream interface {
	// Hear judges one message, at most two KiB of UTF-8, of a reader of topic who named the view session, or
	// "". It must not block and must not keep the bytes. An error means that the message is not one.
	Hear(topic, session string, message []byte) error
}

// Caller is who opened a feed, as far as the upgrade proved it.
type Caller struct {
	Account string // "" for a guest
	Grant   string // what let a viewer in where access is restricted
	Address netip.Addr
}

// Where is the address as text, "" for none.
func (c Caller) Where() string {
	if !c.Address.IsValid() {
		return ""
	}
	return c.Address.String()
}

// Said is one message that came up a feed.
type Said struct {
	Topic   string
	Session string // the view session that the reader named; nobody has checked it
	Caller  Caller
	Kind    string
	Message []byte // the whole of it, a JSON object; good during the call only

	from outlet
}

// Answer sends a message to this reader alone, before the next batch: {"answer":…}. It may be called from any
// goroutine, also after the reader has left. A reader that does not read its answers gets no more of them.
func (s Said) Answer(v any) {
	raw, err := json.Marshal(map[string]any{"answer": v})
	if err != nil {
		return // whoever answers so is wrong, and the reader waits for nothing else
	}
	frame, _ := textFrame(raw)
	s.from.send(frame, false)
}

// Handler takes messages of one kind. It must not block: it counts, or puts what it heard into a bounded queue of
// its own. An error means that the message is not one.
type Handler func(Said) error

// Rate bounds how often one reader's messages of a kind are heard; more are ignored and counted.
type Rate struct {
	PerSecond float64
	Burst     int
}

type handling struct {
	number int
	rate   Rate
	do     Handler
}

// Handle names the handler of a kind of message ({"kind":"chat",…}). Call it before Run.
func (f *Feed) Handle(kind string, rate Rate, do Handler) {
	if f.handlers == nil {
		f.handlers = map[string]handling{}
	}
	if _, ok := f.handlers[kind]; ok || kind == "" || do == nil || len(f.handlers) == handlersMax {
		panic("overlay: a kind of message has one handler: " + kind)
	}
	f.handlers[kind] = handling{number: len(f.handlers), rate: rate, do: do}
}

// outlet is a sink's way to write to its reader alone.
type outlet interface {
	// send puts a frame before the next batch; after one that closes nothing else is sent.
	send(frame []byte, closing bool)
	// who is on the other end.
	who() (session string, c Caller)
}

// gate bounds how often one client may send. One goroutine uses it.
type gate struct {
	filled int64 // Unix ms
	tokens float32
	excess int32
}

// pass tells whether the message is heard, and whether the client has overdone it.
func (g *gate) pass(now time.Time, rate Rate) (heard, enough bool) {
	ms := now.UnixMilli()
	if g.filled == 0 {
		g.tokens = float32(rate.Burst)
	} else {
		g.tokens = min(float32(rate.Burst), g.tokens+float32(float64(ms-g.filled)*rate.PerSecond/1000))
	}
	g.filled = ms
	if g.tokens >= float32(rate.Burst) {
		g.excess = 0 // it has been quiet: what was too much is forgiven
	}
	if g.tokens < 1 {
		g.excess++
		return false, g.excess >= uploadExcess
	}
	g.tokens--
	return true, false
}

// speaker is the side of a WebSocket reader on which it talks to us. One goroutine uses it.
type speaker struct {
	feed    *Feed
	topic   string
	out     outlet
	frames  decoder
	all     gate
	each    []gate // one per handler; nil until one is asked
	invalid int
	closed  bool // said goodbye, or was told to leave: what comes is not read any more
}

// said takes bytes that the client sent. Whatever is wrong with them ends in a close, never in an error.
func (s *speaker) said(data []byte) {
	if s.closed {
		return
	}
	err := s.frames.feed(data, s)
	if err == nil {
		return
	}
	s.closed, s.frames = true, decoder{}
	var no refusal
	if errors.As(err, &no) {
		s.feed.Metrics.dropped("refused")
		s.out.send(closeFrame(no.code, no.reason), true)
	}
}

// hear takes one message or control frame.
func (s *speaker) hear(op ws.OpCode, message []byte) error {
	if op == ws.OpClose {
		code, err := closeCode(message)
		if err != nil {
			return err
		}
		s.out.send(closeFrame(code, ""), true)
		return errClosed
	}
	now := s.feed.now()
	heard, enough := s.all.pass(now, Rate{uploadRate, uploadBurst})
	if enough {
		return errRate
	}
	if !heard {
		s.feed.Metrics.upload("excess")
		return nil
	}
	switch op {
	case ws.OpPong:
		return nil
	case ws.OpPing:
		s.out.send(ws.MustCompileFrame(ws.NewPongFrame(message)), false)
		return nil
	}
	err := s.hand(message, now)
	if err == nil {
		return nil
	}
	s.feed.Metrics.upload("invalid")
	if s.invalid++; s.invalid >= uploadExcess {
		return errInvalid
	}
	return nil
}

// hand gives a message to whom it is for.
func (s *speaker) hand(message []byte, now time.Time) error {
	if len(s.feed.handlers) > 0 {
		var m struct {
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(message, &m); err != nil {
			return err
		}
		if h, ok := s.feed.handlers[m.Kind]; ok {
			if s.each == nil {
				s.each = make([]gate, len(s.feed.handlers))
			}
			if ok, _ := s.each[h.number].pass(now, h.rate); !ok {
				s.feed.Metrics.upload("excess")
				return nil
			}
			session, caller := s.out.who()
			err := h.do(Said{Topic: s.topic, Session: session, Caller: caller, Kind: m.Kind, Message: message, from: s.out})
			if err == nil {
				s.feed.Metrics.upload("heard")
			}
			return err
		}
	}
	if s.feed.Upstream == nil {
		s.feed.Metrics.upload("ignored")
		return nil
	}
	session, _ := s.out.who()
	err := s.feed.Upstream.Hear(s.topic, session, message)
	if err == nil {
		s.feed.Metrics.upload("heard")
	}
	return err
}
