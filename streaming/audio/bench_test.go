package audio

import (
	"testing"

	"github.com/hawkerlive/hawker/streaming"
)

// BenchmarkBridge reports the time spent per second of sound, as a share of one core.
func BenchmarkBridge(b *testing.B) {
	for name, c := range map[string]struct {
		source streaming.Track
		to     streaming.Codec
		units  []*streaming.Unit
	}{
		"AACToOpus": {aacTrack(b, 44100, 2), streaming.Opus, aacUnits(b, 44100, 2, tone(44100, 2, 5, 0, 5))},
		"OpusToAAC": {opusTrack(2), streaming.AAC, opusUnits(b, 2, tone(48000, 2, 5, 0, 5))},
	} {
		b.Run(name, func(b *testing.B) {
			target, err := Translate(c.source, c.to, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				p, err := newPipe(c.source, target, nil, func(int64, []byte) {}, func(err error) { b.Error(err) })
				if err != nil {
					b.Fatal(err)
				}
				for _, u := range c.units {
					p.write(u)
				}
				p.close()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/5*100, "%core")
		})
	}
}
