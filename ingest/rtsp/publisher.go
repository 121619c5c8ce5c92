package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Limits of a publisher.
const (
	inboxMax     = 1024 // packets between gortsplib and the publisher's loop; more are lost
	videoTrackID = 1
	audioTrackID = 2
)

// Why a publisher ends by itself.
var (
	errLeft   = errors.New("rtsp: the publisher has left")
	errSilent = errors.New("rtsp: no media")
)

// publisher is one announced session: its own loop turns packets into frames.
type publisher struct {
	rtsp    *gortsplib.ServerSession // nil where we fetch
	ingest  *ingest.Session          // nil where we fetch
	sink    ingest.Sink
	metrics *ingest.DoorMetrics
	log     *slog.Logger
	idle    time.Duration

	inbox chan event
	lost  atomic.Uint64
	gone  chan struct{} // closed when the RTSP session has ended

	video, audio *track

	// The loop's goroutine only.
	clock    ingest.RTPClock
	declared bool
	newest   time.Time // arrival of the newest whole frame
}

// event is what arrived for a track.
type event struct {
	track  *track
	at     time.Time
	packet *rtp.Packet
	report *rtcp.SenderReport
}

// track is one medium of the description.
type track struct {
	source ingest.Source
	media  *description.Media
	format format.Format
	reader reader

	// The loop's goroutine only.
	clock ingest.RTPTrack
	begun bool
	early *rtcp.SenderReport // that came before the first packet
}

// tracks chooses the description's first picture and first sound that can be taken.
func (p *publisher) tracks(d *description.Session) error {
	for _, m := range d.Medias {
		for _, f := range m.Formats {
			t, err := newTrack(m, f)
			switch {
			case err != nil:
				p.log.Warn("a track is left out", "why", err)
			case t.source.Track.Kind == streaming.Video && p.video == nil:
				p.video = t
			case t.source.Track.Kind == streaming.Audio && p.audio == nil:
				p.audio = t
			}
		}
	}
	if p.video == nil && p.audio == nil {
		return fmt.Errorf("%w: none of %d media", ingest.ErrTracks, len(d.Medias))
	}
	return nil
}

func newTrack(m *description.Media, f format.Format) (*track, error) {
	t := &track{media: m, format: f}
	video := streaming.Track{ID: videoTrackID, Kind: streaming.Video, ClockRate: streaming.VideoClockRate}
	audio := streaming.Track{ID: audioTrackID, Kind: streaming.Audio, ClockRate: f.ClockRate()}
	var err error
	switch f := f.(type) {
	case *format.H264:
		video.Codec = streaming.H264
		t.source.Track = video
		t.reader, err = newH264(f)
	case *format.H265:
		video.Codec = streaming.H265
		t.source.Track = video
		t.reader, err = newH265(f)
	case *format.MPEG4Audio:
		audio.Codec = streaming.AAC
		if f.Config == nil {
			return nil, fmt.Errorf("%w: AAC without a configuration", ingest.ErrCodec)
		}
		if audio.Config, err = f.Config.Marshal(); err == nil {
			t.source.Track = audio
			t.reader, err = newAAC(f)
		}
	case *format.Opus:
		audio.Codec, audio.Config = streaming.Opus, []byte{byte(max(1, min(f.ChannelCount, 255)))}
		t.source.Track = audio
		t.reader, err = newOpus(f)
	default:
		return nil, fmt.Errorf("%w: %s", ingest.ErrCodec, f.Codec())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ingest.ErrCodec, f.Codec(), err)
	}
	t.source.StampRate = t.source.Track.ClockRate
	t.clock = ingest.NewRTPTrack(t.source.StampRate)
	return t, nil
}

// listen asks gortsplib for the packets of the tracks. It runs on the session's goroutine, before the first packet.
func (p *publisher) listen(s *gortsplib.ServerSession) {
	ready := s.SetuppedMedias()
	for _, t := range []*track{p.video, p.audio} {
		if t == nil || !slices.Contains(ready, t.media) {
			continue
		}
		s.OnPacketRTP(t.media, t.format, func(packet *rtp.Packet) {
			p.put(event{track: t, at: time.Now(), packet: packet})
		})
		s.OnPacketRTCP(t.media, func(packet rtcp.Packet) {
			if report, ok := packet.(*rtcp.SenderReport); ok {
				p.put(event{track: t, at: time.Now(), report: report})
			}
		})
	}
}

// put never waits: over UDP one goroutine reads for all publishers.
func (p *publisher) put(e event) {
	select {
	case p.inbox <- e:
	default:
		p.lost.Add(1)
	}
}

// run is the publisher's loop. It ends with the session, and takes everything down.
func (p *publisher) run(ctx context.Context) {
	cause := p.loop(ctx, p.ingest.Done())
	p.ingest.End(cause)
	p.rtsp.Close()
	<-p.gone
	p.ingest.Close()
}

func (p *publisher) loop(ctx context.Context, over <-chan struct{}) (cause error) {
	defer func() {
		if r := recover(); r != nil {
			cause = fmt.Errorf("rtsp: a panic in a publisher's packets: %v", r)
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	p.newest = time.Now()
	for {
		select {
		case e := <-p.inbox:
			if err := p.take(ctx, e); err != nil {
				return err
			}
		case now := <-tick.C:
			if n := p.lost.Swap(0); n > 0 {
				p.sink.CountLost(n)
			}
			if now.Sub(p.newest) > p.idle {
				return errSilent
			}
		case <-p.gone:
			return errLeft
		case <-over:
			return nil // it knows why
		case <-ctx.Done():
			return ingest.ErrStopping
		}
	}
}

// take reads one packet or report.
func (p *publisher) take(ctx context.Context, e event) error {
	t := e.track
	if e.report != nil {
		if !t.begun {
			t.early = e.report
			return nil
		}
		p.report(t, e.report)
		return nil
	}
	p.metrics.Received(len(e.packet.Payload))
	at := p.clock.Place(&t.clock, e.packet.Timestamp, e.at)
	if !t.begun {
		t.begun = true
		if t.early != nil {
			p.report(t, t.early)
			at = p.clock.Place(&t.clock, e.packet.Timestamp, e.at)
		}
	}
	frames, err := t.reader.read(e.packet, at)
	if err != nil {
		p.lost.Add(1)
		return nil
	}
	for _, f := range frames {
		if !p.declared {
			if err := p.declare(ctx); err != nil {
				return err
			}
		}
		p.newest = e.at
		f.Track = t.source.Track.ID
		if err := p.sink.Write(f); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) report(t *track, r *rtcp.SenderReport) {
	var video, audio *ingest.RTPTrack
	if p.video != nil && p.audio != nil {
		video, audio = &p.video.clock, &p.audio.clock
	}
	p.clock.Report(&t.clock, r.RTPTime, ingest.NTPTime(r.NTPTime), video, audio)
}

func (p *publisher) declare(ctx context.Context) error {
	var sources []ingest.Source
	for _, t := range []*track{p.video, p.audio} {
		if t != nil {
			sources = append(sources, t.source)
		}
	}
	p.declared = true
	return p.sink.Declare(ctx, sources)
}
