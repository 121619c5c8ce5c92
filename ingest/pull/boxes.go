package pull

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const samplesMax = 100_000 // of one segment

// boxes turns fragmented MP4 into frames. One goroutine uses it.
type boxes struct {
	sink   ingest.Sink
	tracks map[int]*boxTrack
}

// boxTrack is one track of the file: the first picture track, or the first sound track.
type boxTrack struct {
	source ingest.Source
	sets   [][]byte // what a decoder needs and a key picture may lack
	split  func(payload []byte) ([][]byte, error)
	has    func(units [][]byte) bool
}

// newBoxes reads the header and declares its tracks.
func newBoxes(ctx context.Context, head []byte, sink ingest.Sink) (*boxes, error) {
	var header fmp4.Init
	if err := header.Unmarshal(bytes.NewReader(head)); err != nil {
		return nil, fmt.Errorf("%w: the header of the segments", errMalformed)
	}
	b := &boxes{sink: sink, tracks: map[int]*boxTrack{}}
	var sources []ingest.Source
	taken := map[streaming.Kind]bool{}
	for _, t := range header.Tracks {
		one, ok := describe(t)
		if !ok || taken[one.source.Track.Kind] {
			continue
		}
		taken[one.source.Track.Kind] = true
		b.tracks[t.ID] = one
		sources = append(sources, one.source)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%w: none of %d tracks", ingest.ErrTracks, len(header.Tracks))
	}
	return b, sink.Declare(ctx, sources)
}

func describe(t *fmp4.InitTrack) (*boxTrack, bool) {
	if t.TimeScale == 0 {
		return nil, false
	}
	video := streaming.Track{ID: videoTrack, Kind: streaming.Video, ClockRate: streaming.VideoClockRate}
	audio := streaming.Track{ID: audioTrack, Kind: streaming.Audio}
	out := &boxTrack{split: whole}
	switch c := t.Codec.(type) {
	case *codecs.H264:
		video.Codec, out.sets, out.split = streaming.H264, [][]byte{c.SPS, c.PPS}, lengths
		out.has = func(units [][]byte) bool { return has(units, func(b byte) bool { return b&0x1f == 7 }) }
	case *codecs.H265:
		video.Codec, out.sets, out.split = streaming.H265, [][]byte{c.VPS, c.SPS, c.PPS}, lengths
		out.has = func(units [][]byte) bool { return has(units, func(b byte) bool { return b>>1&0x3f == 33 }) }
	case *codecs.AV1:
		video.Codec, out.sets, out.split = streaming.AV1, [][]byte{c.SequenceHeader}, obus
		out.has = func(units [][]byte) bool { return has(units, func(b byte) bool { return b>>3&0xf == 1 }) }
	case *codecs.VP9:
		video.Codec = streaming.VP9
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			return nil, false
		}
		audio.Codec, audio.Config, audio.ClockRate = streaming.AAC, config, c.Config.SampleRate
	case *codecs.Opus:
		audio.Codec, audio.Config, audio.ClockRate = streaming.Opus, []byte{byte(max(1, min(c.ChannelCount, 255)))}, streaming.OpusClockRate
	default:
		return nil, false
	}
	out.source = ingest.Source{Track: video, StampRate: int(t.TimeScale)}
	if audio.Codec != "" {
		out.source.Track = audio
	}
	return out, true
}

func whole(payload []byte) ([][]byte, error) { return [][]byte{payload}, nil }

func lengths(payload []byte) ([][]byte, error) {
	var units h264.AVCC // H.265 is framed alike
	err := units.Unmarshal(payload)
	return units, err
}

func obus(payload []byte) ([][]byte, error) {
	var units av1.Bitstream
	err := units.Unmarshal(payload)
	return units, err
}

func has(units [][]byte, is func(first byte) bool) bool {
	return slices.ContainsFunc(units, func(u []byte) bool { return len(u) > 0 && is(u[0]) })
}

// timed is a frame with its time, so that tracks which lie one after the other in the file come side by side.
type timed struct {
	at    time.Duration
	frame ingest.Frame
}

// push reads one segment.
func (b *boxes) push(body []byte) error {
	var parts fmp4.Parts
	if err := parts.Unmarshal(body); err != nil {
		return fmt.Errorf("%w: a segment", errMalformed)
	}
	var all []timed
	for _, p := range parts {
		for _, t := range p.Tracks {
			one := b.tracks[t.ID]
			if one == nil {
				continue
			}
			if len(all)+len(t.Samples) > samplesMax {
				return fmt.Errorf("%w: too many samples", errMalformed)
			}
			at := int64(t.BaseTime)
			for _, s := range t.Samples {
				if f, ok := one.frame(s, at); ok {
					all = append(all, timed{mediatime.FromTicks(at, one.source.StampRate).Duration(), f})
				}
				at += int64(s.Duration)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y timed) int { return cmp.Compare(x.at, y.at) })
	for _, one := range all {
		if err := b.sink.Write(one.frame); err != nil {
			return err
		}
	}
	return nil
}

// frame makes a frame of a sample. What cannot be read is left out.
func (t *boxTrack) frame(s *fmp4.Sample, at int64) (ingest.Frame, bool) {
	units, err := t.split(s.Payload)
	if err != nil || len(units) == 0 {
		return ingest.Frame{}, false
	}
	if t.has != nil && !s.IsNonSyncSample && !t.has(units) {
		units = append(slices.Clone(t.sets), units...)
	}
	f := ingest.Frame{Track: t.source.Track.ID, DTS: at, Payload: units}
	if t.source.Track.Kind == streaming.Video {
		f.CTS = int64(s.PTSOffset)
	}
	return f, true
}
