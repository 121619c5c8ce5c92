package transcode

import (
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/hawkerlive/hawker/streaming"
)

const rungTrackID = 1

// output takes one rung's pictures from ffmpeg and puts them on air.
type output struct {
	generation int
	shift      int64
	layer      *streaming.RenditionPublication
	wrote      func()

	begun bool
	raw   int64 // the last stamp as it came, 33 bits
	ticks int64 // the same unwrapped
	first bool
}

// copy reads MPEG-TS until its end.
func (o *output) copy(r io.Reader) error {
	reader := &mpegts.Reader{R: r}
	if err := reader.Initialize(); err != nil {
		return fmt.Errorf("read ffmpeg's output: %w", err)
	}
	for _, t := range reader.Tracks() {
		if _, ok := t.Codec.(*codecs.H264); ok {
			reader.OnDataH264(t, o.picture)
		}
	}
	for {
		if err := reader.Read(); err != nil {
			return err
		}
	}
}

func (o *output) picture(pts, dts int64, au [][]byte) error {
	u := &streaming.Unit{Track: rungTrackID, Key: h264.IsRandomAccess(au)}
	u.DTS = o.unwrap(dts)
	u.PTS = u.DTS + sign33(pts-dts)
	for _, nal := range au {
		switch h264.NALUType(nal[0] & 0x1f) {
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
		default:
			u.Payload = append(u.Payload, nal)
		}
	}
	if len(u.Payload) == 0 || !o.begun && !u.Key {
		return nil
	}
	if !o.begun {
		if err := o.begin(u); err != nil {
			return err
		}
	}
	if err := o.layer.Write(u); err != nil {
		return err
	}
	o.wrote()
	return nil
}

func (o *output) begin(u *streaming.Unit) error {
	s, err := newSource(streaming.H264, u)
	if err != nil {
		return err
	}
	track := streaming.Track{
		ID: rungTrackID, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate, Config: record(s.sets[0], s.sets[1]),
	}
	if err := o.layer.Begin(o.generation, track); err != nil {
		return err
	}
	o.begun = true
	return nil
}

// unwrap undoes the wrap of MPEG-TS stamps at 2^33 and the shift.
func (o *output) unwrap(raw int64) int64 {
	if !o.first {
		o.first, o.raw, o.ticks = true, raw, raw
	}
	o.ticks += sign33(raw - o.raw)
	o.raw = raw
	return o.ticks - o.shift
}

// sign33 reads the difference of two 33-bit stamps as the nearest.
func sign33(d int64) int64 {
	d &= 1<<33 - 1
	if d >= 1<<32 {
		d -= 1 << 33
	}
	return d
}

// record is the AVCDecoderConfigurationRecord (ISO 14496-15 section 5.3.3.1) of parameter sets in main profile.
func record(sps, pps []byte) []byte {
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1, byte(len(sps) >> 8), byte(len(sps))}
	b = append(b, sps...)
	b = append(b, 1, byte(len(pps)>>8), byte(len(pps)))
	return append(b, pps...)
}
