package rtpfan

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
)

const (
	paceTick    = 5 * time.Millisecond   // how often a joining viewer gets its share
	idleTick    = 250 * time.Millisecond // for reports when no media comes
	audioWait   = 15 * time.Millisecond  // how long a sound waits for a picture that it can leave with
	inboxMax    = 8192                   // requests for packets that wait; more are dropped and counted
	joinRateAll = 50 << 20               // default of Egress.JoinRate
	lateLeast   = 5 * time.Millisecond   // less is no lateness
	lateKept    = 250 * time.Millisecond // that is how long it is told
)

// Egress sends to its viewers through one socket. One goroutine owns all their SRTP contexts; several egresses may
// share a socket.
type Egress struct {
	// Required.
	Conn *net.UDPConn

	// Optional, with defaults.
	Log      *slog.Logger // defaults to discarding
	Metrics  *Metrics     // defaults to none
	Plain    bool         // never let the kernel cut trains into packets
	JoinRate int          // bytes a second to all joining viewers together; default 50 MiB
	// Spread is the time that a large picture is spread over on its way to a viewer that is not on this machine;
	// default 0: it leaves at once, a few packets to each viewer at a time.
	Spread time.Duration

	looked func(at time.Time) // a test's; nil for none

	once sync.Once
	wake chan struct{}
	soon chan struct{}

	media  atomic.Bool  // there is something for more than those who asked
	called atomic.Int64 // Unix nanoseconds of the Wake that has not been heard yet
	late   atomic.Int64 // how long the last one that was heard too late had waited, in nanoseconds …
	lateAt atomic.Int64 // … and when that was

	mu    sync.Mutex
	inbox []command
	nacks int // of the inbox

	// The sending goroutine's own.
	groups    map[*Fan]*group
	asked     []*Viewer // that something new is known about since the last look at all
	batch     *batch
	sender    *sender
	window    []*Packet
	rungs     []rung
	clock     time.Time // of the round
	joining   int       // viewers that wait for their share of a join
	catching  int       // viewers that are on their way from a key picture to the live edge
	allTokens float64
	tokensAt  time.Time
	rtcp      []byte
	scratch   scratch
}

// group is the viewers that an egress has of one fan.
type group struct {
	fan     *Fan
	viewers []*Viewer
}

type command struct {
	kind   commandKind
	viewer *Viewer
	addr   netip.AddrPort
	sink   Sink
	video  bool
	seqs   []uint16
	heard  *rtcp.TransportLayerCC
}

type commandKind uint8

const (
	commandAdd commandKind = iota
	commandRoute
	commandRemove
	commandResend
	commandHeard
)

// Add takes a viewer on. It gets its first packet after Route.
func (e *Egress) Add(v *Viewer) error {
	if err := v.open(); err != nil {
		return err
	}
	e.put(command{kind: commandAdd, viewer: v})
	return nil
}

// Route says where the viewer's packets go from now on: to an address, or into a sink.
func (e *Egress) Route(v *Viewer, addr netip.AddrPort, sink Sink) {
	e.put(command{kind: commandRoute, viewer: v, addr: addr, sink: sink})
}

// Remove lets a viewer go. Nothing is sent to it soon after.
func (e *Egress) Remove(v *Viewer) { e.put(command{kind: commandRemove, viewer: v}) }

// Resend asks for packets of a track again, by their sequence numbers.
func (e *Egress) Resend(v *Viewer, ssrc uint32, seqs []uint16) {
	video := ssrc == v.Fan.video.ssrc
	if !video && ssrc != v.Fan.audio.ssrc {
		e.Metrics.leave("ssrc")
		return
	}
	e.put(command{kind: commandResend, viewer: v, video: video, seqs: seqs})
}

func (e *Egress) put(c command) {
	e.mu.Lock()
	if c.kind == commandResend {
		if e.nacks >= inboxMax {
			e.mu.Unlock()
			e.Metrics.leave("flood")
			return
		}
		e.nacks++
	}
	e.inbox = append(e.inbox, c)
	e.mu.Unlock()
	e.nudge()
}

// Wake makes the egress look for something to send to all viewers.
func (e *Egress) Wake() {
	if !e.media.Swap(true) {
		e.called.Store(time.Now().UnixNano())
	}
	e.nudge()
}

// Late tells how long a packet had to wait lately before its sending began: the goroutine did not get its core, or was
// still busy with the packets before. It is 0 where nothing was late in the last quarter of a second.
func (e *Egress) Late() time.Duration {
	if time.Now().UnixNano()-e.lateAt.Load() > int64(lateKept) {
		return 0
	}
	return time.Duration(e.late.Load())
}

// heard notes how late a Wake is heard.
func (e *Egress) heard(now time.Time) {
	called := e.called.Swap(0)
	if waited := now.UnixNano() - called; called != 0 && waited > int64(lateLeast) {
		e.late.Store(waited)
		e.lateAt.Store(now.UnixNano())
	}
}

// nudge makes it look into its inbox.
func (e *Egress) nudge() {
	e.init()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// wakeSoon does so within audioWait: a packet of sound costs a message of its own, unless it leaves behind a picture.
func (e *Egress) wakeSoon() {
	e.init()
	select {
	case e.soon <- struct{}{}:
	default:
	}
}

func (e *Egress) init() {
	e.once.Do(func() { e.wake, e.soon = make(chan struct{}, 1), make(chan struct{}, 1) })
}

// Run sends until ctx is done.
func (e *Egress) Run(ctx context.Context) error {
	e.init()
	e.groups = map[*Fan]*group{}
	e.batch = newBatch()
	e.sender = newSender(e.Conn, e.Plain)
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	due := time.Now().Add(idleTick)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.soon:
			if wait := time.Until(due); wait > audioWait {
				timer.Reset(audioWait)
				due = due.Add(audioWait - wait)
			}
			continue
		case <-e.wake:
			if !e.media.Swap(false) {
				e.reply(time.Now())
				if wait := time.Until(due); e.joining > 0 && wait > paceTick {
					timer.Reset(paceTick)
					due = due.Add(paceTick - wait)
				}
				continue
			}
		case <-timer.C:
			e.media.Store(false)
		}
		woken := time.Now()
		e.heard(woken)
		if e.looked != nil {
			e.looked(woken)
		}
		e.turn(ctx, woken)
		e.Metrics.round(time.Since(woken).Seconds())
		wait := idleTick
		if e.joining > 0 {
			wait = paceTick
		}
		timer.Reset(wait)
		due = time.Now().Add(wait)
	}
}

// turn brings every viewer as far as it may get now. A key picture goes round the viewers, a few packets to each at
// a time; in between, requests are heard.
func (e *Egress) turn(ctx context.Context, now time.Time) {
	for more := true; more && ctx.Err() == nil; now = time.Now() {
		e.obey()
		e.joining = 0
		e.refill(now)
		more = e.round(now)
	}
	clear(e.asked)
	e.asked = e.asked[:0]
	e.flush()
}

// reply serves only the viewers that something was asked for: one that has lost a packet must not cost a look at all.
func (e *Egress) reply(now time.Time) {
	e.obey()
	e.clock = now
	e.refill(now)
	for _, v := range e.asked {
		if g := e.groups[v.Fan]; g == nil || v.index >= len(g.viewers) || g.viewers[v.index] != v {
			continue // it has left
		}
		if e.serve(v.Fan, v, now) {
			e.Wake() // there is more for it: with the others, in turn
		}
	}
	clear(e.asked)
	e.asked = e.asked[:0]
	e.flush()
}

// obey carries out what was asked for since the last time.
func (e *Egress) obey() {
	e.mu.Lock()
	inbox := e.inbox
	e.inbox, e.nacks = nil, 0
	e.mu.Unlock()
	for _, c := range inbox {
		v := c.viewer
		switch c.kind {
		case commandAdd:
			g := e.groups[v.Fan]
			if g == nil {
				g = &group{fan: v.Fan}
				e.groups[v.Fan] = g
			}
			v.index = len(g.viewers)
			g.viewers = append(g.viewers, v)
			v.Fan.attach(e, 1)
		case commandRoute:
			v.addr, v.sink = c.addr, c.sink
			v.spread = e.Spread > 0 && c.sink == nil && !c.addr.Addr().IsLoopback()
			e.asked = append(e.asked, v)
		case commandRemove:
			e.remove(v)
		case commandHeard:
			v.choice.estimate.hear(c.heard, time.Now())
		case commandResend:
			if len(v.resends) == 0 {
				e.asked = append(e.asked, v)
			}
			for _, seq := range c.seqs {
				if len(v.resends) == resendQueueMax {
					e.Metrics.leave("flood")
					break
				}
				v.resends = append(v.resends, request{video: c.video, seq: seq})
			}
		}
	}
}

func (e *Egress) remove(v *Viewer) {
	g := e.groups[v.Fan]
	if g == nil || v.index >= len(g.viewers) || g.viewers[v.index] != v {
		return
	}
	last := len(g.viewers) - 1
	g.viewers[v.index] = g.viewers[last]
	g.viewers[v.index].index = v.index
	g.viewers[last] = nil
	g.viewers = g.viewers[:last]
	if last == 0 {
		delete(e.groups, v.Fan)
	}
	v.addr, v.sink = netip.AddrPort{}, nil
	e.catch(v, false)
	if v.choice != nil {
		e.settleMove(v)
		e.attach(v.shown, v, -1)
	}
	v.Fan.attach(e, -1)
}

// round gives each viewer its next few packets and reports whether one could have had more.
func (e *Egress) round(now time.Time) bool {
	more := false
	e.clock = now
	for _, g := range e.groups {
		for _, v := range g.viewers {
			if e.serve(g.fan, v, now) {
				more = true
			}
		}
	}
	return more
}

// flush sends what has been collected.
func (e *Egress) flush() {
	b := e.batch
	if len(b.trains) == 0 {
		return
	}
	messages := len(b.trains)
	if !e.sender.segments() {
		messages = b.packets
	}
	calls, failed := e.sender.send(b)
	e.Metrics.flushed(b.packets, len(b.arena), messages, calls, failed)
	b.reset()
}
