package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Why a session ends by itself.
var (
	errNoConnection = errors.New("whip: no connection came about")
	errSilent       = errors.New("whip: the publisher fell silent")
	errLeft         = errors.New("whip: the publisher ended the session")
)

// Track IDs of every session.
const (
	videoTrackID = 1
	audioTrackID = 2
)

// session is one publisher: a PeerConnection whose packets its own loop turns into frames.
type session struct {
	id      string
	key     [32]byte // hash of the stream key, for the requests to come
	log     *slog.Logger
	ingest  *ingest.Session
	metrics *Metrics
	offer   offer

	keyInterval time.Duration

	inbox     chan event
	keyWanted chan struct{}
	lost      atomic.Uint64 // packets that found the inbox full
	connected atomic.Bool

	mu     sync.Mutex // negotiation
	pc     *webrtc.PeerConnection
	etag   string
	closed bool
	reads  sync.WaitGroup

	// The loop's goroutine only.
	clock        ingest.RTPClock
	video, audio *stream
	declared     bool
	waitKey      bool
	asked        time.Time
	keyAt        time.Time // newest key picture
	newest       time.Time
}

// event is what a receiver hands to the loop.
type event struct {
	kind   webrtc.RTPCodecType
	at     time.Time
	ssrc   uint32
	packet *rtp.Packet
	report *rtcp.SenderReport
}

// stream is one track in the loop.
type stream struct {
	id       int
	ssrc     uint32
	clock    ingest.RTPTrack
	order    reorder
	pictures pictures
	told     uint64 // of order.lost
}

// connect makes the PeerConnection and returns the answer.
func (s *session) connect(ctx context.Context, api *webrtc.API) (string, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", fmt.Errorf("open a peer connection: %w", err)
	}
	s.pc = pc
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			s.connected.Store(true)
		case webrtc.PeerConnectionStateFailed:
			s.ingest.End(errNoConnection)
		case webrtc.PeerConnectionStateClosed:
			s.ingest.End(errLeft)
		}
	})
	pc.OnTrack(s.receive)
	s.ingest.OnKeyRequest(func() {
		select {
		case s.keyWanted <- struct{}{}:
		default: // one is on its way
		}
	})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: s.offer.text}); err != nil {
		s.log.Debug("offer not taken", "err", err)
		return "", refuse(400, "malformed", "The offer cannot be used.")
	}
	answer, err := s.answer(ctx)
	if err != nil {
		return "", err
	}
	return answer, checkAnswer(answer, s.offer)
}

// answer makes an answer with all candidates.
func (s *session) answer(ctx context.Context) (string, error) {
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make an answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(s.pc)
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("take our own answer: %w", err)
	}
	timeout := time.NewTimer(gatherTimeout)
	defer timeout.Stop()
	select {
	case <-gathered:
	case <-timeout.C:
		return "", errors.New("whip: candidates took too long")
	case <-ctx.Done():
		return "", ctx.Err()
	}
	s.etag = newETag()
	return s.pc.LocalDescription().SDP, nil
}

// restart gives the session new ICE credentials. A failure leaves it as it was.
func (s *session) restart(ctx context.Context, f fragment) (answer, etag string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", "", errLeft
	}
	offer := restarted(s.offer.text, f)
	if err := s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", "", refuse(422, "restart", "The new credentials cannot be used.")
	}
	full, err := s.answer(ctx)
	if err != nil {
		return "", "", err
	}
	s.offer.text, s.offer.ufrag = offer, f.ufrag
	return answerFragment(full), s.etag, nil
}

// state returns the entity tag and the publisher's user fragment.
func (s *session) state() (etag, ufrag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.etag, s.offer.ufrag
}

// receive reads one track until the connection ends. It runs on a goroutine of the PeerConnection.
func (s *session) receive(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.reads.Add(2)
	s.mu.Unlock()
	go func() {
		defer s.reads.Done()
		for {
			packets, _, err := receiver.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if report, ok := p.(*rtcp.SenderReport); ok {
					s.put(event{kind: track.Kind(), at: time.Now(), report: report})
				}
			}
		}
	}()
	defer s.reads.Done()
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		s.put(event{kind: track.Kind(), at: time.Now(), ssrc: uint32(track.SSRC()), packet: p})
	}
}

func (s *session) put(e event) {
	select {
	case s.inbox <- e:
	default:
		s.lost.Add(1)
	}
}

// run is the session's loop. It ends with the session and then takes everything down.
func (s *session) run(ctx context.Context) {
	defer s.close()
	s.video, s.audio = s.streams()
	s.waitKey = true
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		var err error
		select {
		case e := <-s.inbox:
			err = s.take(ctx, e)
		case <-s.keyWanted:
			s.askForKey(time.Now())
		case now := <-tick.C:
			switch {
			case !s.declared && now.Sub(began) > connectTimeout:
				err = errNoConnection
			case s.declared && now.Sub(s.newest) > silenceMax:
				err = errSilent
			}
			if n := s.lost.Swap(0); n > 0 {
				s.countLost(n)
			}
		case <-s.ingest.Done():
			return
		case <-ctx.Done():
			s.ingest.End(ingest.ErrStopping)
			return
		}
		if err != nil {
			s.ingest.End(err)
			return
		}
	}
}

func (s *session) streams() (video, audio *stream) {
	if s.offer.hasVideo {
		video = &stream{id: videoTrackID, clock: ingest.NewRTPTrack(streaming.VideoClockRate)}
		video.pictures.codec = &vp8Parts{}
		if s.offer.h264 {
			video.pictures.codec = &h264Parts{}
		}
	}
	if s.offer.hasAudio {
		audio = &stream{id: audioTrackID, clock: ingest.NewRTPTrack(streaming.OpusClockRate)}
	}
	return video, audio
}

// take handles one event.
func (s *session) take(ctx context.Context, e event) error {
	t := s.video
	if e.kind == webrtc.RTPCodecTypeAudio {
		t = s.audio
	}
	if t == nil {
		return nil
	}
	if e.report != nil {
		var video, audio *ingest.RTPTrack
		if s.video != nil && s.audio != nil {
			video, audio = &s.video.clock, &s.audio.clock
		}
		s.clock.Report(&t.clock, e.report.RTPTime, ingest.NTPTime(e.report.NTPTime), video, audio)
		return nil
	}
	s.newest = e.at
	if t.ssrc != e.ssrc {
		if t.ssrc != 0 {
			return nil // a second layer or track
		}
		t.ssrc = e.ssrc
		if t == s.video {
			s.askForKey(e.at)
		}
	}
	if !s.declared {
		if err := s.ingest.Declare(ctx, s.sources()); err != nil {
			return err
		}
		s.declared = true
	}
	for _, a := range t.order.push(e.packet, e.at) {
		if err := s.frames(t, a); err != nil {
			return err
		}
	}
	if n := t.order.lost - t.told; n > 0 {
		t.told = t.order.lost
		s.countLost(n)
	}
	return nil
}

// sources announces what was negotiated.
func (s *session) sources() (out []ingest.Source) {
	if s.video != nil {
		codec := streaming.VP8
		if s.offer.h264 {
			codec = streaming.H264
		}
		out = append(out, ingest.Source{StampRate: streaming.VideoClockRate, Track: streaming.Track{
			ID: videoTrackID, Kind: streaming.Video, Codec: codec, ClockRate: streaming.VideoClockRate,
		}})
	}
	if s.audio != nil {
		out = append(out, ingest.Source{StampRate: streaming.OpusClockRate, Track: streaming.Track{
			ID: audioTrackID, Kind: streaming.Audio, Codec: streaming.Opus, ClockRate: streaming.OpusClockRate, Config: []byte{2},
		}})
	}
	return out
}

// frames writes what a packet in order completes.
func (s *session) frames(t *stream, a arrived) error {
	if t == s.audio {
		if len(a.packet.Payload) == 0 {
			return nil
		}
		return s.ingest.Write(ingest.Frame{
			Track: t.id, DTS: s.clock.Place(&t.clock, a.packet.Timestamp, a.at), Payload: [][]byte{a.packet.Payload},
		})
	}
	whole, lost := t.pictures.push(a)
	if lost {
		s.waitKey = true
	}
	for _, p := range whole {
		key := isKey(p.payload, s.offer.h264)
		if key {
			s.keyAt = a.at
		}
		if s.waitKey && !key {
			s.askForKey(a.at)
			continue
		}
		s.waitKey = false
		if a.at.Sub(s.keyAt) >= s.keyInterval {
			s.askForKey(a.at) // browsers make key pictures only when asked
		}
		err := s.ingest.Write(ingest.Frame{Track: t.id, DTS: s.clock.Place(&t.clock, p.stamp, p.at), Payload: p.payload})
		if err != nil {
			return err
		}
	}
	return nil
}

// isKey tells whether a picture can be decoded without those before it.
func isKey(payload [][]byte, h264 bool) bool {
	if !h264 {
		return len(payload[0]) > 0 && payload[0][0]&1 == 0
	}
	for _, n := range payload {
		if len(n) > 0 && n[0]&0x1f == 5 {
			return true
		}
	}
	return false
}

const keyRequestGap = 500 * time.Millisecond

// askForKey asks the publisher for a key picture.
func (s *session) askForKey(now time.Time) {
	if s.video == nil || s.video.ssrc == 0 || now.Sub(s.asked) < keyRequestGap {
		return
	}
	s.asked = now
	s.metrics.keyRequested()
	_ = s.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: s.video.ssrc}}) // the next one asks again
}

func (s *session) countLost(n uint64) {
	s.metrics.lose(n)
	s.ingest.CountLost(n)
}

// close takes the connection down and waits for everything that read from it.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.pc != nil {
		if err := s.pc.GracefulClose(); err != nil {
			s.log.Debug("close a peer connection", "err", err)
		}
	}
	s.reads.Wait()
	s.ingest.Close()
}

// newETag makes a strong entity tag.
func newETag() string { return `"` + rand.Text() + `"` }
