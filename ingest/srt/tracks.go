package srt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Limits of the wait for the tracks.
const (
	tracksWait   = 500 * time.Millisecond // of media, for a track that the program announces
	framesHeld   = 256
	videoTrackID = 1
	audioTrackID = 2
	aacSamples   = 1024
)

// Stream types (ISO/IEC 13818-1, table 2-34).
const (
	typePrivate = 0x06
	typeAAC     = 0x0f // with ADTS headers
	typeH264    = 0x1b
	typeH265    = 0x24
)

// intake turns a transport stream into a session's tracks and frames: its program's first picture track and first
// sound track. One goroutine uses it.
type intake struct {
	ctx     context.Context // of the connection that this is a part of
	session ingest.Sink
	refused func(what error) // told about what is left out

	video, audio       *ingest.Source // audio: nil until its parameters are known
	videoPID, audioPID uint16
	audioType          byte
	declared           bool
	held               []ingest.Frame
	firstAt            int64
	malformed          uint64
}

// program takes a program table, new or changed.
func (i *intake) program(streams []elementary) error {
	i.videoPID, i.audioPID = 0, 0
	var video, audio *ingest.Source
	for _, e := range streams {
		switch {
		case (e.streamType == typeH264 || e.streamType == typeH265) && i.videoPID == 0:
			codec := streaming.H264
			if e.streamType == typeH265 {
				codec = streaming.H265
			}
			i.videoPID = e.pid
			video = source(videoTrackID, streaming.Video, codec, streaming.VideoClockRate, nil)
		case e.streamType == typeAAC && i.audioPID == 0:
			i.audioPID, i.audioType = e.pid, e.streamType // its first header tells the rest
			if i.audio != nil && i.audio.Track.Codec == streaming.AAC {
				audio = i.audio
			}
		case e.streamType == typePrivate && e.opus && i.audioPID == 0:
			i.audioPID, i.audioType = e.pid, e.streamType
			audio = source(audioTrackID, streaming.Audio, streaming.Opus, streaming.OpusClockRate, []byte{byte(max(e.channels, 1))})
		default:
			i.refused(fmt.Errorf("srt: elementary stream %d of type %#x", e.pid, e.streamType))
		}
	}
	i.video, i.audio = video, audio
	if i.videoPID == 0 && i.audioPID == 0 {
		return fmt.Errorf("%w: none of %d elementary streams", ingest.ErrTracks, len(streams))
	}
	if !i.declared || i.video == nil && i.audio == nil {
		return nil
	}
	return i.declare()
}

func source(id int, kind streaming.Kind, codec streaming.Codec, rate int, config []byte) *ingest.Source {
	return &ingest.Source{StampRate: streaming.VideoClockRate, Track: streaming.Track{
		ID: id, Kind: kind, Codec: codec, ClockRate: rate, Config: config,
	}}
}

// packet takes a PES packet. An error ends the session; what cannot be read is left out and counted.
func (i *intake) packet(p pes) error {
	var err error
	switch {
	case p.pid == i.videoPID:
		err = i.picture(p)
	case p.pid == i.audioPID && i.audioType == typeAAC:
		err = i.aac(p)
	case p.pid == i.audioPID:
		err = i.opus(p)
	}
	if errors.Is(err, errPayload) {
		i.malformed++
		return nil
	}
	return err
}

var errPayload = errors.New("srt: malformed payload")

func (i *intake) picture(p pes) error {
	var nals h264.AnnexB // H.265 is framed alike
	if err := nals.Unmarshal(p.data); err != nil {
		return errPayload
	}
	cts := (p.pts - p.dts) & clockMask
	if cts >= clockWraps/2 {
		cts -= clockWraps
	}
	return i.frame(ingest.Frame{Track: videoTrackID, DTS: p.dts, CTS: cts, Payload: nals})
}

func (i *intake) aac(p pes) error {
	var units mpeg4audio.ADTSPackets
	if err := units.Unmarshal(p.data); err != nil {
		return errPayload
	}
	for n, u := range units {
		if err := i.configure(u); err != nil {
			return err
		}
		at := p.pts + int64(n)*aacSamples*streaming.VideoClockRate/int64(u.SampleRate)
		if err := i.frame(ingest.Frame{Track: audioTrackID, DTS: at & clockMask, Payload: [][]byte{u.AU}}); err != nil {
			return err
		}
	}
	return nil
}

// configure takes the parameters in an ADTS header: the first ones, the same again, or new ones.
func (i *intake) configure(u *mpeg4audio.ADTSPacket) error {
	if u.SampleRate <= 0 {
		return errPayload
	}
	config, err := mpeg4audio.AudioSpecificConfig{Type: u.Type, SampleRate: u.SampleRate, ChannelConfig: u.ChannelConfig}.Marshal()
	if err != nil {
		return errPayload
	}
	if i.audio != nil && bytes.Equal(i.audio.Track.Config, config) {
		return nil
	}
	i.audio = source(audioTrackID, streaming.Audio, streaming.AAC, u.SampleRate, config)
	if !i.declared {
		return nil
	}
	return i.declare()
}

func (i *intake) opus(p pes) error {
	at := p.pts
	for rest := p.data; len(rest) > 0; {
		var u substructs.OpusAccessUnit
		n, err := u.Unmarshal(rest)
		if err != nil || n <= 0 {
			return errPayload
		}
		rest = rest[n:]
		if err := i.frame(ingest.Frame{Track: audioTrackID, DTS: at & clockMask, Payload: [][]byte{u.Packet}}); err != nil {
			return err
		}
		at += opus.PacketDuration2(u.Packet) * streaming.VideoClockRate / streaming.OpusClockRate
	}
	return nil
}

// frame hands a frame on, or keeps it until the tracks are known.
func (i *intake) frame(f ingest.Frame) error {
	if i.declared {
		return i.session.Write(f)
	}
	if len(i.held) == 0 {
		i.firstAt = f.DTS
	}
	i.held = append(i.held, f)
	waited := (f.DTS - i.firstAt) & clockMask
	if waited >= clockWraps/2 {
		waited = 0
	}
	complete := (i.videoPID == 0 || i.video != nil) && (i.audioPID == 0 || i.audio != nil)
	patient := waited < int64(tracksWait.Seconds()*streaming.VideoClockRate) && len(i.held) < framesHeld
	if !complete && patient {
		return nil
	}
	if err := i.declare(); err != nil {
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

func (i *intake) declare() error {
	var sources []ingest.Source
	for _, s := range []*ingest.Source{i.video, i.audio} {
		if s != nil {
			sources = append(sources, *s)
		}
	}
	i.declared = true
	return i.session.Declare(i.ctx, sources)
}
