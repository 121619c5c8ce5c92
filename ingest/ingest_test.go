package ingest_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Parameter sets of x264 at 720x1280 and 1280x720, main profile.
var (
	spsTall = unhex("674d401fd900b40a1b0110000003001000000303c0f1832480")
	spsWide = unhex("674d401fd9005005bb0110000003001000000303c0f1832480")
	pps     = unhex("68ebc3cb20")
	idr     = []byte{0x65, 0x88, 0x84, 0x00, 0x10}
	slice   = []byte{0x41, 0x9a, 0x21, 0x6c} // first_mb 0, slice_type 5 (P)
	sliceB  = []byte{0x01, 0x9e, 0x41, 0x79} // first_mb 0, slice_type 6 (B)
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

var moduli = []int64{1 << 31, 1 << 32}

// desk is sessions and hub under a clock of the test's.
type desk struct {
	t        *testing.T
	now      time.Time
	hub      *streaming.Hub
	sessions *ingest.Sessions
	session  *ingest.Session
	reader   *streaming.Reader
	units    []*streaming.Unit
	resting  error
	asked    func() error // runs while a key is looked up
}

func (d *desk) AuthorizePublish(_ context.Context, key, _ string) (ingest.Grant, error) {
	switch key {
	case "good":
		if d.asked != nil {
			return ingest.Grant{ChannelID: "channel", KeyID: "key"}, d.asked()
		}
		return ingest.Grant{ChannelID: "channel", KeyID: "key"}, nil
	case "broken":
		return ingest.Grant{}, errors.New("the store is away")
	}
	return ingest.Grant{}, ingest.ErrRefused
}

func (d *desk) GoOnAir(context.Context, string) (string, error) { return "broadcast", nil }

func (d *desk) MayGoOnAir(context.Context, string) error { return d.resting }

func open(t *testing.T, c ingest.Config) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	d.hub = &streaming.Hub{Wall: func() time.Time { return d.now }}
	d.sessions = &ingest.Sessions{
		Hub: d.hub, Authorizer: d, Broadcasts: d, Config: c, Now: func() time.Time { return d.now },
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()),
	}
	d.session = d.admit()
	t.Cleanup(func() {
		if d.reader != nil {
			d.reader.Close()
		}
		d.hub.Close()
	})
	return d
}

func (d *desk) admit() *ingest.Session {
	d.t.Helper()
	s, err := d.sessions.Admit(d.t.Context(), ingest.Request{Protocol: "test", StreamKey: "good", Moduli: moduli})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(s.Close)
	return s
}

func video() ingest.Source {
	return ingest.Source{StampRate: 1000, Track: streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}}
}

func audio() ingest.Source {
	return ingest.Source{StampRate: 1000, Track: streaming.Track{
		ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 44100, Config: []byte{0x12, 0x10},
	}}
}

func (d *desk) declare(s ...ingest.Source) {
	d.t.Helper()
	if err := d.session.Declare(d.t.Context(), s); err != nil {
		d.t.Fatal(err)
	}
}

// write sends a frame and takes what came on air.
func (d *desk) write(f ingest.Frame) {
	d.t.Helper()
	if err := d.session.Write(f); err != nil {
		d.t.Fatal(err)
	}
	d.take()
}

func (d *desk) take() {
	if d.reader == nil {
		s, err := d.hub.Stream("broadcast")
		if err != nil {
			return
		}
		d.reader = s.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	}
	for u := d.reader.TryNext(); u != nil; u = d.reader.TryNext() {
		d.units = append(d.units, u)
	}
}

// play sends n pictures at 30 a second with sound, a key picture each second, stamps beginning at base.
func (d *desk) play(base int64, n int, sps []byte) {
	d.t.Helper()
	sound := 0
	for i := range n {
		at := int64(i) * 1000 / 30
		for ; int64(sound)*1024*1000/44100 <= at; sound++ {
			d.write(ingest.Frame{Track: 2, DTS: (base + int64(sound)*1024*1000/44100) % (1 << 32), Payload: [][]byte{{0x21, 0}}})
		}
		payload := [][]byte{slice}
		if i%30 == 0 {
			payload = [][]byte{{9, 0xf0}, sps, pps, idr}
		}
		d.write(ingest.Frame{Track: 1, DTS: (base + at) % (1 << 32), Payload: payload})
		d.now = d.now.Add(time.Second / 30)
	}
}

// check that what came on air is on one line: stamps rise in every generation, media time never steps back, and no
// picture is dated after its arrival.
func (d *desk) check(generations int) {
	d.t.Helper()
	stream, err := d.hub.Stream("broadcast")
	if err != nil {
		d.t.Fatal(err)
	}
	last := map[int]int64{}
	var newest mediatime.Time
	generation := 0
	for _, u := range d.units {
		g, ok := stream.GenerationOf(u.Generation)
		if !ok {
			continue // the ring has moved on
		}
		track, _ := g.Track(u.Track)
		if u.Generation != generation {
			if u.Generation < generation {
				d.t.Fatalf("generation %d after %d", u.Generation, generation)
			}
			if !u.Key {
				d.t.Errorf("generation %d does not begin with a key picture", u.Generation)
			}
			if at := track.Time(u.PTS); at < newest {
				d.t.Errorf("generation %d begins at %d, before %d", u.Generation, at, newest)
			}
			generation = u.Generation
			clear(last)
		}
		if before, ok := last[u.Track]; ok && u.DTS <= before {
			d.t.Errorf("track %d: %d after %d", u.Track, u.DTS, before)
		}
		last[u.Track] = u.DTS
		newest = max(newest, track.Time(u.DTS))
		if date := g.Anchor.Date(track.Time(u.DTS)); date.After(d.now.Add(time.Second)) {
			d.t.Errorf("a unit is dated %s at %s", date, d.now)
		}
	}
	if got := stream.Generation().Number; got != generations {
		d.t.Errorf("%d generations, want %d", got, generations)
	}
}

func TestTheClockSweep(t *testing.T) {
	t.Parallel()
	const m31, m32, hour = int64(1) << 31, int64(1) << 32, int64(3_600_000)
	for name, c := range map[string]struct {
		before, after int64
		generations   int
	}{
		"goes on over 2^31 ms":      {m31 - 2000, m31 - 2000 + 3000, 1},
		"wraps at 2^31 ms":          {m31 - 3000, 0, 1},
		"wraps at 2^32 ms":          {m32 - 3000, 0, 1},
		"steps back by an hour":     {2 * hour, hour, 2},
		"jumps ahead by ten hours":  {hour, 11 * hour, 2},
		"begins again at 0":         {5 * hour, 0, 2},
		"goes on":                   {hour, hour + 3000, 1},
		"steps back by 100 ms":      {hour, hour + 2900, 1},
		"is ahead by half a second": {hour, hour + 3500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			d.declare(video(), audio())
			d.play(c.before, 90, spsTall)
			n := len(d.units)
			d.play(c.after, 90, spsTall)
			d.check(c.generations)
			if got := len(d.units) - n; got < 200 {
				t.Errorf("only %d units came on air after the jump", got)
			}
			h := d.session.Health()
			if h.BFrames {
				t.Error("a clock is not a B-frame")
			}
			if h.Restarts != uint64(c.generations-1) {
				t.Errorf("%d restarts", h.Restarts)
			}
		})
	}
}

func TestEqualParameterSetsChangeNothingAndNewOnesBeginAGeneration(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	d.declare(video(), audio())
	base := int64(1000)
	for i := range 21 {
		sps := spsTall
		if i%2 == 1 {
			sps = spsWide
		}
		d.play(base, 60, sps) // its second key picture repeats the sets
		base += 2000
	}
	d.check(21)
	stream, _ := d.hub.Stream("broadcast")
	track, _ := stream.Generation().First(streaming.Video)
	if got := hex.EncodeToString(track.Config); got != "014d401fffe10019"+hex.EncodeToString(spsTall)+"010005"+hex.EncodeToString(pps) {
		t.Errorf("the configuration record is %s", got)
	}
	for _, u := range d.units {
		if u.Track == 1 && u.Key && (len(u.Payload) != 3 || u.Payload[0][0] != 0x67 || u.Payload[1][0] != 0x68) {
			t.Fatalf("a key picture of %d NAL units", len(u.Payload))
		}
	}
	if h := d.session.Health(); h.Width != 720 || h.Height != 1280 || h.Profile != "main" || h.KeyIntervalMS != 1000 {
		t.Errorf("health %+v", h)
	}
}

func TestSoundIsCountedInSamples(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ppm     int64 // by which the encoder's clock is faster than its samples
		resyncs uint64
	}{
		"stamps rounded to milliseconds": {0, 0},
		"a clock that is 300 ppm fast":   {300, 20},
		"a clock that is 300 ppm slow":   {-300, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			d.declare(audio())
			var last int64
			const frames = 600 * 44100 / 1024
			for i := range int64(frames) {
				stamp := i * 1024 * 1000 / 44100
				stamp += stamp * c.ppm / 1_000_000
				d.write(ingest.Frame{Track: 2, DTS: stamp, Payload: [][]byte{{0x21, 0}}})
				d.now = d.now.Add(1024 * time.Second / 44100)
				if len(d.units) == 0 {
					continue
				}
				u := d.units[len(d.units)-1]
				d.units = d.units[:0]
				if i > 0 && c.ppm == 0 && u.PTS != last+1024 {
					t.Fatalf("unit %d is stamped %d after %d", i, u.PTS, last)
				}
				last = u.PTS
				if off := u.PTS - stamp*441/10; off < -44100*60/1000 || off > 44100*60/1000 {
					t.Fatalf("unit %d is %d samples off its stamp", i, off)
				}
			}
			if h := d.session.Health(); h.Resyncs > c.resyncs || (c.ppm != 0 && h.Resyncs == 0) {
				t.Errorf("%d resyncs in ten minutes", h.Resyncs)
			}
		})
	}
}

func TestSoundGoesAheadWhereNoPictureComes(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	d.declare(video(), audio())
	for i := range int64(200) {
		d.write(ingest.Frame{Track: 2, DTS: i * 1024 * 1000 / 44100, Payload: [][]byte{{0x21, 0}}})
		d.now = d.now.Add(1024 * time.Second / 44100)
	}
	stream, err := d.hub.Stream("broadcast")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.Stats().Units; n < 100 || n > 120 {
		t.Errorf("%d units, want those after two seconds", n)
	}
}

func TestBFramesAreSeenInTheFirstGroup(t *testing.T) {
	t.Parallel()
	for name, frames := range map[string][]ingest.Frame{
		"by their slices": {{Payload: [][]byte{slice}, DTS: 33}, {Payload: [][]byte{sliceB}, DTS: 66}},
		"by their stamps": {{Payload: [][]byte{slice}, DTS: 33, CTS: 66}, {Payload: [][]byte{slice}, DTS: 66, CTS: 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			d.declare(video())
			d.write(ingest.Frame{Track: 1, Payload: [][]byte{spsTall, pps, idr}})
			for _, f := range frames {
				if d.session.Health().BFrames {
					t.Error("seen too early")
				}
				f.Track = 1
				d.write(f)
			}
			if !d.session.Health().BFrames {
				t.Error("not seen")
			}
		})
	}
}

func TestLimitsEndASession(t *testing.T) {
	t.Parallel()
	many := make([]ingest.Source, 9)
	for i := range many {
		many[i] = video()
		many[i].Track.ID = i + 1
	}
	wrong := audio()
	wrong.Track.Codec = "mp3"
	for name, c := range map[string]struct {
		config  ingest.Config
		sources []ingest.Source
		want    error
	}{
		"too many tracks":   {ingest.Config{}, many, ingest.ErrTracks},
		"no track":          {ingest.Config{}, nil, ingest.ErrTracks},
		"an unknown codec":  {ingest.Config{}, []ingest.Source{wrong}, ingest.ErrCodec},
		"a large picture":   {ingest.Config{PixelsMax: 640 * 480}, []ingest.Source{video()}, ingest.ErrResolution},
		"too many bits":     {ingest.Config{BitrateMax: 100_000}, []ingest.Source{video()}, ingest.ErrBitrate},
		"a broken AAC head": {ingest.Config{}, []ingest.Source{{StampRate: 1000, Track: streaming.Track{ID: 1, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 44100}}}, ingest.ErrCodec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.config)
			err := d.session.Declare(t.Context(), c.sources)
			for i := int64(0); err == nil && i < 300; i++ {
				err = d.session.Write(ingest.Frame{Track: 1, DTS: i * 33, Payload: [][]byte{spsTall, pps, append(idr[:5:5], make([]byte, 4000)...)}})
				d.now = d.now.Add(time.Second / 30)
			}
			if !errors.Is(err, c.want) || !errors.Is(d.session.Err(), c.want) {
				t.Errorf("ended with %v", err)
			}
			select {
			case <-d.session.Done():
			default:
				t.Error("Done is open")
			}
		})
	}
}

// Bounds of one shop, channel or key are narrower than everybody's, never wider.
func TestLimitsOfAKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits []ingest.Limit
		want   error
	}{
		"another's":            {[]ingest.Limit{{Of: "other", PixelsMax: 1}, {PixelsMax: 1}}, nil},
		"the channel's":        {[]ingest.Limit{{Of: "channel", PixelsMax: 640 * 480}}, ingest.ErrResolution},
		"the key's":            {[]ingest.Limit{{Of: "key", TracksMax: 1}}, ingest.ErrTracks},
		"a wider one":          {[]ingest.Limit{{Of: "key", TracksMax: 100, PixelsMax: 1 << 30}}, nil},
		"the narrowest counts": {[]ingest.Limit{{Of: "key", PixelsMax: 1 << 29}, {Of: "channel", PixelsMax: 100}}, ingest.ErrResolution},
	} {
		d := open(t, ingest.Config{Limits: c.limits})
		err := d.session.Declare(t.Context(), []ingest.Source{video(), audio()})
		if err == nil {
			err = d.session.Write(ingest.Frame{Track: 1, Payload: [][]byte{spsTall, pps, idr}})
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoMayComeIn(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{SessionsMax: 2})
	for key, want := range map[string]error{"": ingest.ErrRefused, "wrong": ingest.ErrRefused} {
		if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: key}); !errors.Is(err, want) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "broken"}); err == nil || errors.Is(err, ingest.ErrRefused) {
		t.Errorf("a store that is away: %v", err)
	}
	d.admit()
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "good"}); !errors.Is(err, ingest.ErrFull) {
		t.Errorf("a third session: %v", err)
	}
}

func TestARestingChannelTakesNobody(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	d.resting = streaming.ErrResting
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "good"}); !errors.Is(err, streaming.ErrResting) {
		t.Errorf("%v", err)
	}
	d.resting = errors.New("the store is away")
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "good"}); !errors.Is(err, d.resting) {
		t.Errorf("%v", err)
	}
	d.resting = nil
	d.admit()
}

// TestAKeyThatIsRevokedAtTheDoorOpensNothing rotates a key after it was found good and before its session is there to
// be kicked.
func TestAKeyThatIsRevokedAtTheDoorOpensNothing(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	calls := 0
	d.asked = func() error {
		if calls++; calls > 1 {
			return ingest.ErrRefused
		}
		d.sessions.Kick("channel", "key")
		return nil
	}
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "good"}); !errors.Is(err, ingest.ErrRefused) || calls != 2 {
		t.Errorf("asked %d times: %v", calls, err)
	}
	d.asked = func() error { return nil } // another key's rotation lets it in after all
	d.admit()
}

func TestWhySessionsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(d *desk)
		want error
	}{
		"its key was rotated":     {func(d *desk) { d.sessions.Kick("channel", "key") }, ingest.ErrKicked},
		"every key was":           {func(d *desk) { d.sessions.Kick("channel", "") }, ingest.ErrKicked},
		"the broadcast was ended": {func(d *desk) { d.hub.End("broadcast") }, streaming.ErrEnded},
		"a newer publisher came": {func(d *desk) {
			second := d.admit()
			if err := second.Declare(d.t.Context(), []ingest.Source{video()}); err != nil {
				d.t.Error(err)
			}
			if err := second.Write(ingest.Frame{Track: 1, Payload: [][]byte{spsTall, pps, idr}}); err != nil {
				d.t.Error(err)
			}
		}, streaming.ErrDisplaced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, ingest.Config{})
			d.declare(video(), audio())
			d.play(0, 30, spsTall)
			if d.sessions.Kick("channel", "another key") != 0 || d.sessions.Kick("another channel", "") != 0 {
				t.Error("the wrong session was kicked")
			}
			c.do(d)
			<-d.session.Done()
			if err := d.session.Err(); !errors.Is(err, c.want) {
				t.Errorf("it ended with %v", err)
			}
			if err := d.session.Write(ingest.Frame{Track: 1, DTS: 5000, Payload: [][]byte{slice}}); err == nil {
				t.Error("it still writes")
			}
		})
	}
}

func TestRunEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.sessions.Run(ctx) }()
	cancel()
	<-d.session.Done()
	d.session.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := d.sessions.Admit(t.Context(), ingest.Request{StreamKey: "good"}); !errors.Is(err, ingest.ErrStopping) {
		t.Errorf("%v", err)
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	d := &ingest.Doors{AllMax: 5, PerAddressMax: 3, HalfOpenMax: 2, FailedMax: 2, LoopbackFree: true, Now: func() time.Time { return now }}
	a := ingest.PrefixOf(netip.MustParseAddr("2001:db8::1"))
	if b := ingest.PrefixOf(netip.MustParseAddr("2001:db8::2")); a != b {
		t.Error("two addresses of one /64 differ")
	}
	enter := func(p netip.Prefix, ok bool) {
		t.Helper()
		if refusal := d.Enter(p); (refusal == "") != ok {
			t.Errorf("%q", refusal)
		}
	}
	enter(a, true)
	enter(a, true)
	enter(a, false) // half-open
	d.Admitted(a)
	enter(a, true)
	d.Admitted(a)
	enter(a, false) // per address
	d.Leave(a, true, false)
	d.Leave(a, true, false)
	d.Leave(a, false, true)
	enter(a, true)
	d.Leave(a, false, true)
	enter(a, false) // failed
	now = now.Add(2 * time.Minute)
	enter(a, true)
	d.Leave(a, false, false)
	loopback := ingest.PrefixOf(netip.MustParseAddr("127.0.0.1"))
	for range 5 {
		enter(loopback, true)
	}
	enter(loopback, false) // in all
}

func TestAnEncoderWithoutKeyPicturesIsTold(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	source := video()
	source.Track.Config = unhex("014d401fffe10019" + hex.EncodeToString(spsTall) + "010005" + hex.EncodeToString(pps))
	d.declare(source)
	for i := range int64(330) {
		d.write(ingest.Frame{Track: 1, DTS: i * 33, Payload: [][]byte{slice}})
		d.now = d.now.Add(time.Second / 30)
	}
	if h := d.session.Health(); h.Fault == "" || h.Frames != 0 {
		t.Errorf("health %+v", h)
	}
}

// HE-AAC is told from AAC-LC also where only the units know, as in ADTS.
func TestHEIsFoundInItsUnits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   string
		config []byte
		rate   int
		want   string
	}{
		"HE-AAC":    {"he.adts", []byte{0x13, 0x10}, 24000, "HE"},
		"HE-AAC v2": {"he2.adts", []byte{0x13, 0x08}, 24000, "HE"},
		"AAC-LC":    {"surround.adts", []byte{0x11, 0xb0}, 48000, "LC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join("..", "streaming", "audio", "testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			d := open(t, ingest.Config{})
			d.declare(ingest.Source{StampRate: 1000, Track: streaming.Track{
				ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: c.rate, Config: c.config,
			}})
			for n := int64(0); len(raw) > 0; n++ {
				size := int(raw[3]&3)<<11 | int(raw[4])<<3 | int(raw[5])>>5
				d.write(ingest.Frame{Track: 2, DTS: n * 1024 * 1000 / int64(c.rate), Payload: [][]byte{raw[7:size]}})
				raw = raw[size:]
			}
			if h := d.session.Health(); h.AudioProfile != c.want {
				t.Errorf("%q of %d frames", h.AudioProfile, h.Frames)
			}
		})
	}
}
