package hls

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// A phone that is turned again and again: each turn is one discontinuity, and the same sets again are none.
func TestAPhoneIsTurnedTwentyTimes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	sets := [][][]byte{setsTall, setsWide}
	const turns = 20
	for n := range turns + 1 {
		for half := range 2 {
			r.feed(clip{fps: 30, gop: 60, rate: 48000, from: float64(n*8 + half*4), seconds: 4, sets: sets[n%2]}.units())
		}
	}
	p := r.parsed()
	last := p.Segments[len(p.Segments)-1]
	if last.Domain != turns {
		t.Errorf("%d discontinuities for %d turns", last.Domain, turns)
	}
	if from, ok := p.Segments[0], last.Date.Sub(p.Segments[0].Date); last.Number <= from.Number || ok <= 0 {
		t.Errorf("from %+v to %+v", from, last)
	}
	r.end()
}

// An encoder that comes back with another codec or another sound goes on in the same playlists.
func TestCodecsChangeFromGenerationToGeneration(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	h265 := videoTrack()
	h265.Codec = streaming.H265
	vps, sps, pps := unhex("40010c01ffff01600000030090000003000003003c95940900"), unhex("420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080"), unhex("4401c0718312")
	steps := []struct {
		video, audio streaming.Track
		codecs       string
	}{
		{videoTrack(), aacTrack(48000), "avc1.64001f,mp4a.40.2"},
		{h265, aacTrack(48000), "hvc1."},
		{videoTrack(), aacTrack(44100), "avc1.64001f,mp4a.40.2"},
		{videoTrack(), streaming.Track{}, "avc1.64001f,mp4a.40.2"},
		{h265, aacTrack(48000), "hvc1."},
		{streaming.Track{}, aacTrack(48000), "mp4a.40.2"},
		{videoTrack(), aacTrack(48000), "avc1.64001f,mp4a.40.2"},
	}
	for n, s := range steps {
		var tracks []streaming.Track
		c := clip{fps: 30, gop: 60, rate: s.audio.ClockRate, seconds: 8}
		if s.video.ID != 0 {
			tracks = append(tracks, s.video)
		} else {
			c.fps, c.every = 0, nil
		}
		if s.audio.ID != 0 {
			tracks = append(tracks, s.audio)
		}
		r.generation(n+1, float64(n)*8.5, tracks...)
		units := c.units()
		for _, u := range units {
			if u.Track != 1 || s.video.Codec != streaming.H265 {
				continue
			}
			body := u.Payload[len(u.Payload)-1]
			if u.Key {
				u.Payload = [][]byte{vps, sps, pps, append([]byte{0x26, 1}, body...)}
			} else {
				u.Payload = [][]byte{append([]byte{0x02, 1}, body...)}
			}
		}
		r.feed(units)
		r.segmenter.finish()
		r.publish()
		if got := r.rendition.now.Load().init.Codecs; !strings.HasPrefix(got, s.codecs) {
			t.Errorf("step %d: CODECS %s, want %s", n, got, s.codecs)
		}
	}
	p := r.parsed()
	if last := p.Segments[len(p.Segments)-1]; last.Domain != int64(len(steps)-1) {
		t.Errorf("%d discontinuities, want %d", last.Domain, len(steps)-1)
	}
	r.end()
}

// An encoder that takes over and whose sound comes late does not keep the viewers from its picture: its sound goes on
// from silence, once it is there.
func TestAPictureThatComesBackDoesNotWaitForItsSound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30, gop: 30, rate: 48000, seconds: 8}.units())
	r.generation(2, 8.5, videoTrack(), aacTrack(48000))
	units := clip{fps: 30, gop: 30, rate: 48000, seconds: 8}.units()
	var late []*streaming.Unit
	for _, u := range units {
		if u.Track == 1 || u.DTS >= 3*48000 {
			late = append(late, u)
		}
	}
	shown := -1.0
	for _, u := range late {
		r.feed([]*streaming.Unit{u})
		if p := r.parsed(); shown < 0 && u.Track == 1 && p.Segments[len(p.Segments)-1].Domain == 1 {
			shown = float64(u.DTS) / 90000
		}
	}
	if shown < 0 || shown > 1.2 {
		t.Errorf("the picture is back after %.2f s", shown)
	}
	p := r.parsed()
	if last := p.Segments[len(p.Segments)-1]; last.Domain != 1 {
		t.Errorf("%d discontinuities", last.Domain)
	}
	r.end()
}

// Phones in the dark send 5 to 30 pictures a second, as they like: a class of its own, in which at most one part in
// twenty is shorter than the floor. Every other rule holds.
func TestVariableRates(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			times := []float64{0}
			slow := 0.5
			for times[len(times)-1] < 180 {
				if rng.Float64() < 0.01 {
					slow = rng.Float64() // the light changes
				}
				times = append(times, times[len(times)-1]+1.0/30+slow*rng.Float64()*(0.2-1.0/30))
			}
			at := func(i int) float64 { return times[min(i, len(times)-1)] }
			r := newRig(t)
			r.validator.Varying = true
			r.generation(1, 0, videoTrack(), aacTrack(48000))
			r.feed(clip{every: at, keys: everySeconds(at, 2), rate: 48000, seconds: 175, ms: seed%2 == 0}.units())
			if result := r.end(); result.Parts < 350 {
				t.Errorf("%+v", result)
			}
		})
	}
}

// Clients that ask for playlists and never read an answer hold their sockets and no more, and are cut off.
func TestPlaylistClientThatNeverReads(t *testing.T) {
	a, base := onNet(t, &Server{Config: Config{WriteTimeout: 2 * time.Second}}, false)
	a.fill(t, 40, "")
	a.fetch(t, base, "")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const lazy, asks = 20, 3000
	for range lazy {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(16 << 10)
		}
		go func() {
			_, _ = c.Write([]byte(strings.Repeat("GET /hls/b/main.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n", asks)))
		}()
	}
	for range lazy {
		if b := fetch(t, http.DefaultClient, base+"/hls/b/main.m3u8"); len(b) == 0 {
			t.Error("a good client got nothing")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > lazy*200_000 {
		t.Errorf("%d clients that never read hold %d bytes", lazy, grown)
	}
	for range lazy {
		select {
		case <-a.closed:
		case <-time.After(30 * time.Second):
			t.Fatal("a client that never reads is still served")
		}
	}
}
