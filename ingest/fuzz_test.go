package ingest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Parameter sets of x265 at 640x360.
var (
	vps265 = unhex("40010c01ffff01600000030090000003000003003f959809")
	sps265 = unhex("42010101600000030090000003000003003fa00502016965959a4932bc05a020000003002000000303c1")
	pps265 = unhex("4401c172b46240")
	idr265 = []byte{0x26, 0x01, 0xaf, 0x08}
)

func TestH265BringsItsParameterSetsInBand(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	source := video()
	source.Track.Codec = streaming.H265
	d.declare(source)
	d.write(ingest.Frame{Track: 1, Payload: [][]byte{vps265, sps265, pps265, idr265}})
	d.write(ingest.Frame{Track: 1, DTS: 33, Payload: [][]byte{{0x02, 0x01, 0xd0}}})
	d.write(ingest.Frame{Track: 1, DTS: 66, Payload: [][]byte{idr265}})
	if len(d.units) != 3 || !d.units[2].Key || len(d.units[2].Payload) != 4 || d.units[1].Key {
		t.Fatalf("%d units: %+v", len(d.units), d.units)
	}
	stream, _ := d.hub.Stream("broadcast")
	track, _ := stream.Generation().First(streaming.Video)
	// What we wrote is read again as the same.
	d.session.Close()
	d.session = d.admit()
	source.Track.Config = track.Config
	d.declare(source)
	d.write(ingest.Frame{Track: 1, DTS: 0, Payload: [][]byte{idr265}})
	if u := d.units[len(d.units)-1]; u.Generation != 2 || len(u.Payload) != 4 {
		t.Errorf("%+v", u)
	}
	if h := d.session.Health(); h.Width != 640 || h.Height != 360 {
		t.Errorf("%+v", h)
	}
}

func FuzzFrames(f *testing.F) {
	record := unhex("014d401fffe10019674d401fd900b40a1b0110000003001000000303c0f183248001000568ebc3cb20")
	f.Add(byte(0), record, append([]byte{4}, idr...), append([]byte{3}, slice...), int64(33), int64(0))
	f.Add(byte(0), []byte{}, append([]byte{byte(len(spsTall))}, spsTall...), append([]byte{byte(len(pps))}, pps...), int64(1<<31), int64(-5))
	f.Add(byte(1), []byte{}, append([]byte{byte(len(sps265))}, sps265...), append([]byte{byte(len(vps265))}, vps265...), int64(0), int64(0))
	f.Add(byte(2), []byte{}, []byte{11, 0x0a, 0x0b, 0, 0, 0, 0x42, 0xab, 0xbf, 0xc3, 0x70, 0x0b, 0xe0}, []byte{2, 0x32, 0}, int64(0), int64(0))
	f.Add(byte(3), []byte{}, []byte{10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00}, []byte{1, 1}, int64(0), int64(0))
	f.Add(byte(4), []byte{}, []byte{8, 0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xf0}, []byte{1, 0}, int64(0), int64(0))
	f.Add(byte(5), []byte{0x12, 0x10}, []byte{1, 0x21}, []byte{1, 0x21}, int64(23), int64(0))
	f.Add(byte(6), []byte{2}, []byte{3, 0xfc, 0xff, 0xfe}, []byte{1, 3}, int64(20), int64(0))
	codecs := []streaming.Codec{streaming.H264, streaming.H265, streaming.AV1, streaming.VP8, streaming.VP9, streaming.AAC, streaming.Opus}
	f.Fuzz(func(t *testing.T, codec byte, config, first, second []byte, stamp, cts int64) {
		d := open(t, ingest.Config{})
		track := streaming.Track{ID: 1, Kind: streaming.Video, Codec: codecs[int(codec)%len(codecs)], ClockRate: 90000, Config: config}
		switch track.Codec {
		case streaming.AAC:
			track.Kind, track.ClockRate = streaming.Audio, 44100
		case streaming.Opus:
			track.Kind, track.ClockRate = streaming.Audio, 48000
		}
		if d.session.Declare(t.Context(), []ingest.Source{{StampRate: 1000, Track: track}}) != nil {
			return
		}
		frames := [][][]byte{split(first), split(second), split(slices.Concat(first, second)), split(first)}
		for i, payload := range frames {
			at := stamp*int64(i)&0xffffffff + int64(i)
			if d.session.Write(ingest.Frame{Track: 1, DTS: at, CTS: cts % (1 << 23), Payload: payload}) != nil {
				return
			}
			d.now = d.now.Add(time.Second)
		}
		d.take()
		for _, u := range d.units {
			if len(u.Payload) == 0 {
				t.Fatal("an empty unit came on air")
			}
			if track.Codec == streaming.H264 && u.Key && u.Payload[0][0]&0x1f != 7 {
				t.Fatal("a key picture without its parameter sets")
			}
		}
	})
}

// split cuts bytes into elements that stand behind a byte of length.
func split(data []byte) (out [][]byte) {
	for len(data) > 0 {
		n := min(int(data[0]), len(data)-1)
		out = append(out, data[1:1+n])
		data = data[1+n:]
	}
	return out
}
