package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Limits of the wait for the tracks.
const (
	tracksWait   = 500 * time.Millisecond // of media, for a track that nothing announces or that is announced falsely
	framesHeld   = 256
	videoTrackID = 1
	audioTrackID = 2
	stampRate    = 1000
)

// moduli at which encoders' millisecond stamps return to zero: FFmpeg's FLV writer keeps 31 bits, others 32.
var moduli = []int64{1 << 31, 1 << 32}

// intake turns media messages into a session's tracks and frames: it waits until the tracks are known, declares
// them, and declares anew what changes. One goroutine uses it.
type intake struct {
	session ingest.Sink
	refused func(codec error) // told about a coding that is left out

	video, audio *ingest.Source
	lengthSize   int
	wantVideo    bool // announced by the metadata
	wantAudio    bool
	announced    bool
	declared     bool
	held         []ingest.Frame
	firstAt      uint32
	leftOut      map[string]bool
	malformed    int
}

// take reads one message. An error ends the session.
func (i *intake) take(ctx context.Context, m packet) error {
	switch m.kind {
	case typeDataAMF0:
		i.metadata(m.body)
		return nil
	case typeVideo:
		t, err := readVideo(m.body)
		if err != nil {
			return i.leaveOut(err)
		}
		return i.media(ctx, m.stamp, t, &i.video, streaming.Video)
	case typeAudio:
		t, err := readAudio(m.body)
		if err != nil {
			return i.leaveOut(err)
		}
		return i.media(ctx, m.stamp, t, &i.audio, streaming.Audio)
	}
	return nil
}

const malformedMax = 50

// leaveOut passes over what cannot be used: a coding that we do not take is told once, and too many malformed
// messages end the session.
func (i *intake) leaveOut(err error) error {
	if errors.Is(err, errUnsupported) {
		if i.leftOut == nil {
			i.leftOut = map[string]bool{}
		}
		if name := err.Error(); !i.leftOut[name] && len(i.leftOut) < 8 {
			i.leftOut[name] = true
			i.refused(err)
		}
		return nil
	}
	if i.malformed++; i.malformed > malformedMax {
		return err
	}
	return nil
}

func (i *intake) media(ctx context.Context, stamp uint32, t tag, source **ingest.Source, kind streaming.Kind) error {
	if t.track != 0 || t.kind == tagNone {
		return nil // further tracks of a multitrack stream are not ours to show yet
	}
	if t.kind == tagConfig {
		return i.configure(ctx, t, source, kind)
	}
	if *source == nil && (t.codec == streaming.VP8 || t.codec == streaming.VP9) {
		if err := i.configure(ctx, t, source, kind); err != nil {
			return err
		}
	}
	if *source == nil || (*source).Track.Codec != t.codec {
		return nil // frames before their configuration
	}
	f := ingest.Frame{Track: (*source).Track.ID, DTS: int64(stamp), CTS: t.cts}
	var err error
	switch t.codec {
	case streaming.H264, streaming.H265:
		f.Payload, err = splitNALs(t.data, i.lengthSize)
	case streaming.AV1:
		f.Payload, err = splitOBUs(t.data)
	default:
		f.Payload = [][]byte{t.data}
	}
	if err != nil {
		return i.leaveOut(err)
	}
	if i.declared {
		return i.session.Write(f)
	}
	return i.hold(ctx, stamp, f)
}

// hold keeps the first frames until the tracks are known.
func (i *intake) hold(ctx context.Context, stamp uint32, f ingest.Frame) error {
	if len(i.held) == 0 {
		i.firstAt = stamp
	}
	i.held = append(i.held, f)
	waited := time.Duration(int32(stamp-i.firstAt)) * time.Millisecond
	complete := i.video != nil && i.audio != nil ||
		i.announced && (!i.wantVideo || i.video != nil) && (!i.wantAudio || i.audio != nil)
	if !complete && waited < tracksWait && len(i.held) < framesHeld {
		return nil
	}
	if err := i.declare(ctx); err != nil {
		return err
	}
	held := i.held
	i.held = nil
	for _, f := range held {
		if err := i.session.Write(f); err != nil {
			return err
		}
	}
	return nil
}

func (i *intake) declare(ctx context.Context) error {
	var sources []ingest.Source
	for _, s := range []*ingest.Source{i.video, i.audio} {
		if s != nil {
			sources = append(sources, *s)
		}
	}
	if err := i.session.Declare(ctx, sources); err != nil {
		return err
	}
	i.declared = true
	return nil
}

// configure takes a decoder configuration: the first one, the same again, or a new one.
func (i *intake) configure(ctx context.Context, t tag, source **ingest.Source, kind streaming.Kind) error {
	s, lengthSize, err := describe(t, kind)
	if err != nil {
		return i.leaveOut(err)
	}
	if *source != nil && (*source).Track.Codec == s.Track.Codec && bytes.Equal((*source).Track.Config, s.Track.Config) {
		return nil
	}
	if kind == streaming.Video {
		i.lengthSize = lengthSize
	}
	*source = &s
	if !i.declared {
		return nil
	}
	return i.declare(ctx)
}

// describe makes a source of a configuration. The config is the session's to keep.
func describe(t tag, kind streaming.Kind) (s ingest.Source, lengthSize int, err error) {
	s = ingest.Source{StampRate: stampRate, Track: streaming.Track{
		ID: videoTrackID, Kind: kind, Codec: t.codec, ClockRate: streaming.VideoClockRate, Config: t.data,
	}}
	lengthSize = 4
	switch t.codec {
	case streaming.H264:
		if len(t.data) < 7 {
			return s, 0, errTag
		}
		lengthSize = int(t.data[4]&3) + 1
	case streaming.H265:
		if len(t.data) < 23 {
			return s, 0, errTag
		}
		lengthSize = int(t.data[21]&3) + 1
	case streaming.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if err := c.Unmarshal(t.data); err != nil {
			return s, 0, fmt.Errorf("%w: AudioSpecificConfig: %w", errTag, err)
		}
		s.Track.ID, s.Track.ClockRate = audioTrackID, c.SampleRate
	case streaming.Opus:
		var h opus.IDHeader
		if err := h.Unmarshal(t.data); err != nil {
			return s, 0, fmt.Errorf("%w: Opus header: %w", errTag, err)
		}
		s.Track.ID, s.Track.ClockRate, s.Track.Config = audioTrackID, streaming.OpusClockRate, []byte{h.ChannelCount}
	default: // their frames bring all that is needed
		s.Track.Config = nil
	}
	return s, lengthSize, nil
}

// metadata reads which tracks onMetaData announces. It may lie: what it says only shortens the wait.
func (i *intake) metadata(body []byte) {
	data, err := amf0.Unmarshal(body)
	if err != nil {
		return
	}
	for _, v := range data {
		var o amf0.Object
		switch v := v.(type) {
		case amf0.Object:
			o = v
		case amf0.ECMAArray:
			o = amf0.Object(v)
		default:
			continue
		}
		_, hasVideo := o.Get("videocodecid")
		_, hasWidth := o.Get("width")
		_, hasAudio := o.Get("audiocodecid")
		i.announced = i.announced || hasVideo || hasAudio
		i.wantVideo = i.wantVideo || hasVideo || hasWidth
		i.wantAudio = i.wantAudio || hasAudio
	}
}
