package rtpfan

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming"
)

// link is a viewer at the end of a simulated link: what the egress sends queues at its bandwidth, arrives or is lost,
// and is reported on, all on the test's clock.
type link struct {
	line
	mu        sync.Mutex
	busy      time.Time
	underway  []datagram
	random    *rand.Rand
	seen      receiver
	delivered int // bytes
	dropped   int
}

type line struct {
	bits     float64       // a second
	delay    time.Duration // each way
	jitter   time.Duration
	loss     float64
	queueMax int // bytes
}

type datagram struct {
	at time.Time
	b  []byte
}

func (l *link) Room() bool { return true }

func (l *link) Send(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.busy.Before(now) {
		l.busy = now
	}
	if queued := l.busy.Sub(now).Seconds() * l.bits / 8; int(queued)+len(b) > l.queueMax || l.random.Float64() < l.loss {
		l.dropped++
		return
	}
	l.busy = l.busy.Add(time.Duration(float64(len(b)+28) * 8 / l.bits * float64(time.Second)))
	at := l.busy.Add(l.delay)
	if l.jitter > 0 {
		at = at.Add(time.Duration(l.random.Int64N(int64(l.jitter))))
	}
	l.underway = append(l.underway, datagram{at, bytes.Clone(b)})
}

func (l *link) set(bits float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bits = bits
}

// arrived takes what has arrived by now.
func (l *link) arrived(now time.Time) (out []datagram) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.underway[:0]
	for _, d := range l.underway {
		if d.at.After(now) {
			kept = append(kept, d)
		} else {
			out = append(out, d)
			l.delivered += len(d.b)
		}
	}
	l.underway = kept
	return out
}

// receiver is the viewer: it decrypts, checks what must hold of the packets, and remembers what it saw.
type receiver struct {
	crypt  *srtp.Context
	next   uint16
	any    bool
	stamp  uint32
	shows  byte // the rendition of the newest picture
	got    int
	missed int
	breaks []string
}

func (r *receiver) see(b []byte, video uint32) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil || h.SSRC != video {
		return
	}
	plain, err := r.crypt.DecryptRTP(nil, b, nil)
	if err != nil {
		r.breaks = append(r.breaks, err.Error())
		return
	}
	body := plain[n:]
	if h.Padding {
		body = body[:len(body)-int(body[len(body)-1])]
	}
	if d := h.SequenceNumber - r.next; r.any && d < 0x8000 {
		r.missed += int(d)
	} else if r.any {
		return // out of order
	}
	if r.any && int32(h.Timestamp-r.stamp) < 0 {
		r.breaks = append(r.breaks, fmt.Sprintf("time goes back by %d", int32(r.stamp-h.Timestamp)))
	}
	shows, key := body[len(body)-1], body[0]&0x1f == nalSTAPA
	if r.any && shows != r.shows && !key && r.missed == 0 {
		r.breaks = append(r.breaks, fmt.Sprintf("rendition %d follows %d without a key picture", shows, r.shows))
	}
	r.next, r.any, r.stamp, r.shows = h.SequenceNumber+1, true, h.Timestamp, shows
	r.got++
}

// simulation is a stream with a ladder, an egress, and one viewer behind a link.
type simulation struct {
	t      *testing.T
	link   *link
	viewer *Viewer
	egress *Egress
	fan    *Fan
	shown  []string // by tenths of a second
	began  time.Time
}

type simulated struct {
	ladder []int // bits a second, the publisher's own first
	lag    time.Duration
	wide   bool
	answer bool // the publisher takes key requests
	line   line
	group  int // pictures of a group; default 60
}

// run simulates for so long and lets the test act at seconds of it.
func (c simulated) run(t *testing.T, d time.Duration, act map[int]func(s *simulation)) *simulation {
	t.Helper()
	s := &simulation{t: t, link: &link{line: c.line}, began: time.Now()}
	s.link.random = rand.New(rand.NewPCG(1, 2))
	if c.group == 0 {
		c.group = 60
	}
	hub := &streaming.Hub{}
	defer hub.Close()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { c.publish(ctx, t, hub) })
	<-time.After(500 * time.Millisecond)

	fans := &Fans{Hub: hub, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	running.Go(func() { _ = fans.Run(ctx) })
	fan, release, err := fans.Hold("show")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := fan.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.fan, s.egress = fan, &Egress{Conn: conn}
	running.Go(func() { _ = s.egress.Run(ctx) })
	keys := testKeys(srtp.ProtectionProfileAeadAes128Gcm)
	s.viewer = &Viewer{Fan: fan, Keys: keys, Types: Types{FormatH264: 96}, Repair: Types{FormatH264: 97}, CNAME: "x"}
	if c.wide {
		s.viewer.WideID = 4
	}
	if s.link.seen.crypt, err = srtp.CreateContext(keys.Key, keys.Salt, keys.Profile, srtp.SRTPNoReplayProtection()); err != nil {
		t.Fatal(err)
	}
	if err := s.egress.Add(s.viewer); err != nil {
		t.Fatal(err)
	}
	s.egress.Route(s.viewer, netip.AddrPort{}, s.link)
	s.watch(d, act)
	s.egress.Remove(s.viewer)
	for _, b := range s.link.seen.breaks {
		t.Error(b)
	}
	return s
}

// watch lets the time pass: packets arrive and are reported on.
func (s *simulation) watch(d time.Duration, act map[int]func(s *simulation)) {
	recorder := twcc.NewRecorder(1)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var feedback []datagramOfFeedback
	lost, got := 0, 0
	for i := 0; time.Duration(i)*10*time.Millisecond < d; i++ {
		<-tick.C
		now := time.Now()
		for _, p := range s.link.arrived(now) {
			s.link.seen.see(p.b, s.fan.VideoSSRC())
			var h rtp.Header
			if _, err := h.Unmarshal(p.b); err == nil && s.viewer.WideID != 0 {
				if e := h.GetExtension(s.viewer.WideID); len(e) == 2 {
					recorder.Record(h.SSRC, uint16(e[0])<<8|uint16(e[1]), p.at.Sub(s.began).Microseconds())
				}
			}
		}
		if i%10 == 9 {
			for _, p := range recorder.BuildFeedbackPacket() {
				if fb, ok := p.(*rtcp.TransportLayerCC); ok {
					feedback = append(feedback, datagramOfFeedback{now.Add(s.link.delay), fb})
				}
			}
			s.shown = append(s.shown, s.viewer.Showing())
		}
		for len(feedback) > 0 && !feedback[0].at.After(now) {
			s.egress.Heard(s.viewer, feedback[0].fb)
			feedback = feedback[1:]
		}
		if i%100 == 99 && s.viewer.WideID == 0 {
			l, g := s.link.seen.missed-lost, s.link.seen.got-got
			lost, got = s.link.seen.missed, s.link.seen.got
			if l+g > 0 {
				s.viewer.Missed(uint8(min(255, 256*l/(l+g))))
			}
		}
		if a := act[(i+1)/100]; a != nil && i%100 == 99 {
			a(s)
		}
	}
}

type datagramOfFeedback struct {
	at time.Time
	fb *rtcp.TransportLayerCC
}

// publish publishes the ladder at 30 pictures a second.
func (c simulated) publish(ctx context.Context, t *testing.T, hub *streaming.Hub) {
	track := streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}
	p, err := hub.Publish(ctx, "show", []streaming.Track{track})
	if err != nil {
		t.Error(err)
		return
	}
	asked := make(chan struct{}, 1)
	if c.answer {
		p.OnKeyRequest(func() {
			select {
			case asked <- struct{}{}:
			default:
			}
		})
	}
	var lower []*streaming.RenditionPublication
	type late struct {
		at   time.Time
		rung int
		u    *streaming.Unit
	}
	var queue []late
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	since := 0
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		key := i == 0 || since >= c.group
		select {
		case <-asked:
			key = true
		default:
		}
		if since++; key {
			since = 0
		}
		for n, bits := range c.ladder {
			u := picture(n, bits/8/30, key, c.group, int64(i)*3000)
			if n == 0 {
				if err := p.Write(u); err != nil {
					t.Error(err)
				}
				continue
			}
			queue = append(queue, late{time.Now().Add(c.lag), n, u})
		}
		for len(lower) < len(c.ladder)-1 {
			s, err := hub.Stream("show")
			if err != nil {
				t.Error(err)
				return
			}
			r, err := s.AddRendition(streaming.RenditionInfo{Name: fmt.Sprintf("r%d", len(lower)+1), Bitrate: c.ladder[len(lower)+1]})
			if err != nil {
				t.Error(err)
				return
			}
			if err := r.Begin(1, track); err != nil {
				t.Error(err)
				return
			}
			lower = append(lower, r)
		}
		for len(queue) > 0 && !queue[0].at.After(time.Now()) {
			if err := lower[queue[0].rung-1].Write(queue[0].u); err != nil {
				t.Error(err)
			}
			queue = queue[1:]
		}
	}
}

// picture makes one of a rendition: a key picture has four times the bytes of another.
func picture(rung, mean int, key bool, group int, pts int64) *streaming.Unit {
	size := mean * group / (group + 3)
	kind := byte(0x41)
	u := &streaming.Unit{Track: 1, PTS: pts, DTS: pts, Key: key}
	if key {
		size *= 4
		kind = 0x65
		u.Payload = [][]byte{{0x67, 0x42, 0xc0, 0x1f, byte(rung)}, {0x68, byte(rung)}}
	}
	b := bytes.Repeat([]byte{0xff}, size)
	b[0], b[2] = kind, 0
	for i := 3; i < len(b); i++ {
		b[i] = byte(rung)
	}
	u.Payload = append(u.Payload, b)
	return u
}

// settled is when the viewer came to stay with a rendition, seconds from a moment on; -1 for never.
func (s *simulation) settled(from int, name string, until int) float64 {
	at := -1
	for i := from * 10; i < min(len(s.shown), until*10); i++ {
		if s.shown[i] != name {
			at = -1
		} else if at < 0 {
			at = i
		}
	}
	if at < 0 {
		return -1
	}
	return float64(at)/10 - float64(from)
}

func (s *simulation) history() string {
	out, last := "", "?"
	for i, n := range s.shown {
		if n != last {
			out += fmt.Sprintf("%.1fs %q, ", float64(i)/10, n)
			last = n
		}
	}
	return out
}

func TestAViewerGetsTheRenditionThatItsLinkCarries(t *testing.T) {
	t.Parallel()
	ladder := []int{2_500_000, 1_000_000, 400_000}
	usual := line{bits: 1_500_000, delay: 25 * time.Millisecond, queueMax: 100_000}
	with := func(change func(l *line)) line { l := usual; change(&l); return l }
	bits := func(n float64) func(s *simulation) { return func(s *simulation) { s.link.set(n) } }
	type stay struct {
		from   int
		name   string
		within float64
		until  int
	}
	for name, c := range map[string]struct {
		sim      simulated
		seconds  int
		act      map[int]func(s *simulation)
		stays    []stay
		switches uint32
	}{
		"1.5 Mbit/s from the start": {
			simulated{ladder: ladder, wide: true, line: usual}, 60, nil, []stay{{0, "r1", 5, 60}}, 2},
		"1.5 Mbit/s, the ladder is 300 ms behind, key pictures can be asked for": {
			simulated{ladder: ladder, wide: true, lag: 300 * time.Millisecond, answer: true, line: usual}, 60, nil, []stay{{0, "r1", 5, 60}}, 2},
		"1.5 Mbit/s with a short queue": {
			simulated{ladder: ladder, wide: true, line: with(func(l *line) { l.queueMax = 30_000 })}, 60, nil, []stay{{0, "r1", 5, 60}}, 2},
		"1.5 Mbit/s with jitter and 2 % of loss": {
			simulated{ladder: ladder, wide: true, line: with(func(l *line) { l.jitter, l.loss = 30*time.Millisecond, 0.02 })}, 60, nil, []stay{{0, "r1", 5, 60}}, 2},
		"a good link": {
			simulated{ladder: ladder, wide: true, line: with(func(l *line) { l.bits = 20e6 })}, 60, nil, []stay{{0, "main", 6, 60}}, 1},
		"a good link that loses a fifth of everything": {
			simulated{ladder: ladder, wide: true, line: with(func(l *line) { l.bits, l.loss = 20e6, 0.2 })}, 60, nil, []stay{{0, "main", 30, 60}}, 4},
		"a link that narrows and recovers": {
			simulated{ladder: ladder, wide: true, line: with(func(l *line) { l.bits = 6e6 })}, 90,
			map[int]func(s *simulation){20: bits(1_500_000), 40: bits(6e6), 60: bits(600_000), 75: bits(1_500_000)},
			[]stay{{0, "main", 6, 20}, {20, "r1", 5, 40}, {40, "main", 10, 60}, {60, "r2", 5, 75}, {75, "r1", 10, 90}}, 7},
		"a link that carries no picture and recovers": {
			simulated{ladder: ladder, wide: true, line: usual}, 60,
			map[int]func(s *simulation){20: bits(150_000), 40: bits(1_500_000)},
			[]stay{{0, "r1", 5, 20}, {20, "", 12, 40}, {40, "r1", 10, 60}}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := c.sim.run(t, time.Duration(c.seconds)*time.Second, c.act)
				for _, w := range c.stays {
					if got := s.settled(w.from, w.name, w.until); got < 0 || got > w.within {
						t.Errorf("from second %d on it is %q after %.1f s, want within %.0f", w.from, w.name, got, w.within)
					}
				}
				if n := s.viewer.choice.switches.Load(); n > c.switches {
					t.Errorf("%d changes", n)
				}
				t.Logf("%d changes, %d probes, %d bytes arrived, %d datagrams lost: %s", s.viewer.choice.switches.Load(),
					s.viewer.choice.probes.Load(), s.link.delivered, s.link.dropped, s.history())
			})
		})
	}
}

func TestPaddingHoldsNothing(t *testing.T) {
	t.Parallel()
	d := &dress{payloadType: 97, index: 7, ssrc: 9, wideID: 4, wide: 0x102}
	var p rtp.Packet
	if err := p.Unmarshal(padding.appendBody(padding.appendHead(nil, d), d)); err != nil {
		t.Fatal(err)
	}
	if len(p.Payload) != 0 || !p.Padding || p.SSRC != 9 || p.SequenceNumber != 7 || p.PayloadType != 97 || !bytes.Equal(p.GetExtension(4), []byte{1, 2}) {
		t.Errorf("padding is %v", p)
	}
}
