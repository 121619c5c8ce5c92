package whep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest/lossy"
)

// browser does what browsers do by themselves: it asks for lost packets and tells how packets arrive.
func browser(m *webrtc.MediaEngine, r *interceptor.Registry) error {
	if err := webrtc.ConfigureNack(m, r); err != nil {
		return err
	}
	if err := webrtc.ConfigureRTCPReports(r); err != nil {
		return err
	}
	return webrtc.ConfigureTWCCSender(m, r)
}

// line puts a proxy before the server's UDP port and returns how an answer leads through it.
func (h *house) line(up, down lossy.Line) (*lossy.Proxy, func(sdp string) string) {
	h.t.Helper()
	p, err := lossy.Listen(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(h.server.Port())), up, down, 7)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			h.t.Error(err)
		}
	})
	udp := regexp.MustCompile(`(a=candidate:\d+ 1 udp \d+ 127\.0\.0\.1) \d+`)
	return p, func(sdp string) string { return udp.ReplaceAllString(sdp, fmt.Sprintf("$1 %d", p.Addr().Port())) }
}

// ladder publishes a stream with renditions in real time until the test ends, two seconds between key pictures.
func ladder(t *testing.T, h *house, broadcast string, bits ...int) {
	t.Helper()
	track := videoTrack(accessUnits(t, "clip.h264"))
	p, err := h.hub.Publish(t.Context(), broadcast, []streaming.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	picture := func(rung, i int) *streaming.Unit {
		size := bits[rung] / 8 / 30
		u := &streaming.Unit{Track: 1, PTS: int64(i) * frameTicks, DTS: int64(i) * frameTicks, Key: i%60 == 0}
		kind := byte(0x41)
		if u.Key {
			kind, size = 0x65, 4*size
			u.Payload = [][]byte{{0x67, 0x42, 0xc0, 0x1f, byte(rung)}, {0x68, byte(rung)}}
		}
		b := bytes.Repeat([]byte{0xff}, size)
		b[0], b[len(b)-1] = kind, byte(rung)
		u.Payload = append(u.Payload, b)
		return u
	}
	if err := p.Write(picture(0, 0)); err != nil {
		t.Fatal(err)
	}
	stream, err := h.hub.Stream(broadcast)
	if err != nil {
		t.Fatal(err)
	}
	var lower []*streaming.RenditionPublication
	for i, b := range bits[1:] {
		r, err := stream.AddRendition(streaming.RenditionInfo{Name: fmt.Sprintf("r%d", i+1), Width: 640, Height: 360, Bitrate: b})
		if err == nil {
			err = r.Begin(stream.Generation().Number, track)
		}
		if err == nil {
			err = r.Write(picture(i+1, 0))
		}
		if err != nil {
			t.Fatal(err)
		}
		lower = append(lower, r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for i := 1; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := p.Write(picture(0, i)); err != nil {
				t.Error(err)
				return
			}
			for n, r := range lower {
				if err := r.Write(picture(n+1, i)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// shows follows the layers events of a session and returns what tells the encoding that is sent now.
func (h *house) shows(v *viewer) (showing func() string) {
	f := h.follow(v)
	var mu sync.Mutex
	now := ""
	var running sync.WaitGroup
	running.Go(func() {
		for f.lines.Scan() {
			data, ok := strings.CutPrefix(f.lines.Text(), "data: ")
			var m map[string]struct{ Showing *string }
			if !ok || json.Unmarshal([]byte(data), &m) != nil {
				continue
			}
			for _, l := range m {
				if l.Showing != nil {
					mu.Lock()
					now = *l.Showing
					mu.Unlock()
				}
			}
		}
	})
	h.t.Cleanup(func() {
		v.close()
		running.Wait()
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
}

// drain takes a viewer's video packets and hands them to see until the test ends.
func (v *viewer) drain(see func(p *rtp.Packet)) {
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case p := <-v.packets:
				see(p)
			case <-v.sound:
			case <-v.reports:
			case <-done:
				return
			}
		}
	})
	v.t.Cleanup(func() {
		v.close()
		close(done)
		running.Wait()
	})
}

// TestALadderOverARealSocket is the deterministic test of rtpfan once more, with a whole peer at the end of a line.
func TestALadderOverARealSocket(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	ladder(t, h, "show", 2_500_000, 1_000_000, 400_000)
	back := lossy.Line{Delay: 20 * time.Millisecond}
	wide, narrow := back, back
	wide.Bits, narrow.Bits = 8e6, 1.5e6
	p, through := h.line(back, wide)
	v := watchWith(h, "show", watching{interceptors: browser, answer: through})
	if !strings.Contains(v.answer, "transport-wide-cc") || strings.Contains(v.answer, "goog-remb") {
		t.Fatalf("the answer does not ask how packets arrive:\n%s", v.answer)
	}
	v.drain(func(*rtp.Packet) {})
	showing := h.shows(v)
	until := func(name string, line lossy.Line) {
		t.Helper()
		p.Set(back, line)
		began := time.Now()
		await(t, "it shows "+name, func() bool { return showing() == name })
		t.Logf("%q after %v", name, time.Since(began).Round(100*time.Millisecond)) // rtpfan's own clock holds it to a bar
	}
	until("main", wide)
	until("r1", narrow)
	until("main", wide)
}

func TestAViewerPicksALayer(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	ladder(t, h, "show", 800_000, 400_000, 200_000)
	v := watchWith(h, "show", watching{interceptors: browser})
	var mu sync.Mutex
	rung := byte(255)
	v.drain(func(p *rtp.Packet) {
		if p.Marker {
			mu.Lock()
			rung = p.Payload[len(p.Payload)-1]
			mu.Unlock()
		}
	})
	shows := func(want byte) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return rung == want
		}
	}
	url := v.location + "/layer"
	for _, c := range []struct {
		contentType, body string
		status            int
	}{
		{"text/plain", "{}", 415}, {"application/json", "[", 400}, {"application/json", `{"encodingId":"4k"}`, 422},
		{"application/json", `{"mediaId":"7","encodingId":"r2"}`, 422}, {"application/json", `{"mediaId":"0","encodingId":"r2"}`, 200},
	} {
		if res := h.do(http.MethodPost, url, c.contentType, c.body, nil); res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d", c.body, res.Status, c.status)
		}
	}
	if res := h.do(http.MethodGet, url, "", "", nil); res.StatusCode != 405 || res.Header.Get("Allow") == "" {
		t.Errorf("GET: %s", res.Status)
	}
	if res := h.do(http.MethodOptions, url, "", "", nil); res.StatusCode != 200 || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("OPTIONS: %s", res.Status)
	}
	if res := h.do(http.MethodPost, "/whep/show/0123/layer", "application/json", "{}", nil); res.StatusCode != 404 {
		t.Errorf("no session: %s", res.Status)
	}
	await(t, "the smallest comes", shows(2))
	if res := h.do(http.MethodPost, url, "application/json", "{}", nil); res.StatusCode != 200 {
		t.Errorf("automatic: %s", res.Status)
	}
	await(t, "the best comes", shows(0))
}

func TestLostPacketsAreSentAgainOverABadLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		loss   float64
		rtx    bool
		arrive float64
	}{{0.05, true, 0.975}, {0.05, false, 0.975}, {0.20, true, 0.9}, {0.20, false, 0.9}} { // 0.999 and 0.99 where the machine is at rest
		t.Run(fmt.Sprintf("loss %v, rtx %v", c.loss, c.rtx), func(t *testing.T) {
			t.Parallel()
			h := run(t, nil)
			p := publish(t, h.hub, "show", "clip.h264")
			p.write(10)
			p.stream()
			line := lossy.Line{Delay: 15 * time.Millisecond, Jitter: 15 * time.Millisecond}
			proxy, through := h.line(line, line)
			how := watching{interceptors: browser, answer: through}
			if !c.rtx {
				how.codecs = []string{webrtc.MimeTypeH264, "no repair"}
			}
			v := watchWith(h, "show", how)
			if strings.Contains(v.answer, "rtx/90000") != c.rtx {
				t.Fatalf("repair is not as wanted:\n%s", v.answer)
			}
			var mu sync.Mutex
			seen := map[uint16]bool{}
			var first, last uint16
			pauses := pauses{}
			v.drain(func(p *rtp.Packet) {
				mu.Lock()
				defer mu.Unlock()
				if len(seen) == 0 {
					first, last = p.SequenceNumber, p.SequenceNumber
				}
				if p.SequenceNumber-last < 0x8000 {
					last = p.SequenceNumber
				}
				seen[p.SequenceNumber] = true
				pauses.see(seen, first, last, time.Now())
			})
			await(t, "it plays", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(seen) > 20
			})
			line.Loss = c.loss
			proxy.Set(lossy.Line{Delay: line.Delay, Jitter: line.Jitter}, line)
			await(t, "enough was sent", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return last-first > 250
			})
			line.Loss = 0
			proxy.Set(line, line)
			mu.Lock()
			end := last
			mu.Unlock()
			await(t, "a while has passed", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return last-end > 60
			})
			mu.Lock()
			defer mu.Unlock()
			missing := 0
			for n := first; n != end; n++ {
				if !seen[n] {
					missing++
				}
			}
			share := 1 - float64(missing)/float64(end-first)
			counts := proxy.Counts()
			t.Logf("%d packets, %d missing in the end, %d datagrams lost on the way; %d freezes, %v in all of %v", end-first, missing,
				counts.LostDown, pauses.count, pauses.total.Round(time.Millisecond), pauses.whole().Round(time.Millisecond))
			if share < c.arrive || counts.LostDown < 10 {
				t.Errorf("%.3f of the packets arrived", share)
			}
			if c.loss < 0.1 && pauses.total > pauses.whole()/2 {
				t.Errorf("the picture stood for %v of %v", pauses.total, pauses.whole())
			}
		})
	}
}

// pauses counts how often, and for how long, no packet follows without a gap on those before: the picture stands.
type pauses struct {
	next         uint16
	began, moved time.Time
	count        int
	total        time.Duration
}

const freeze = 250 * time.Millisecond

func (f *pauses) see(seen map[uint16]bool, first, last uint16, now time.Time) {
	if f.began.IsZero() {
		f.began, f.moved, f.next = now, now, first
	}
	if !seen[f.next] && now.Sub(f.moved) > time.Second {
		f.next = last // given up: a browser goes on at the next key picture
	}
	if !seen[f.next] {
		return
	}
	for seen[f.next] {
		f.next++
	}
	if d := now.Sub(f.moved); d > freeze {
		f.count++
		f.total += d
	}
	f.moved = now
}

func (f *pauses) whole() time.Duration { return f.moved.Sub(f.began) }

func TestWhereUDPIsBlockedTCPCarriesThePicture(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(10)
	p.stream()
	_, through := h.line(lossy.Line{Cut: true}, lossy.Line{Cut: true})
	began := time.Now()
	v := watchWith(h, "show", watching{answer: through, settings: func(s *webrtc.SettingEngine) {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	}})
	v.pictures(p, 10)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("ten pictures took %v", took)
	}
}
