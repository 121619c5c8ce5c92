package audio

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/hawkerlive/hawker/streaming"
)

// accessUnits reads a file of ADTS: a burst of 1 kHz from 0.5 s to 1.5 s, coded by FDK AAC and, with six channels, by
// ffmpeg.
func accessUnits(t testing.TB, name string) (units [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for len(raw) > 0 {
		n := int(raw[3]&3)<<11 | int(raw[4])<<3 | int(raw[5])>>5
		units, raw = append(units, raw[adtsHeader:n]), raw[n:]
	}
	return units
}

func described(t testing.TB, c mpeg4audio.AudioSpecificConfig) streaming.Track {
	t.Helper()
	config, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: c.SampleRate, Config: config}
}

const (
	lc  = mpeg4audio.ObjectTypeAACLC
	sbr = mpeg4audio.ObjectTypeSBR
	ps  = mpeg4audio.ObjectTypePS
)

// What is not decoded in process is heard by WebRTC viewers all the same, when it was said.
func TestHEAndSurroundAreHeard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file     string
		config   mpeg4audio.AudioSpecificConfig
		channels int
		onset    float64 // as ffmpeg decodes the file
		failures int
	}{
		"HE-AAC":                        {"he.adts", mpeg4audio.AudioSpecificConfig{Type: lc, SampleRate: 24000, ChannelConfig: 2, ExtensionType: sbr, ExtensionSampleRate: 48000}, 2, 0.6054, 0},
		"HE-AAC that is not said to be": {"he.adts", mpeg4audio.AudioSpecificConfig{Type: lc, SampleRate: 24000, ChannelConfig: 2}, 2, 0.6054, 1},
		"HE-AAC v2":                     {"he2.adts", mpeg4audio.AudioSpecificConfig{Type: lc, SampleRate: 24000, ChannelConfig: 1, ExtensionType: ps, ExtensionSampleRate: 48000}, 2, 0.6481, 0},
		"5.1":                           {"surround.adts", mpeg4audio.AudioSpecificConfig{Type: lc, SampleRate: 48000, ChannelConfig: 6}, 2, 0.5215, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, foreign := described(t, c.config), &Foreign{}
			target, err := Translate(source, streaming.Opus, foreign)
			if err != nil || int(target.Config[0]) != c.channels {
				t.Fatalf("%+v %v", target, err)
			}
			var out []*streaming.Unit
			failures := 0
			p, err := newPipe(source, target, foreign, func(pts int64, frame []byte) {
				out = append(out, &streaming.Unit{Track: 2, PTS: pts, DTS: pts, Payload: [][]byte{frame}})
			}, func(err error) { t.Log(err); failures++ })
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			const first = 10_000 // ticks; a publication need not begin at 0
			stamp := int64(first)
			for range 2 { // more at once than may be on their way
				for _, au := range accessUnits(t, c.file) {
					p.write(&streaming.Unit{Track: 2, PTS: stamp, Payload: [][]byte{au}})
					stamp += aacFrame
				}
			}
			arrive(t, p, 1)
			if failures != c.failures {
				t.Errorf("%d failures", failures)
			}
			contiguous(t, out, opusFrame)
			pcm, zero := hear(t, target, out)
			zero -= float64(first) / float64(source.ClockRate)
			if got := onset(pcm, streaming.OpusClockRate, c.channels, zero); math.Abs(got-c.onset) > 0.01 || math.IsNaN(got) {
				t.Errorf("the burst begins at %.4f s, want %.4f", got, c.onset)
			}
			at := func(s float64) int { return int((s-zero)*streaming.OpusClockRate) * c.channels }
			if loud := rms(pcm[at(c.onset+0.2):at(c.onset+0.8)]); loud < 0.1 {
				t.Errorf("the burst has an RMS of %.3f", loud)
			}
		})
	}
}

// arrive takes out what ffmpeg makes until no more than so many units are on their way.
func arrive(t *testing.T, p *pipe, left int) {
	t.Helper()
	for a := p.abroad; len(a.stamps) > left; a.stamps = a.stamps[1:] {
		pcm, ok := <-a.child.out
		if !ok {
			t.Fatal("ffmpeg has ended")
		}
		if p.place(a.stamps[0] * int64(a.form.scale)) {
			p.take(pcm)
		}
	}
}

func TestForeignDecodersAreFewAndMayEnd(t *testing.T) {
	t.Parallel()
	f := &Foreign{Most: 1}
	config := form{rate: 24000, scale: 2, channels: 2, layout: 2}
	units := accessUnits(t, "he.adts")
	a, b := &abroad{foreign: f, form: config}, &abroad{foreign: f, form: config}
	nothing := func(int64, []float32) {}
	if err := a.put(0, units[0], nothing); err != nil {
		t.Fatal(err)
	}
	if err := b.put(0, units[0], nothing); !errors.Is(err, errForeignBusy) {
		t.Fatalf("two at a time: %v", err)
	}
	a.child.cancel() // as if it were killed
	for range a.child.out {
		continue
	}
	if err := a.put(0, units[1], nothing); !errors.Is(err, errForeignGone) {
		t.Fatalf("one that has ended: %v", err)
	}
	for range foreignRest {
		if err := a.put(0, units[0], nothing); !errors.Is(err, errForeignGone) {
			t.Fatalf("before its rest is over: %v", err)
		}
	}
	if err := a.put(0, units[0], nothing); err != nil || a.child == nil {
		t.Fatalf("after its rest: %v", err)
	}
	a.close()
	b.close()
	if f.running != 0 {
		t.Errorf("%d are counted still", f.running)
	}
	none := &abroad{foreign: &Foreign{Program: filepath.Join(t.TempDir(), "none")}, form: config}
	if err := none.put(0, units[0], nothing); !errors.Is(err, ErrUnsupportedAudio) {
		t.Errorf("without ffmpeg: %v", err)
	}
}
