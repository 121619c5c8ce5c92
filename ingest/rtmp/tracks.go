package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

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
	layerTrackID = 16   // and the number that the encoder gave the track
	tracksMax    = 16   // of a kind that are remembered, shown or not
	stampRate    = 1e6  // milliseconds, and what a modifier adds to them
	stampUnit    = 1000 // of a millisecond
)

// moduli at which encoders' stamps return to zero: FFmpeg's FLV writer keeps 31 bits of milliseconds, others 32.
var moduli = []int64{1 << 31 * stampUnit, 1 << 32 * stampUnit}

// intake turns media messages into a session's tracks and frames: it waits until the tracks are known, declares
// them, and declares anew what changes. Of several pictures the first track is the one that is declared, the others
// become renditions; of several sounds the first is shown. One goroutine uses it.
type intake struct {
	session ingest.LayerSink
	refused func(why error) // told about what is left out

	tags      []tag
	video     map[byte]*source
	audio     map[byte]*source
	shown     [2]*source // that were declared: picture and sound
	infos     map[byte]streaming.RenditionInfo
	wantVideo bool // announced by the metadata
	wantAudio bool
	announced bool
	declared  bool
	held      []heldFrame
	firstAt   uint32
	leftOut   map[string]bool
	malformed int
}

// source is one track of a message's numbering.
type source struct {
	ingest.Source
	number     byte
	lengthSize int
	layer      bool // announced as a further picture
	out        bool // left out
}

type heldFrame struct {
	from  *source
	frame ingest.Frame
}

// take reads one message. An error ends the session.
func (i *intake) take(ctx context.Context, m packet) (err error) {
	kind := streaming.Video
	switch m.kind {
	case typeDataAMF0:
		i.metadata(m.body)
		return nil
	case typeVideo:
		i.tags, err = readVideo(i.tags[:0], m.body)
	case typeAudio:
		kind = streaming.Audio
		i.tags, err = readAudio(i.tags[:0], m.body)
	}
	for _, t := range i.tags {
		if err := i.media(ctx, m.stamp, t, kind); err != nil {
			return err
		}
	}
	clear(i.tags) // a message must not be kept by the next one
	i.tags = i.tags[:0]
	if err != nil {
		return i.leaveOut(err)
	}
	return nil
}

const malformedMax = 50

// leaveOut passes over what cannot be used: a coding that we do not take is told once, and too many malformed
// messages end the session.
func (i *intake) leaveOut(err error) error {
	if errors.Is(err, errUnsupported) {
		i.tell(err)
		return nil
	}
	if i.malformed++; i.malformed > malformedMax {
		return err
	}
	return nil
}

// tell says once that something is left out.
func (i *intake) tell(why error) {
	if i.leftOut == nil {
		i.leftOut = map[string]bool{}
	}
	if text := why.Error(); !i.leftOut[text] && len(i.leftOut) < tracksMax {
		i.leftOut[text] = true
		i.session.LeaveOut(text)
		i.refused(why)
	}
}

// of returns the tracks of a kind.
func (i *intake) of(kind streaming.Kind) *map[byte]*source {
	if kind == streaming.Video {
		return &i.video
	}
	return &i.audio
}

func (i *intake) media(ctx context.Context, stamp uint32, t tag, kind streaming.Kind) error {
	s := (*i.of(kind))[t.track]
	switch t.kind {
	case tagNone:
		return nil
	case tagEnd:
		if s != nil && s.layer {
			i.session.DropLayer(s.Track.ID)
			delete(i.video, t.track)
		}
		return nil
	case tagConfig:
		return i.configure(ctx, t, kind)
	}
	if s == nil && selfDescribing(t.codec) {
		if err := i.configure(ctx, t, kind); err != nil {
			return err
		}
		s = (*i.of(kind))[t.track]
	}
	if s == nil || s.out || s.Track.Codec != t.codec {
		return nil // frames before their configuration, or of what is not shown
	}
	f := ingest.Frame{DTS: int64(stamp)*stampUnit + int64(t.nanos)/stampUnit, CTS: t.cts * stampUnit}
	var err error
	switch t.codec {
	case streaming.H264, streaming.H265:
		f.Payload, err = splitNALs(t.data, s.lengthSize)
	case streaming.AV1:
		f.Payload, err = splitOBUs(t.data)
	default:
		f.Payload = [][]byte{t.data}
	}
	if err != nil {
		return i.leaveOut(err)
	}
	if !i.declared {
		return i.hold(ctx, stamp, heldFrame{s, f})
	}
	f.Track = s.Track.ID
	return i.session.Write(f)
}

// selfDescribing tells whether a coding's frames bring all that is needed.
func selfDescribing(c streaming.Codec) bool {
	return c == streaming.VP8 || c == streaming.VP9 || c == streaming.AV1
}

// hold keeps the first frames until the tracks are known.
func (i *intake) hold(ctx context.Context, stamp uint32, f heldFrame) error {
	if len(i.held) == 0 {
		i.firstAt = stamp
	}
	i.held = append(i.held, f)
	waited := time.Duration(int32(stamp-i.firstAt)) * time.Millisecond
	video, audio := i.video[0] != nil, i.audio[0] != nil
	complete := video && audio || i.announced && (!i.wantVideo || video) && (!i.wantAudio || audio)
	if !complete && waited < tracksWait && len(i.held) < framesHeld {
		return nil
	}
	if err := i.declare(ctx); err != nil {
		return err
	}
	held := i.held
	i.held = nil
	for _, h := range held {
		if h.from.out {
			continue
		}
		h.frame.Track = h.from.Track.ID
		if err := i.session.Write(h.frame); err != nil {
			return err
		}
	}
	return nil
}

// declare says which picture and which sound there are: the first ones, by the encoder's numbers.
func (i *intake) declare(ctx context.Context) error {
	var sources []ingest.Source
	for n, kind := range []streaming.Kind{streaming.Video, streaming.Audio} {
		all := *i.of(kind)
		if i.shown[n] == nil && len(all) > 0 {
			i.shown[n] = all[slices.Min(slices.Collect(maps.Keys(all)))]
		}
		if i.shown[n] != nil {
			sources = append(sources, i.shown[n].Source)
		}
	}
	if err := i.session.Declare(ctx, sources); err != nil {
		return err
	}
	again := i.declared
	i.declared = true
	if again {
		return nil
	}
	for _, all := range []map[byte]*source{i.video, i.audio} {
		for _, number := range slices.Sorted(maps.Keys(all)) {
			i.further(all[number])
		}
	}
	return nil
}

// further announces a track that is neither the picture nor the sound that are shown.
func (i *intake) further(s *source) {
	switch {
	case s == i.shown[0] || s == i.shown[1]:
	case s.Track.Kind == streaming.Audio:
		s.out = true
		i.tell(fmt.Errorf("%w: a further sound (%s, track %d)", errUnsupported, s.Track.Codec, s.number))
	default:
		s.Track.ID = layerTrackID + int(s.number)
		if err := i.session.AddLayer(ingest.Layer{Source: s.Source, Info: i.infos[s.number]}); err != nil {
			s.out = true
			i.tell(fmt.Errorf("a further picture (track %d): %w", s.number, err))
			return
		}
		s.layer, s.out = true, false
	}
}

// configure takes a decoder configuration: the first one, the same again, or a new one.
func (i *intake) configure(ctx context.Context, t tag, kind streaming.Kind) error {
	made, lengthSize, err := describe(t, kind)
	if err != nil {
		return i.leaveOut(err)
	}
	all := i.of(kind)
	s := (*all)[t.track]
	switch {
	case s == nil && len(*all) >= tracksMax:
		i.tell(fmt.Errorf("%w: more than %d tracks", errUnsupported, tracksMax))
		return nil
	case s == nil:
		if *all == nil {
			*all = map[byte]*source{}
		}
		s = &source{number: t.track}
		(*all)[t.track] = s
	case s.Track.Codec == made.Track.Codec && bytes.Equal(s.Track.Config, made.Track.Config):
		return nil
	}
	s.Source, s.lengthSize = made, lengthSize
	switch n := index(kind); {
	case !i.declared:
		return nil
	case i.shown[n] == nil || i.shown[n] == s:
		return i.declare(ctx)
	}
	i.further(s)
	return nil
}

func index(kind streaming.Kind) int {
	if kind == streaming.Audio {
		return 1
	}
	return 0
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
