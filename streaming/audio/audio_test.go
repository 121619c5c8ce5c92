package audio

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/prometheus/client_golang/prometheus"
	aac "github.com/tphakala/go-aac"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tone is a signal that is silent but for a burst of 1 kHz; its onset and end can be found in any copy of it.
func tone(rate, channels int, seconds, from, until float64) []float32 {
	pcm := make([]float32, int(seconds*float64(rate))*channels)
	for i := range len(pcm) / channels {
		if at := float64(i) / float64(rate); at >= from && at < until {
			for c := range channels {
				pcm[i*channels+c] = float32(0.5 * math.Sin(2*math.Pi*1000*at))
			}
		}
	}
	return pcm
}

// onset is the time of the first sample louder than a fifth of full scale, given the time of sample 0.
func onset(pcm []float32, rate, channels int, zero float64) float64 {
	for i := range len(pcm) / channels {
		if math.Abs(float64(pcm[i*channels])) > 0.2 {
			return zero + float64(i)/float64(rate)
		}
	}
	return math.NaN()
}

// rms of a stretch.
func rms(pcm []float32) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(pcm))))
}

func aacTrack(t testing.TB, rate, channels int) streaming.Track {
	t.Helper()
	config, err := mpeg4audio.AudioSpecificConfig{
		Type: mpeg4audio.ObjectTypeAACLC, SampleRate: rate, ChannelConfig: uint8(channels),
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: rate, Config: config}
}

func opusTrack(channels int) streaming.Track {
	return streaming.Track{
		ID: 2, Kind: streaming.Audio, Codec: streaming.Opus, ClockRate: streaming.OpusClockRate, Config: []byte{byte(channels)},
	}
}

// aacUnits codes a signal as an encoder would that stamps its units with what is heard when.
func aacUnits(t testing.TB, rate, channels int, pcm []float32) (units []*streaming.Unit) {
	t.Helper()
	enc, err := aac.NewEncoder(aac.EncoderConfig{SampleRate: rate, Channels: channels, Bitrate: 128_000})
	if err != nil {
		t.Fatal(err)
	}
	planes := make([][]float32, channels)
	pts := int64(-aac.EncoderDelay)
	for at := 0; at+aacFrame <= len(pcm)/channels; at += aacFrame {
		for c := range channels {
			planes[c] = make([]float32, aacFrame)
			for i := range aacFrame {
				planes[c][i] = pcm[(at+i)*channels+c]
			}
		}
		au, err := enc.EncodeFrame(nil, planes)
		if err != nil {
			t.Fatal(err)
		}
		if len(au) > 0 {
			units = append(units, &streaming.Unit{Track: 2, PTS: pts, DTS: pts, Key: true, Payload: [][]byte{au}})
			pts += aacFrame
		}
	}
	return units
}

func opusUnits(t testing.TB, channels int, pcm []float32) (units []*streaming.Unit) {
	t.Helper()
	enc, err := newOpusEncoder(channels)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.close()
	for at := 0; (at+opusFrame)*channels <= len(pcm); at += opusFrame {
		packet, err := enc.encode(pcm[at*channels : (at+opusFrame)*channels])
		if err != nil {
			t.Fatal(err)
		}
		pts := int64(at - opusLookahead)
		units = append(units, &streaming.Unit{Track: 2, PTS: pts, DTS: pts, Key: true, Payload: [][]byte{packet}})
	}
	return units
}

// hear decodes units and tells the time of the first sample.
func hear(t *testing.T, track streaming.Track, units []*streaming.Unit) (pcm []float32, zero float64) {
	t.Helper()
	var dec decoder
	var err error
	if track.Codec == streaming.Opus {
		dec, err = newOpusDecoder(track)
	} else {
		dec, err = newAACDecoder(track)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer dec.close()
	for _, u := range units {
		if pcm, err = dec.decode(pcm, u.Payload[0]); err != nil {
			t.Fatal(err)
		}
	}
	return pcm, float64(units[0].PTS) / float64(track.ClockRate)
}

// through pipes units and returns what comes out.
func through(t *testing.T, source streaming.Track, to streaming.Codec, units []*streaming.Unit) (streaming.Track, []*streaming.Unit) {
	t.Helper()
	target, err := Translate(source, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []*streaming.Unit
	p, err := newPipe(source, target, nil, func(pts int64, frame []byte) {
		out = append(out, &streaming.Unit{Track: 2, PTS: pts, DTS: pts, Payload: [][]byte{frame}})
	}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, u := range units {
		p.write(u)
	}
	return target, out
}

func contiguous(t *testing.T, units []*streaming.Unit, frame int64) {
	t.Helper()
	for i, u := range units[1:] {
		if u.PTS != units[i].PTS+frame {
			t.Fatalf("unit %d is stamped %d after %d, want steps of %d", i+1, u.PTS, units[i].PTS, frame)
		}
	}
}

func TestTheSoundStaysWhereItWas(t *testing.T) {
	t.Parallel()
	const from, until, tolerance = 1.0, 1.5, 0.002
	for name, c := range map[string]struct {
		rate, channels int
		to             streaming.Codec
	}{
		"AAC 48 kHz stereo to Opus":   {48000, 2, streaming.Opus},
		"AAC 48 kHz mono to Opus":     {48000, 1, streaming.Opus},
		"AAC 44.1 kHz stereo to Opus": {44100, 2, streaming.Opus},
		"AAC 44.1 kHz mono to Opus":   {44100, 1, streaming.Opus},
		"Opus stereo to AAC":          {48000, 2, streaming.AAC},
		"Opus mono to AAC":            {48000, 1, streaming.AAC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signal := tone(c.rate, c.channels, 2, from, until)
			source, frame := aacTrack(t, c.rate, c.channels), int64(opusFrame)
			units := []*streaming.Unit(nil)
			if c.to == streaming.AAC {
				source, frame = opusTrack(c.channels), aacFrame
				units = opusUnits(t, c.channels, signal)
			} else {
				units = aacUnits(t, c.rate, c.channels, signal)
			}
			target, out := through(t, source, c.to, units)
			contiguous(t, out, frame)
			pcm, zero := hear(t, target, out)
			at := onset(pcm, target.ClockRate, c.channels, zero)
			if math.IsNaN(at) || math.Abs(at-from) > tolerance {
				t.Errorf("the tone began at %.4f s, want %.1f s", at, from)
			}
			loud := pcm[int((from+0.1-zero)*float64(target.ClockRate))*c.channels : int((until-0.1-zero)*float64(target.ClockRate))*c.channels]
			if level := rms(loud); math.Abs(level-0.5/math.Sqrt2) > 0.05 {
				t.Errorf("the tone's level is %.3f, want %.3f", level, 0.5/math.Sqrt2)
			}
			t.Logf("onset error %.2f ms", 1000*(at-from))
		})
	}
}

func TestAHoleBecomesSilenceAndAnOverlapIsLeftOut(t *testing.T) {
	t.Parallel()
	signal := tone(48000, 2, 3, 2, 2.5)
	units := aacUnits(t, 48000, 2, signal)
	// Six units are lost in the first second, and from the 60th on the publisher's stamps are 300 samples early.
	units = append(units[:20:20], units[26:]...)
	for _, u := range units[60:] {
		u.PTS -= 300
	}
	target, out := through(t, aacTrack(t, 48000, 2), streaming.Opus, units)
	contiguous(t, out, opusFrame)
	pcm, zero := hear(t, target, out)
	if at := onset(pcm, 48000, 2, zero); math.Abs(at-(2-300.0/48000)) > 0.002 {
		t.Errorf("the tone began at %.4f s", at)
	}
}

func TestALongHoleStaysAHole(t *testing.T) {
	t.Parallel()
	units := aacUnits(t, 48000, 2, tone(48000, 2, 2, 0, 2))
	for _, u := range units[40:] {
		u.PTS += 5 * 48000
	}
	_, out := through(t, aacTrack(t, 48000, 2), streaming.Opus, units)
	holes := 0
	for i, u := range out[1:] {
		if step := u.PTS - out[i].PTS; step != opusFrame {
			holes++
			if step < 4*48000 {
				t.Errorf("a step of %d samples", step)
			}
		}
	}
	if holes != 1 {
		t.Errorf("%d holes, want 1", holes)
	}
}

// panicky panics on some units.
type panicky struct {
	decoder
	n int
}

func (p *panicky) decode(dst []float32, unit []byte) ([]float32, error) {
	p.n++
	if p.n%10 == 5 {
		panic("broken on purpose")
	}
	return p.decoder.decode(dst, unit)
}

func TestAPanicCostsOneUnitOfSilence(t *testing.T) {
	t.Parallel()
	source := aacTrack(t, 48000, 2)
	target, err := Translate(source, streaming.Opus, nil)
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	var out []*streaming.Unit
	p, err := newPipe(source, target, nil, func(pts int64, frame []byte) {
		out = append(out, &streaming.Unit{PTS: pts, Payload: [][]byte{frame}})
	}, func(error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.dec = &panicky{decoder: p.dec}
	units := aacUnits(t, 48000, 2, tone(48000, 2, 2, 0, 2))
	for _, u := range units {
		p.write(u)
	}
	contiguous(t, out, opusFrame)
	if want := (len(units) + 5) / 10; failures != want {
		t.Errorf("%d failures told, want %d", failures, want)
	}
	if got, want := len(out), len(units)*aacFrame/opusFrame; got < want-1 {
		t.Errorf("%d packets came out, want %d", got, want)
	}
}

func TestUnsupportedAudioIsNamed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string][]byte{
		"HE-AAC":             {0x2b, 0x92, 0x08, 0x00},
		"AAC Main":           {0x0a, 0x10},
		"5.1":                {0x11, 0xb0},
		"no config":          {},
		"a channel-less one": {0x11, 0x80},
	} {
		_, err := Translate(streaming.Track{Codec: streaming.AAC, ClockRate: 48000, Config: config}, streaming.Opus, nil)
		if !errors.Is(err, ErrUnsupportedAudio) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Translate(streaming.Track{Codec: streaming.Opus, Config: []byte{6}}, streaming.AAC, nil); !errors.Is(err, ErrUnsupportedAudio) {
		t.Errorf("Opus 5.1: %v", err)
	}
}

// onAir publishes tracks and returns the stream.
func onAir(t *testing.T, hub *streaming.Hub, tracks ...streaming.Track) *streaming.Publication {
	t.Helper()
	p, err := hub.Publish(t.Context(), "b", tracks)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestALegIsSharedAndFollowsGenerations(t *testing.T) {
	t.Parallel()
	hub := &streaming.Hub{}
	aacSource := aacTrack(t, 44100, 2)
	p := onAir(t, hub, aacSource)
	units := aacUnits(t, 44100, 2, tone(44100, 2, 1, 0, 1))
	if err := p.Write(units[0]); err != nil {
		t.Fatal(err)
	}
	s, err := hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	legs := &Legs{Metrics: NewMetrics(prometheus.NewRegistry()), Linger: time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- legs.Run(ctx) }()
	a, err := legs.Open(s, streaming.Opus)
	if err != nil {
		t.Fatal(err)
	}
	b, err := legs.Open(s, streaming.Opus)
	if err != nil {
		t.Fatal(err)
	}
	if a.bridge != b.bridge {
		t.Error("two legs of one stream and codec do not share a bridge")
	}
	b.Close()
	r := a.SubscribeFrom(0)
	defer r.Close()
	for _, u := range units[1:] {
		if err := p.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	track, ok := a.Track(1)
	if !ok || track.Codec != streaming.Opus || track.ClockRate != 48000 || track.ID != 2 {
		t.Fatalf("the leg's track is %+v, %v", track, ok)
	}
	first, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at := track.Time(first.PTS); at < -30_000 || at > 0 {
		t.Errorf("the first packet is at media time %d", at)
	}
	// A publisher that sends Opus takes over: its packets pass through.
	q := onAir(t, hub, opusTrack(2))
	packets := opusUnits(t, 2, tone(48000, 2, 0.2, 0, 0.2))
	for _, u := range packets {
		if err := q.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	for {
		u, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u.Generation == 2 {
			if !bytes.Equal(u.Payload[0], packets[0].Payload[0]) {
				t.Error("an Opus packet did not pass through as it was")
			}
			break
		}
	}
	hub.End("b")
	for {
		if _, err := r.Next(t.Context()); err != nil {
			if !errors.Is(err, streaming.ErrEnded) {
				t.Errorf("the reader ended with %v", err)
			}
			break
		}
	}
	a.Close()
	a.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := legs.Open(s, streaming.Opus); !errors.Is(err, ErrClosed) {
		t.Errorf("Open after Run gave %v", err)
	}
}

func TestTheLastLegStopsTheBridge(t *testing.T) {
	t.Parallel()
	hub := &streaming.Hub{}
	defer hub.Close()
	p := onAir(t, hub, aacTrack(t, 48000, 2))
	if err := p.Write(aacUnits(t, 48000, 2, tone(48000, 2, 0.1, 0, 1))[0]); err != nil {
		t.Fatal(err)
	}
	s, _ := hub.Stream("b")
	legs := &Legs{Log: slog.New(slog.DiscardHandler), Linger: time.Millisecond}
	leg, err := legs.Open(s, streaming.Opus)
	if err != nil {
		t.Fatal(err)
	}
	r := leg.Subscribe()
	leg.Close()
	for err = nil; err == nil; {
		_, err = r.Next(t.Context())
	}
	if !errors.Is(err, ErrClosed) {
		t.Errorf("the reader ended with %v", err)
	}
	legs.running.Wait()
}

func FuzzAAC(f *testing.F) {
	f.Add([]byte{0x11, 0x90}, []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c})
	f.Add([]byte{0x12, 0x10}, []byte{0xff, 0xff, 0xff})
	f.Add([]byte{0x2b, 0x92, 0x08, 0x00}, []byte{0})
	f.Fuzz(func(t *testing.T, config, unit []byte) {
		rate, _, err := aacShape(config)
		if err != nil {
			return
		}
		source := streaming.Track{ID: 1, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: rate, Config: config}
		dec, err := newAACDecoder(source)
		if err != nil {
			return
		}
		pcm, err := dec.decode(nil, unit)
		if err == nil && len(pcm) > 2*2*aacFrame {
			t.Fatalf("%d samples came of one unit", len(pcm))
		}
	})
}

func FuzzOpus(f *testing.F) {
	f.Add(opusSilence)
	f.Add([]byte{0xfb, 0xff, 0xff})
	f.Add([]byte{0x03, 0x30})
	f.Fuzz(func(t *testing.T, packet []byte) {
		dec, err := newOpusDecoder(opusTrack(2))
		if err != nil {
			t.Fatal(err)
		}
		defer dec.close()
		pcm, err := dec.decode(nil, packet)
		if err == nil && len(pcm) != 2*OpusSamples(packet) {
			t.Fatalf("%d samples came of a packet of %d", len(pcm)/2, OpusSamples(packet))
		}
	})
}
