package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a hub whose wall clock goes with what is written, and an RTSP server that plays everything in it.
type house struct {
	t     *testing.T
	hub   *streaming.Hub
	clock atomic.Int64 // nanoseconds
	relay *relay.Server
	rtsp  *gortsplib.Server
	url   string
}

func furnish(t *testing.T) *house {
	t.Helper()
	h := &house{t: t}
	h.clock.Store(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano())
	h.hub = &streaming.Hub{Wall: h.now}
	h.relay = &relay.Server{Hub: h.hub, Now: h.now}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.rtsp = &gortsplib.Server{
		Handler: (*handler)(h), RTSPAddress: l.Addr().String(), DisableRTCPSenderReports: true, WriteQueueSize: 256,
		Listen: func(string, string) (net.Listener, error) { return l, nil },
	}
	if err := h.rtsp.Start(); err != nil {
		t.Fatal(err)
	}
	h.url = "rtsp://" + l.Addr().String() + "/show"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	running := make(chan struct{})
	go func() { close(running); ended <- h.relay.Run(ctx) }()
	<-running
	t.Cleanup(func() {
		cancel()
		<-ended
		h.rtsp.Close()
	})
	return h
}

func (h *house) now() time.Time { return time.Unix(0, h.clock.Load()) }

type handler house

func (h *handler) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	p, err := h.relay.Open(h.rtsp, "show", "good")
	if err != nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, err
	}
	c.Conn.SetUserData(p)
	return &base.Response{StatusCode: base.StatusOK}, p.Stream(), nil
}

func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	p := c.Conn.UserData().(*relay.Player)
	return &base.Response{StatusCode: base.StatusOK}, p.Stream(), nil
}

func (h *handler) OnPlay(c *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	err := c.Conn.UserData().(*relay.Player).Play(c.Session, false)
	return &base.Response{StatusCode: base.StatusOK}, err
}

func (h *handler) OnConnClose(c *gortsplib.ServerHandlerOnConnCloseCtx) {
	if p, ok := c.Conn.UserData().(*relay.Player); ok {
		p.Close()
	}
}

// show is a publication of a film.
type show struct {
	house  *house
	tracks []streaming.Track
	units  []*streaming.Unit
	out    *streaming.Publication
	begun  int64 // of the wall
}

func (h *house) publish(seconds string, more ...string) *show {
	h.t.Helper()
	tracks, units := hlstest.Film(h.t, append(hlstest.FilmFor(seconds), more...)...)
	p, err := h.hub.Publish(h.t.Context(), "show", configured(tracks, units))
	if err != nil {
		h.t.Fatal(err)
	}
	return &show{house: h, tracks: tracks, units: units, out: p, begun: h.clock.Load()}
}

// configured gives the picture's track the configuration that its first picture holds.
func configured(tracks []streaming.Track, units []*streaming.Unit) []streaming.Track {
	u := units[0]
	for _, one := range units {
		if one.Track == tracks[0].ID {
			u = one
			break
		}
	}
	put := func(b []byte, set []byte) []byte {
		return append(append(b, byte(len(set)>>8), byte(len(set))), set...)
	}
	switch tracks[0].Codec {
	case streaming.H264:
		sps, pps := u.Payload[0], u.Payload[1]
		c := put([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}, sps)
		tracks[0].Config = put(append(c, 1), pps)
	case streaming.H265:
		c := append(make([]byte, 22), 3)
		for i, kind := range []byte{32, 33, 34} {
			c = put(append(c, kind, 0, 1), u.Payload[i])
		}
		tracks[0].Config = c
	}
	return tracks
}

// write sends what is decoded before a time.
func (s *show) write(until time.Duration) {
	s.house.t.Helper()
	for len(s.units) > 0 {
		u := s.units[0]
		rate := 0
		for _, t := range s.tracks {
			if t.ID == u.Track {
				rate = t.ClockRate
			}
		}
		at := time.Duration(u.DTS) * time.Second / time.Duration(rate)
		if at >= until {
			return
		}
		s.house.clock.Store(s.begun + int64(at))
		if err := s.out.Write(u); err != nil {
			s.house.t.Error(err)
			return
		}
		s.units = s.units[1:]
	}
}

// client is an RTSP player.
type client struct {
	*gortsplib.Client
	desc *description.Session

	mu      sync.Mutex
	packets map[format.Format][]*rtp.Packet
	reports map[*description.Media][]*rtcp.SenderReport
	changed chan struct{}
	ended   chan error
}

func (h *house) watch() *client {
	h.t.Helper()
	u, err := base.ParseURL(h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	tcp := gortsplib.TransportTCP
	c := &client{
		Client:  &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &tcp},
		packets: map[format.Format][]*rtp.Packet{}, reports: map[*description.Media][]*rtcp.SenderReport{},
		changed: make(chan struct{}, 1), ended: make(chan error, 1),
	}
	if err := c.Start2(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	if c.desc, _, err = c.Describe(u); err != nil {
		h.t.Fatal(err)
	}
	if err := c.SetupAll(c.desc.BaseURL, c.desc.Medias); err != nil {
		h.t.Fatal(err)
	}
	c.OnPacketRTPAny(func(_ *description.Media, f format.Format, p *rtp.Packet) {
		c.note(func() { c.packets[f] = append(c.packets[f], p) })
	})
	c.OnPacketRTCPAny(func(m *description.Media, p rtcp.Packet) {
		if r, ok := p.(*rtcp.SenderReport); ok {
			c.note(func() { c.reports[m] = append(c.reports[m], r) })
		}
	})
	if _, err := c.Play(nil); err != nil {
		h.t.Fatal(err)
	}
	go func() { c.ended <- c.Wait() }()
	return c
}

func (c *client) note(what func()) {
	c.mu.Lock()
	what()
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// until waits until the newest packet of a format is so many ticks behind its first.
func (c *client) until(t *testing.T, f format.Format, ticks uint32) []*rtp.Packet {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		c.mu.Lock()
		got := append([]*rtp.Packet(nil), c.packets[f]...)
		c.mu.Unlock()
		if n := len(got); n > 0 && got[n-1].Timestamp-got[0].Timestamp >= ticks {
			return got
		}
		select {
		case <-c.changed:
		case err := <-c.ended:
			t.Fatalf("the session ended: %v", err)
		case <-patience:
			t.Fatalf("waited for %d ticks; got %d packets", ticks, len(got))
		}
	}
}

func TestAPlayerBeginsWithTheNewestKeyPictureAndKnowsTheTime(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	show := h.publish("5")
	show.write(3 * time.Second)
	c := h.watch()
	video, audio := c.desc.Medias[0].Formats[0], c.desc.Medias[1].Formats[0]
	if f, ok := video.(*format.H264); !ok || len(f.SPS) == 0 || !bytes.Contains(show.tracks[0].Config, f.PPS) {
		t.Fatalf("it is described as %+v", video)
	}
	c.until(t, video, 80_000)
	show.write(5 * time.Second)
	pictures := c.until(t, video, 260_000)
	for i, p := range pictures[1:] {
		if p.SequenceNumber != pictures[i].SequenceNumber+1 || (p.Timestamp-pictures[i].Timestamp)%3000 != 0 {
			t.Fatalf("packet %d: %d after %d, %d ticks", i+1, p.SequenceNumber, pictures[i].SequenceNumber, p.Timestamp-pictures[i].Timestamp)
		}
	}
	// The first picture is the one of two seconds, a key: its sets come first.
	if kind := pictures[0].Payload[0] & 0x1f; kind != 7 && kind != 24 && kind != 6 && kind != 9 {
		t.Errorf("the first packet has a NAL unit of type %d", kind)
	}
	sounds := c.until(t, audio, 2*48000)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range c.desc.Medias {
		reports := c.reports[m]
		if len(reports) < 2 {
			t.Fatalf("%d reports", len(reports))
		}
		rate, first := 90000, pictures[0]
		if i == 1 {
			rate, first = 48000, sounds[0]
		}
		for _, r := range reports {
			// What lay two seconds behind the beginning is what the first packet holds, less than a frame of sound off.
			ticks := int32(r.RTPTime - first.Timestamp)
			at := wall(r.NTPTime).Add(-time.Duration(ticks) * time.Second / time.Duration(rate))
			want := time.Unix(0, show.begun).Add(2 * time.Second)
			if off := at.Sub(want); off < -time.Millisecond || off > 23*time.Millisecond {
				t.Errorf("track %d begins at %v by its report, want %v", i, at.UTC(), want.UTC())
			}
		}
	}
}

func wall(ntp uint64) time.Time {
	return time.Unix(int64(ntp>>32)-2208988800, int64((ntp&0xffffffff)*1_000_000_000>>32))
}

func TestAPublisherWhoComesBackGoesOnAndAnotherPictureEnds(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	first := h.publish("2")
	first.write(2 * time.Second)
	c := h.watch()
	video := c.desc.Medias[0].Formats[0]
	c.until(t, video, 150_000)
	same := h.publish("2")
	same.write(2 * time.Second)
	got := c.until(t, video, 330_000)
	for i, p := range got[1:] {
		if p.SequenceNumber != got[i].SequenceNumber+1 {
			t.Fatalf("packet %d: %d after %d", i+1, p.SequenceNumber, got[i].SequenceNumber)
		}
	}
	other := h.publish("2", "-vf", "scale=160:284")
	other.write(time.Second)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the session goes on with another picture")
	}
	again := h.watch()
	if f := again.desc.Medias[0].Formats[0].(*format.H264); !bytes.Contains(other.tracks[0].Config, f.SPS) {
		t.Error("who asks again is told of the old picture")
	}
	again.until(t, again.desc.Medias[0].Formats[0], 60_000)
}

func TestWhoMayNotPlays(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	if _, err := h.relay.Open(h.rtsp, "show", ""); !errors.Is(err, streaming.ErrOffAir) {
		t.Errorf("off air: %v", err)
	}
	show := h.publish("2")
	show.write(time.Second)
	c := h.watch()
	c.until(t, c.desc.Medias[0].Formats[0], 60_000)
	h.relay.PlayersMax = 1
	if _, err := h.relay.Open(h.rtsp, "show", ""); !errors.Is(err, relay.ErrFull) {
		t.Errorf("a second one: %v", err)
	}
	h.relay.Recheck(func(string) func(string) bool { return func(pass string) bool { return pass == "good" } })
	if n := h.relay.Viewers("show"); n != 1 {
		t.Fatalf("%d watch", n)
	}
	h.relay.Recheck(func(string) func(string) bool { return func(string) bool { return false } })
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("who may not goes on")
	}
}

// TestFFprobeKnowsTheOtherCodecs publishes H.265 and Opus in real time for ffprobe.
func TestFFprobeKnowsTheOtherCodecs(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	show := h.publish("12", "-c:v", "libx265", "-x265-params", "bframes=0:keyint=30:log-level=none", "-c:a", "libopus")
	show.write(time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	defer writing.Wait()
	defer cancel()
	writing.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for at := time.Second; at < 12*time.Second; at += 20 * time.Millisecond {
			show.write(at)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	text, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-of", "json", "-show_streams", h.url).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Height int
		}
	}
	if err := json.Unmarshal(text, &p); err != nil || len(p.Streams) != 2 || p.Streams[0].Codec != "hevc" || p.Streams[0].Height != 568 || p.Streams[1].Codec != "opus" {
		t.Errorf("%v: %s", err, text)
	}
}
