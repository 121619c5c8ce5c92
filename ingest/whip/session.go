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

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/peer"
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
	layerTrackID = 16 // of the first layer, where it is a further picture
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
	keyWanted chan int      // number of the layer that a viewer wants a key picture of
	lost      atomic.Uint64 // packets that found the inbox full
	connected atomic.Bool

	mu     sync.Mutex // negotiation
	pc     *webrtc.PeerConnection
	etag   string
	closed bool
	reads  sync.WaitGroup

	// The loop's goroutine only.
	clock    ingest.RTPClock
	audio    *stream
	layers   []*stream // pictures, in the order of the offer
	choice   choice
	declared bool
	asked    time.Time // for key pictures of all layers
	newest   time.Time
}

// event is what a receiver hands to the loop.
type event struct {
	kind   webrtc.RTPCodecType
	at     time.Time
	rid    string // of a layer
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

	// Of a picture.
	number        int
	rid           string
	waitKey       bool
	asked         time.Time
	keyAt         time.Time // newest key picture
	newest, since time.Time // of its pictures, and since when they flow
	width, height int
	announced     bool // as a further picture
	out           bool // left out for good
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
	s.ingest.OnKeyRequest(func() { s.wantKey(allLayers) })
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
	rid := track.RID()
	go func() {
		defer s.reads.Done()
		for {
			packets, _, err := readReports(receiver, rid)
			if err != nil {
				return
			}
			for _, p := range packets {
				if report, ok := p.(*rtcp.SenderReport); ok {
					s.put(event{kind: track.Kind(), at: time.Now(), rid: rid, report: report})
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
		s.put(event{kind: track.Kind(), at: time.Now(), rid: rid, ssrc: uint32(track.SSRC()), packet: p})
	}
}

func readReports(r *webrtc.RTPReceiver, rid string) ([]rtcp.Packet, interceptor.Attributes, error) {
	if rid != "" {
		return r.ReadSimulcastRTCP(rid)
	}
	return r.ReadRTCP()
}

// wantKey asks the loop to ask for a key picture.
func (s *session) wantKey(layer int) {
	select {
	case s.keyWanted <- layer:
	default: // enough are on their way
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
	s.streams()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		var err error
		select {
		case e := <-s.inbox:
			err = s.take(ctx, e)
		case n := <-s.keyWanted:
			s.askFor(n, time.Now())
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
			s.choose(now)
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

func (s *session) streams() {
	if s.offer.hasVideo {
		rids := s.offer.rids
		if len(rids) == 0 {
			rids = []string{""}
		}
		for n, rid := range rids {
			one := &stream{id: layerTrackID + n, number: n, rid: rid, waitKey: true, clock: ingest.NewRTPTrack(streaming.VideoClockRate)}
			one.pictures.codec = &vp8Parts{}
			if s.offer.h264 {
				one.pictures.codec = &h264Parts{}
			}
			s.layers = append(s.layers, one)
		}
	}
	if s.offer.hasAudio {
		s.audio = &stream{id: audioTrackID, clock: ingest.NewRTPTrack(streaming.OpusClockRate)}
	}
	s.choice.begin(s.layers)
}

// of finds the stream that an event belongs to, nil for what was not negotiated.
func (s *session) of(e event) *stream {
	if e.kind == webrtc.RTPCodecTypeAudio {
		return s.audio
	}
	for _, l := range s.layers {
		if l.rid == e.rid {
			return l
		}
	}
	return nil
}

// take handles one event.
func (s *session) take(ctx context.Context, e event) error {
	t := s.of(e)
	if t == nil {
		return nil
	}
	if e.report != nil {
		s.report(t, e.report)
		return nil
	}
	s.newest = e.at
	if t.ssrc != e.ssrc {
		if t.ssrc != 0 && t.rid == "" {
			return nil // a second track
		}
		t.ssrc, t.order = e.ssrc, reorder{lost: t.order.lost}
		if t != s.audio {
			t.waitKey = true
			s.askForKey(t, e.at)
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

// report takes a sender report: pictures are moved to the sound, further pictures to the first one.
func (s *session) report(t *stream, r *rtcp.SenderReport) {
	main := s.choice.main
	var video, audio *ingest.RTPTrack
	if main != nil && s.audio != nil && (t == main || t == s.audio) {
		video, audio = &main.clock, &s.audio.clock
	}
	s.clock.Report(&t.clock, r.RTPTime, ingest.NTPTime(r.NTPTime), video, audio)
	if main != nil && t != s.audio && t != main {
		s.clock.Beside(&t.clock, &main.clock)
	}
}

// sources announces what was negotiated.
func (s *session) sources() (out []ingest.Source) {
	if len(s.layers) > 0 {
		out = append(out, s.pictureSource(videoTrackID))
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
		t.waitKey = true
	}
	for _, p := range whole {
		key := isKey(p.payload, s.offer.h264)
		if key {
			t.keyAt = a.at
		}
		if t.waitKey && !key {
			s.askForKey(t, a.at)
			continue
		}
		t.waitKey = false
		if t == s.choice.main && a.at.Sub(t.keyAt) >= s.keyInterval {
			s.askFor(allLayers, a.at) // browsers make key pictures only when asked
		}
		if err := s.picture(t, p, key); err != nil {
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
		if err := peer.Close(s.pc); err != nil {
			s.log.Debug("close a peer connection", "err", err)
		}
	}
	s.reads.Wait()
	s.ingest.Close()
}

// newETag makes a strong entity tag.
func newETag() string { return `"` + rand.Text() + `"` }
