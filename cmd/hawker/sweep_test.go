package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// take is a stretch of what an encoder sends, with a clock that goes on evenly.
type take struct {
	from    int64   // stamp of its first picture, milliseconds; RTMP carries the low 32 bits
	seconds float64 // of the wall as well
	wide    bool    // turned
	gop     int     // pictures; 0: 30
	again   bool    // the parameter sets are said again at every key picture
	uneven  bool    // 5 to 30 pictures a second, as they like
	film    []string
	shift   int64 // of a film: so much later decoded than shown first, milliseconds
}

// sweep is an encoder's life, and what its viewers are to see of it.
type sweep struct {
	takes    []take
	breaks   int  // discontinuities
	varying  bool // the validator's class of its own
	bFrames  bool // WebRTC cannot carry it, and says so
	pictures int  // at least so many come over WebRTC after the last take began
}

// reordered is a film with B-frames, by x264's names for them.
func reordered(more ...string) []string {
	film := hlstest.FilmFor("4")
	at := slices.Index(film, "-bf")
	return slices.Concat(film[:at], more, film[at+2:])
}

func sweeps() map[string]sweep {
	const m31, m32, hour = int64(1) << 31, int64(1) << 32, int64(3_600_000)
	two := func(before, after int64) []take { return []take{{from: before, seconds: 3}, {from: after, seconds: 5}} }
	turns := []take{{seconds: 4}}
	for n := range 20 {
		turns = append(turns, take{from: 4000 + int64(n)*2000/3, seconds: 2.0 / 3, wide: n%2 == 0, gop: 20})
	}
	turns = append(turns, take{from: 4000 + 20*2000/3, seconds: 3, gop: 20})
	film := func(shift int64, film []string) []take { return []take{{seconds: 8, film: film, shift: shift}} }
	return map[string]sweep{
		"goes on over 2^31 ms":     {takes: []take{{from: m31 - 3000, seconds: 8}}, pictures: 60},
		"wraps at 2^31 ms":         {takes: two(m31-3000, 0), pictures: 75},
		"wraps at 2^32 ms":         {takes: two(m32-3000, m32), pictures: 75},
		"steps back by an hour":    {takes: two(2*hour, hour), breaks: 1, pictures: 75},
		"jumps ahead by ten hours": {takes: two(hour, 11*hour), breaks: 1, pictures: 75},
		"begins again at 0":        {takes: two(5*hour, 0), breaks: 1, pictures: 75},

		"no B-frames":                  {takes: film(0, reordered("-bf", "0")), pictures: 60},
		"B-frames, no pyramid":         {takes: film(0, reordered("-preset", "veryfast", "-bf", "2", "-x264-params", "b-pyramid=0")), bFrames: true},
		"B-frames, pyramid":            {takes: film(0, reordered("-preset", "veryfast", "-bf", "3")), bFrames: true},
		"composition times below zero": {takes: film(80, reordered("-preset", "veryfast", "-bf", "3")), bFrames: true},

		"turned twenty times":           {takes: turns, breaks: 20, pictures: 45},
		"parameter sets again":          {takes: []take{{seconds: 8, again: true}}, pictures: 60},
		"parameter sets changed":        {takes: []take{{seconds: 3}, {from: 3000, seconds: 5, wide: true, again: true}}, breaks: 1, pictures: 75},
		"5 to 30 pictures a second":     {takes: []take{{seconds: 12, uneven: true}}, varying: true, pictures: 40},
		"turned, and the clock as well": {takes: []take{{from: m31 - 3000, seconds: 3}, {from: 9 * hour, seconds: 5, wide: true}}, breaks: 1, pictures: 75},
	}
}

// Whatever an encoder's clock, pictures and parameter sets do, every output goes on: one WebRTC session from the first
// take to the last, LL-HLS playlists that are valid one after the other, dates that only go on, and discontinuities
// where they belong and nowhere else. Many encoders are on air together: each takes its time, and little else.
func TestEveryOutputGoesOnWhateverTheEncoderDoes(t *testing.T) {
	a := started(t)
	stages := channelsFor(t, a, sweeps())
	var all sync.WaitGroup
	free := make(chan struct{}, 3*runtime.NumCPU()) // more at a time would measure the machine
	for _, s := range stages {
		free <- struct{}{}
		all.Go(func() { s.run(t, a); <-free })
	}
	all.Wait()
	for name, s := range stages {
		t.Run(name, func(t *testing.T) {
			for _, fault := range s.faults {
				t.Error(fault)
			}
		})
	}
}

// sweepStage is a sweep with a channel of its own.
type sweepStage struct {
	sweep
	channel, key string
	units        [][]timed // of the takes
	faults       []string
}

// bad notes what is not as it should be.
func (s *sweepStage) bad(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// wait waits for a condition, looking often; a condition that does not come about is a fault.
func (s *sweepStage) wait(what string, condition func() bool) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !condition(); <-tick.C {
		if time.Now().After(end) {
			s.bad("waited in vain for %s", what)
			return false
		}
	}
	return true
}

func channelsFor(t *testing.T, a *app, all map[string]sweep) map[string]*sweepStage {
	t.Helper()
	id, err := a.accounts.SignUp(t.Context(), account.SignUp{Email: "sweep@example.com", Password: "correct horse", Name: "Noor"})
	if err != nil {
		t.Fatal(err)
	}
	bearer, _, _, err := a.accounts.OpenSession(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	var shop, channel struct{ ID string }
	apitest.Call(t, a.api, "POST", "/v1/shops", bearer, object{"name": "Sweep", "currency": "EUR", "time_zone": "UTC", "locale": "en"}, 201, &shop)
	out := map[string]*sweepStage{}
	for name, s := range all {
		handle := fmt.Sprintf("sweep-%d", len(out))
		apitest.Call(t, a.api, "POST", "/v1/shops/"+shop.ID+"/channels", bearer, object{"name": name, "handle": handle}, 201, &channel)
		var made struct {
			StreamKey string `json:"stream_key"`
		}
		apitest.Call(t, a.api, "POST", "/v1/channels/"+channel.ID+"/stream-key", bearer, nil, 201, &made)
		one := &sweepStage{sweep: s, channel: channel.ID, key: made.StreamKey}
		for _, take := range s.takes {
			one.units = append(one.units, take.units(t))
		}
		out[name] = one
	}
	return out
}

func (s *sweepStage) run(t *testing.T, a *app) {
	c, err := rtmptest.Publish(t.Context(), dialable(a.addresses["rtmp"]), rtmptest.Greeting{Key: s.key})
	if err != nil {
		s.bad("the encoder: %v", err)
		return
	}
	e := &sweeping{client: c, last: make(chan struct{}), over: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	go e.play(ctx, s.takes, s.units)
	defer func() { // before its connection is closed, or it would call that a fault
		stop()
		<-e.over
		_ = c.Close()
		if e.fault != nil {
			s.bad("the encoder was put out: %v", e.fault)
		}
	}()
	s.watch(ctx, a, e)
}

// watch looks at what comes out while the encoder plays.
func (s *sweepStage) watch(ctx context.Context, a *app, e *sweeping) {
	var broadcast string
	if !s.wait("a publisher on air", func() bool {
		for _, h := range a.sessions.OfChannel(s.channel) {
			broadcast = h.Broadcast
		}
		return broadcast != "" && stateOnAir(a, broadcast)
	}) {
		return
	}
	base := "http://" + dialable(a.addresses["http"])
	list := &listReader{ctx: ctx, stage: s, base: base + "/hls/" + broadcast + "/", validator: &hlstest.Validator{Varying: s.varying}}
	list.validator.Get = list.get
	if !s.wait("a playlist", list.look) {
		return
	}
	eye := &rtpEye{}
	defer eye.close()
	want := http.StatusCreated
	if s.bFrames {
		want = http.StatusConflict
	}
	if status, err := eye.offer(ctx, base+"/whep/"+broadcast); err != nil || status != want {
		s.bad("WHEP answers %d, want %d: %v", status, want, err)
		return
	}
	s.wait("the last take", func() bool { list.look(); return closed(e.last) })
	before := eye.count()
	s.wait("the end of the last take", func() bool { list.look(); return closed(e.over) })
	s.wait("its pictures over WebRTC", func() bool { return eye.count()-before >= s.pictures })
	s.wait("its pictures over LL-HLS", func() bool { list.look(); return list.breaks() >= s.breaks })
	list.judge(s.breaks)
	eye.judge(s)
	if h, ok := a.sessions.Health(broadcast); ok && h.BFrames != s.bFrames {
		s.bad("B-frames seen: %v", h.BFrames)
	}
}

func stateOnAir(a *app, broadcast string) bool {
	stream, err := a.hub.Stream(broadcast)
	return err == nil && stream.Generation() != nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sweeping is the encoder.
type sweeping struct {
	client *rtmptest.Client
	last   chan struct{} // closed when the last take begins
	over   chan struct{} // closed when it has been sent
	said   []byte        // parameter sets
	heard  bool          // the sound's configuration was said
	fault  error         // of the connection; read after over
}

var (
	sweepVideo   = streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}
	sweepAudio   = streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 44100, Config: []byte{0x12, 0x10}}
	sweepSilence = []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}
	// x264's at 720x1280 and 1280x720, main profile.
	sweepTall  = []byte("\x67\x4d\x40\x1f\xd9\x00\xb4\x0a\x1b\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xc0\xf1\x83\x24\x80")
	sweepWide  = []byte("\x67\x4d\x40\x1f\xd9\x00\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xc0\xf1\x83\x24\x80")
	sweepPPS   = []byte("\x68\xeb\xc3\xcb\x20")
	sweepIDR   = append([]byte{0x65, 0x88, 0x84, 0x00, 0x10}, make([]byte, 200)...)
	sweepSlice = append([]byte{0x41, 0x9a, 0x21, 0x6c}, make([]byte, 100)...)
)

// timed is a unit with its time on the wall since the take's begin.
type timed struct {
	at    float64
	track streaming.Track
	unit  *streaming.Unit
}

// play sends the takes one after the other.
func (e *sweeping) play(ctx context.Context, takes []take, units [][]timed) {
	defer close(e.over)
	began := time.Now()
	for n, one := range takes {
		if n == len(takes)-1 {
			close(e.last)
		}
		for _, u := range units[n] {
			timer := time.NewTimer(time.Until(began.Add(time.Duration(u.at * 1e9))))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			if e.fault = e.send(one, u); e.fault != nil {
				return
			}
		}
		began = began.Add(time.Duration(one.seconds * 1e9))
	}
}

func (e *sweeping) send(one take, u timed) error {
	stamp := uint32(one.from + u.unit.DTS*1000/int64(u.track.ClockRate))
	if u.track.Kind == streaming.Audio {
		if !e.heard {
			e.heard = true
			if err := e.client.Send(4, rtmptest.Audio, stamp, 1, rtmptest.Legacy(u.track, nil, u.track.Config)); err != nil {
				return err
			}
		}
		return e.client.Send(4, rtmptest.Audio, stamp, 1, rtmptest.Legacy(u.track, u.unit, nil))
	}
	if u.unit.Key {
		config := rtmptest.Config(u.track, u.unit)
		if one.again || string(config) != string(e.said) {
			if err := e.client.Send(6, rtmptest.Video, stamp, 1, rtmptest.Legacy(u.track, nil, config)); err != nil {
				return err
			}
			e.said = config
		}
	}
	return e.client.Send(6, rtmptest.Video, stamp, 1, rtmptest.Legacy(u.track, u.unit, nil))
}

// units are the take's, in the order of time.
func (one take) units(t *testing.T) (out []timed) {
	if one.film != nil {
		return one.filmed(t)
	}
	sps, gop := sweepTall, 30
	if one.wide {
		sps = sweepWide
	}
	if one.gop > 0 {
		gop = one.gop
	}
	rng := rand.New(rand.NewPCG(1, 2))
	key := 0.0
	for n, at := 0, 0.0; at < one.seconds-0.001; n++ {
		u := &streaming.Unit{DTS: int64(at * 90000), PTS: int64(at * 90000), Payload: [][]byte{sweepSlice}}
		if n == 0 || !one.uneven && n%gop == 0 || one.uneven && at-key >= 2 {
			key, u.Key, u.Payload = at, true, [][]byte{sps, sweepPPS, sweepIDR}
		}
		out = append(out, timed{at, sweepVideo, u})
		at = float64(n+1) / 30
		if one.uneven {
			at = float64(u.DTS)/90000 + 1.0/30 + rng.Float64()*(0.2-1.0/30)
		}
	}
	for n := range int(one.seconds * 44100 / 1024) {
		at := float64(n) * 1024 / 44100
		out = append(out, timed{at, sweepAudio, &streaming.Unit{DTS: int64(n) * 1024, Payload: [][]byte{sweepSilence}}})
	}
	slices.SortStableFunc(out, func(a, b timed) int { return int((a.at - b.at) * 1e6) })
	return out
}

// filmed plays a film of four seconds, twice.
func (one take) filmed(t *testing.T) (out []timed) {
	tracks, units := hlstest.Film(t, one.film...)
	first := units[0].DTS
	for loop := range int64(one.seconds / 4) {
		for _, u := range units {
			track := tracks[u.Track-1]
			c := *u
			if track.Kind == streaming.Video {
				c.DTS, c.PTS = c.DTS-first+one.shift*90, c.PTS-first
			}
			c.DTS += loop * 4 * int64(track.ClockRate)
			c.PTS += loop * 4 * int64(track.ClockRate)
			out = append(out, timed{float64(c.DTS) / float64(track.ClockRate), track, &c})
		}
	}
	slices.SortStableFunc(out, func(a, b timed) int { return int((a.at - b.at) * 1e6) })
	return out
}
