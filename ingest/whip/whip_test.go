package whip_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/whip"
	"github.com/hawkerlive/hawker/streaming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// station is a running server.
type station struct {
	url   string
	media netip.AddrPort // where publishers send to
	*ingesttest.Station
}

func start(t *testing.T) *station { return startWith(t, whip.Config{}) }

func startWith(t *testing.T, config whip.Config) *station {
	t.Helper()
	config.Listen = "127.0.0.1:0"
	s := &station{Station: ingesttest.New()}
	s.Sessions.Log = slog.New(slog.DiscardHandler)
	server := &whip.Server{
		Sessions: s.Sessions, Config: config, Metrics: whip.NewMetrics(prometheus.NewRegistry()),
	}
	media, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.media = media.(*net.TCPAddr).AddrPort()
	web := httptest.NewServer(server)
	s.url = web.URL + "/whip"
	s.Run(t, func() {
		web.CloseClientConnections()
		web.Close()
	}, server.Run)
	ingesttest.Eventually(t, "the server to take requests", func() bool { return s.do(t, "POST", "", "application/sdp", "x", ingesttest.GoodKey, "").status != 503 })
	return s
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *station) do(t *testing.T, method, path, contentType, body, key, match string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"Content-Type": contentType, "If-Match": match} {
		if v != "" {
			r.Header.Set(name, v)
		}
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	client := http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

// publisher is a WHIP client of pion's.
type publisher struct {
	pc       *webrtc.PeerConnection
	location string
	etag     string
	plis     atomic.Int64
	running  sync.WaitGroup
	stop     context.CancelFunc
	once     sync.Once
}

// options of a publisher.
type options struct {
	video    string // MIME type, empty for none
	audio    bool
	reports  bool // sends sender reports
	tcp      bool
	repairs  bool                    // sends lost packets again, also without reports
	pictures [][]byte                // Annex B access units
	answer   func(sdp string) string // what the publisher is told in place of the answer; nil: the answer
}

func (s *station) publish(t *testing.T, o options) *publisher {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if o.video == webrtc.MimeTypeVP8 {
		m = &webrtc.MediaEngine{}
		if err := m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: o.video, ClockRate: 90000}, PayloadType: 96,
		}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	registry := &interceptor.Registry{}
	if o.reports {
		if err := webrtc.RegisterDefaultInterceptors(m, registry); err != nil {
			t.Fatal(err)
		}
	}
	if o.repairs && !o.reports {
		if err := webrtc.ConfigureNack(m, registry); err != nil {
			t.Fatal(err)
		}
	}
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	if o.tcp {
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &publisher{pc: pc, stop: cancel}
	t.Cleanup(p.close)
	connected := make(chan struct{})
	var first sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			first.Do(func() { close(connected) })
		}
	})
	if o.video != "" {
		track := p.add(t, webrtc.RTPCodecCapability{MimeType: o.video}, "video")
		p.running.Go(func() { p.send(ctx, connected, track, time.Second/30, o.pictures) })
	}
	if o.audio {
		track := p.add(t, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio")
		p.running.Go(func() { p.send(ctx, connected, track, 20*time.Millisecond, [][]byte{{0xfc, 0xff, 0xfe}}) })
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	a := s.do(t, "POST", "", "application/sdp", pc.LocalDescription().SDP, ingesttest.GoodKey, "")
	if a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	p.location, p.etag = strings.TrimPrefix(a.header.Get("Location"), "/whip"), a.header.Get("ETag")
	if !strings.HasPrefix(p.location, "/") || len(p.etag) < 4 || p.etag[0] != '"' {
		t.Errorf("Location %q, ETag %q", a.header.Get("Location"), p.etag)
	}
	if !strings.Contains(a.body, "a=recvonly") || !strings.Contains(a.body, "a=candidate:") || !strings.Contains(a.body, "a=ice-lite") {
		t.Errorf("the answer lacks something:\n%s", a.body)
	}
	if o.answer != nil {
		a.body = o.answer(a.body)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.body}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *publisher) add(t *testing.T, c webrtc.RTPCodecCapability, id string) *webrtc.TrackLocalStaticSample {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(c, id, "show")
	if err != nil {
		t.Fatal(err)
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	sender := transceiver.Sender()
	p.running.Go(func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, one := range packets {
				if _, ok := one.(*rtcp.PictureLossIndication); ok {
					p.plis.Add(1)
				}
			}
		}
	})
	return track
}

// send writes samples in real time, round and round.
func (p *publisher) send(ctx context.Context, connected <-chan struct{}, track *webrtc.TrackLocalStaticSample, every time.Duration, samples [][]byte) {
	select {
	case <-connected:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		if err := track.WriteSample(media.Sample{Data: samples[i%len(samples)], Duration: every}); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *publisher) close() {
	p.once.Do(func() {
		p.stop()
		_ = p.pc.GracefulClose() // it may have failed already
		p.running.Wait()
	})
}

// pictures makes access units of H.264 without B-frames, a key picture every 15.
var pictures = sync.OnceValues(func() ([][]byte, error) {
	raw, err := exec.Command("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=2",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-g", "15",
		"-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "pipe:1").Output()
	if err != nil {
		return nil, err
	}
	aud := []byte{0, 0, 0, 1, 9}
	var out [][]byte
	for _, au := range bytes.Split(raw, aud)[1:] {
		out = append(out, append(bytes.Clone(aud), au...))
	}
	return out, nil
})

func h264(t *testing.T) [][]byte {
	t.Helper()
	out, err := pictures()
	if err != nil {
		t.Fatalf("ffmpeg is needed: apt-get install ffmpeg (%v)", err)
	}
	return out
}

func (s *station) stream(t *testing.T) *streaming.Stream {
	t.Helper()
	var out *streaming.Stream
	ingesttest.Eventually(t, "the broadcast", func() bool {
		var err error
		out, err = s.Hub.Stream("broadcast")
		return err == nil
	})
	return out
}

func TestABrowserLikePublisherGoesOnAir(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]options{
		"over UDP with sender reports": {reports: true},
		"without sender reports":       {},
		"over TCP":                     {reports: true, tcp: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			o.video, o.audio, o.pictures = webrtc.MimeTypeH264, true, h264(t)
			p := s.publish(t, o)
			stream := s.stream(t)
			r := stream.Subscribe(streaming.ReadOptions{})
			defer r.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			count, last := map[int]int{}, map[int]int64{}
			for count[1] < 40 || count[2] < 40 {
				u, err := r.Next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if u.Track == 1 && u.Key && (u.Payload[0][0]&0x1f != 7 || u.Payload[1][0]&0x1f != 8) {
					t.Error("a key picture without parameter sets before it")
				}
				if before, ok := last[u.Track]; ok && u.Track == 2 && u.PTS != before+960 {
					t.Errorf("sound steps by %d", u.PTS-before)
				}
				if before, ok := last[u.Track]; ok && u.DTS <= before {
					t.Errorf("track %d steps back by %d", u.Track, before-u.DTS)
				}
				last[u.Track] = u.DTS
				count[u.Track]++
			}
			g := stream.Generation()
			video, _ := g.First(streaming.Video)
			audio, _ := g.First(streaming.Audio)
			if g.Number != 1 || video.Codec != streaming.H264 || len(video.Config) < 20 || audio.Codec != streaming.Opus {
				t.Errorf("generation %+v", g)
			}
			if skew := (video.Time(last[1]) - audio.Time(last[2])).Duration(); skew.Abs() > 150*time.Millisecond {
				t.Errorf("picture and sound are %s apart", skew)
			}
			h, ok := s.Sessions.Health("broadcast")
			if !ok || h.Width != 320 || h.BFrames || h.Restarts != 0 || h.Dropped != 0 {
				t.Errorf("health %+v", h)
			}
			before := p.plis.Load()
			ingesttest.Eventually(t, "a key request to reach the publisher", func() bool { stream.RequestKey(); return p.plis.Load() > before })
			if a := s.do(t, "DELETE", p.location, "", "", ingesttest.GoodKey, ""); a.status != 200 {
				t.Errorf("DELETE got %d", a.status)
			}
			ingesttest.Eventually(t, "the session to be gone", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
			if a := s.do(t, "DELETE", p.location, "", "", ingesttest.GoodKey, ""); a.status != 404 {
				t.Errorf("a second DELETE got %d", a.status)
			}
		})
	}
}

func TestVP8IsTakenWhereThereIsNoH264(t *testing.T) {
	t.Parallel()
	s := start(t)
	frame := append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00}, make([]byte, 50)...)
	s.publish(t, options{video: webrtc.MimeTypeVP8, reports: true, pictures: [][]byte{frame}})
	stream := s.stream(t)
	if v, _ := stream.Generation().First(streaming.Video); v.Codec != streaming.VP8 {
		t.Errorf("%+v", v)
	}
}

func TestARotatedKeyEndsTheSession(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.publish(t, options{audio: true, reports: true})
	s.stream(t)
	if n := s.Sessions.Kick("channel", "key"); n != 1 {
		t.Errorf("%d sessions kicked", n)
	}
	began := time.Now()
	ingesttest.Eventually(t, "the session to be gone", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	ingesttest.Eventually(t, "the publisher to be told", func() bool {
		state := p.pc.ConnectionState()
		return state == webrtc.PeerConnectionStateClosed || state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateDisconnected
	})
}

func TestTrickleAndRestart(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.publish(t, options{audio: true, reports: true})
	stream := s.stream(t)
	const kind = "application/trickle-ice-sdpfrag"
	trickle := "a=mid:0\r\na=candidate:1 1 udp 2130706431 abcdef.local 50000 typ host\r\n"
	for _, c := range []struct {
		name, contentType, key, match, body string
		status                              int
	}{
		{"trickled candidates", kind, ingesttest.GoodKey, p.etag, trickle, 204},
		{"another content type", "application/sdp", ingesttest.GoodKey, p.etag, trickle, 415},
		{"no If-Match", kind, ingesttest.GoodKey, "", trickle, 428},
		{"a stale tag", kind, ingesttest.GoodKey, `"stale"`, trickle, 412},
		{"a star without a restart", kind, ingesttest.GoodKey, "*", trickle, 412},
		{"no key", kind, "", p.etag, trickle, 401},
		{"another key", kind, "hk_key_other", p.etag, trickle, 404},
		{"garbage", kind, ingesttest.GoodKey, p.etag, "\x00\x01garbage", 400},
		{"a restart without password", kind, ingesttest.GoodKey, "*", "a=ice-ufrag:abcd\r\n", 400},
		{"bad credentials", kind, ingesttest.GoodKey, "*", "a=ice-ufrag:a\r\na=ice-pwd:short\r\n", 400},
	} {
		if a := s.do(t, "PATCH", p.location, c.contentType, c.body, c.key, c.match); a.status != c.status {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
	// The publisher restarts ICE and media goes on.
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	fragment := &strings.Builder{}
	for line := range strings.Lines(p.pc.LocalDescription().SDP) {
		if strings.HasPrefix(line, "a=ice-ufrag") || strings.HasPrefix(line, "a=ice-pwd") || strings.HasPrefix(line, "a=candidate") {
			fragment.WriteString(line)
		}
	}
	a := s.do(t, "PATCH", p.location, kind, fragment.String(), ingesttest.GoodKey, "*")
	if a.status != 200 || a.header.Get("ETag") == p.etag || !strings.Contains(a.body, "a=ice-ufrag:") || !strings.Contains(a.body, "a=candidate:") {
		t.Fatalf("%d %s %s", a.status, a.header.Get("ETag"), a.body)
	}
	full := p.pc.CurrentRemoteDescription().SDP
	for _, name := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		for line := range strings.Lines(a.body) {
			if strings.HasPrefix(line, name) {
				full = replaceLines(full, name, line)
			}
		}
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: full}); err != nil {
		t.Fatal(err)
	}
	before := stream.Stats().Units
	ingesttest.Eventually(t, "media after the restart", func() bool { return stream.Stats().Units > before+100 })
	if a := s.do(t, "PATCH", p.location, kind, trickle, ingesttest.GoodKey, p.etag); a.status != 412 {
		t.Errorf("the old tag got %d", a.status)
	}
}

func replaceLines(text, prefix, with string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			line = with
		}
		out.WriteString(line)
	}
	return out.String()
}

func TestRequestsAreAnsweredAsTheStandardSays(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := offerText(t)
	for _, c := range []struct {
		name, method, path, contentType, key, body string
		status                                     int
	}{
		{"no key", "POST", "", "application/sdp", "", good, 401},
		{"a channel that rests", "POST", "", "application/sdp", ingesttest.RestingKey, good, 409},
		{"a wrong key", "POST", "", "application/sdp", "hk_key_wrong", good, 401},
		{"a wrong key before a wrong offer", "POST", "", "application/sdp", "hk_key_wrong", "garbage", 401},
		{"another content type", "POST", "", "text/plain", ingesttest.GoodKey, good, 415},
		{"not SDP", "POST", "", "application/sdp", ingesttest.GoodKey, "garbage", 400},
		{"no tracks", "POST", "", "application/sdp", ingesttest.GoodKey, "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 422},
		{"200 m-lines", "POST", "", "application/sdp", ingesttest.GoodKey, good + strings.Repeat(section(good, "m=video"), 200), 413},
		{"two pictures", "POST", "", "application/sdp", ingesttest.GoodKey, good + section(good, "m=video"), 422},
		{"a viewer's offer", "POST", "", "application/sdp", ingesttest.GoodKey, strings.ReplaceAll(good, "a=sendonly", "a=recvonly"), 422},
		{"setup passive", "POST", "", "application/sdp", ingesttest.GoodKey, strings.ReplaceAll(good, "a=setup:actpass", "a=setup:passive"), 422},
		{"an unknown video codec", "POST", "", "application/sdp", ingesttest.GoodKey, strings.NewReplacer("H264/90000", "H999/90000", "VP8/90000", "VP99/90000").Replace(good), 422},
		{"a huge body", "POST", "", "application/sdp", ingesttest.GoodKey, good + strings.Repeat("a=x\r\n", 20_000), 413},
		{"GET", "GET", "", "", "", "", 204},
		{"PUT", "PUT", "", "", "", "", 405},
		{"DELETE of the endpoint", "DELETE", "", "", ingesttest.GoodKey, "", 405},
		{"an unknown session", "DELETE", "/nobody", "", ingesttest.GoodKey, "", 404},
		{"OPTIONS", "OPTIONS", "", "", "", "", 200},
	} {
		a := s.do(t, c.method, c.path, c.contentType, c.body, c.key, "")
		if a.status != c.status {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
		if c.status >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", c.name, a.header.Get("Content-Type"))
		}
		if c.name == "OPTIONS" && (a.header.Get("Accept-Post") != "application/sdp" || a.header.Get("Access-Control-Allow-Headers") == "") {
			t.Errorf("OPTIONS: %v", a.header)
		}
	}
	ingesttest.Eventually(t, "no session to be left", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
}

// Where the operator says so, publishers are sent to another node, with what they asked for; servers for their ICE are
// told by Link headers.
func TestPublishersAreSentElsewhere(t *testing.T) {
	t.Parallel()
	s := startWith(t, whip.Config{Redirect: "https://other.example/whip"})
	a := s.do(t, "POST", "?backup=1", "application/sdp", offerText(t), ingesttest.GoodKey, "")
	if a.status != http.StatusTemporaryRedirect || a.header.Get("Location") != "https://other.example/whip?backup=1" || len(s.Sessions.OfChannel("channel")) != 0 {
		t.Errorf("%d to %q", a.status, a.header.Get("Location"))
	}
	if a := s.do(t, "OPTIONS", "", "", "", "", ""); a.status != 200 {
		t.Errorf("OPTIONS got %d", a.status)
	}
	here := startWith(t, whip.Config{ICEServers: []string{`<turn:turn.example.com?transport=udp>; username="u"; credential="c"`, "<stun:stun.example.com>"}})
	a = here.do(t, "POST", "", "application/sdp", offerText(t), ingesttest.GoodKey, "")
	links := a.header.Values("Link")
	if a.status != 201 || len(links) != 2 || links[0] != `<turn:turn.example.com?transport=udp>; username="u"; credential="c"; rel="ice-server"` {
		t.Errorf("%d with %q", a.status, links)
	}
}

// offerText is a good offer of one picture and one sound.
func offerText(t *testing.T) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }() // nothing depends on it
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

// section cuts a media section out of an offer.
func section(offer, begin string) string {
	_, rest, _ := strings.Cut(offer, begin)
	body, _, _ := strings.Cut(rest, "\nm=")
	return begin + strings.TrimSuffix(body, "\r") + "\n"
}
