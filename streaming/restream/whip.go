package restream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/peer"
	"github.com/hawkerlive/hawker/streaming/play"
)

const (
	answerMax     = 256 << 10
	leaveWithin   = 2 * time.Second
	iceAway       = 5 * time.Second
	iceGone       = 10 * time.Second
	typeSDP       = "application/sdp"
	sessionsTried = 15 * time.Second // from the offer to the first packet that may go
)

// whip pushes to an endpoint of RFC 9725. A generation of another coding is another session.
func (p *push) whip(ctx context.Context, u *url.URL, key string) error {
	g := p.stream.Generation()
	video, _ := g.First(streaming.Video)
	audio, _ := g.First(streaming.Audio)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &whipSession{push: p, url: u, key: key, client: p.service.Guard.Client(nil), fail: stop}
	defer s.client.CloseIdleConnections()
	if err := s.offer(ctx, video, audio.ID != 0 && (audio.Codec == streaming.Opus || p.service.Opus != nil)); err != nil {
		s.close()
		return err
	}
	defer s.close()
	cursor := &cursor{push: p, out: s.out, sound: p.service.Opus, want: streaming.Opus}
	defer cursor.close()
	err := cursor.run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, streaming.ErrEnded) && !errors.Is(err, errBFrames) {
		return cause
	}
	return err
}

// whipSession is one session at a WHIP endpoint.
type whipSession struct {
	push     *push
	url      *url.URL
	key      string
	client   *http.Client
	fail     context.CancelCauseFunc
	peer     *webrtc.PeerConnection
	out      *rtpOutput
	resource *url.URL // to be deleted
	reading  sync.WaitGroup
}

// offer makes the connection, as far as the first packet may go.
func (s *whipSession) offer(ctx context.Context, video streaming.Track, sound bool) error {
	api, capability, err := s.engine(video)
	if err != nil {
		return err
	}
	if s.peer, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return fmt.Errorf("make a connection: %w", err)
	}
	s.out = &rtpOutput{push: s.push}
	if video.ID != 0 {
		if s.out.video, err = s.track(capability, "video"); err != nil {
			return err
		}
	}
	if sound {
		if s.out.audio, err = s.track(opusCapability, "audio"); err != nil {
			return err
		}
	}
	connected := make(chan struct{})
	var once sync.Once
	s.peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			once.Do(func() { close(connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			s.fail(errGone)
		}
	})
	ctx, cancel := context.WithTimeout(ctx, sessionsTried)
	defer cancel()
	if err := s.exchange(ctx); err != nil {
		return err
	}
	select {
	case <-connected:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("connect by ICE: %w", context.Cause(ctx))
	}
}

// engine knows the one coding that is sent.
func (s *whipSession) engine(video streaming.Track) (*webrtc.API, webrtc.RTPCodecCapability, error) {
	media := &webrtc.MediaEngine{}
	capability, ok := capabilities[video.Codec]
	if video.ID != 0 {
		if !ok {
			return nil, capability, play.ErrCodec
		}
		if video.Codec == streaming.H264 && len(video.Config) >= 4 {
			capability.SDPFmtpLine = fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%02x%02x%02x", video.Config[1], video.Config[2], video.Config[3])
		}
		capability.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
		if err := media.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: 96}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, capability, err
		}
	}
	if err := media.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opusCapability, PayloadType: 111}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, capability, err
	}
	registry := &interceptor.Registry{}
	if err := webrtc.ConfigureNack(media, registry); err != nil {
		return nil, capability, err
	}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		return nil, capability, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	settings.SetICETimeouts(iceAway, iceGone, 2*time.Second)
	settings.SetIncludeLoopbackCandidate(s.push.service.Guard.Judge(netip.AddrFrom4([4]byte{127, 0, 0, 1})) == nil)
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings)), capability, nil
}

func (s *whipSession) track(c webrtc.RTPCodecCapability, name string) (*webrtc.TrackLocalStaticRTP, error) {
	t, err := webrtc.NewTrackLocalStaticRTP(c, name, "hawker")
	if err != nil {
		return nil, fmt.Errorf("make a track: %w", err)
	}
	at, err := s.peer.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("add a track: %w", err)
	}
	s.reading.Go(func() { // feedback must be read; a request for a key picture goes on to the publisher
		for {
			packets, _, err := at.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					s.push.stream.RequestKey()
				}
			}
		}
	})
	return t, nil
}

// exchange posts the offer and takes the answer.
func (s *whipSession) exchange(ctx context.Context) error {
	offer, err := s.peer.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(s.peer)
	if err := s.peer.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("take our own offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	answer, err := s.post(ctx, s.peer.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if rejectsVideo(answer) {
		return play.ErrCodec
	}
	answer, err = permitted(answer, s.push.service.Guard)
	if err != nil {
		return err
	}
	if err := s.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		if errors.Is(err, webrtc.ErrUnsupportedCodec) {
			return play.ErrCodec
		}
		return fmt.Errorf("%w: its answer", errRefused)
	}
	return nil
}

func (s *whipSession) post(ctx context.Context, offer string) (answer string, err error) {
	r, err := s.request(ctx, http.MethodPost, s.url, offer)
	if err != nil {
		return "", ErrAddress
	}
	r.Header.Set("Content-Type", typeSDP)
	got, err := s.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = got.Body.Close() }() // it was read, or is given up
	body, err := io.ReadAll(io.LimitReader(got.Body, answerMax+1))
	switch {
	case got.StatusCode == http.StatusUnauthorized, got.StatusCode == http.StatusForbidden:
		return "", errCredentials
	case got.StatusCode == http.StatusNotAcceptable, got.StatusCode == http.StatusUnprocessableEntity:
		return "", play.ErrCodec
	case got.StatusCode != http.StatusCreated, len(body) > answerMax:
		return "", fmt.Errorf("%w: %d", errRefused, got.StatusCode)
	case err != nil:
		return "", err
	}
	if at := got.Header.Get("Location"); at != "" {
		if s.resource, err = got.Request.URL.Parse(at); err != nil {
			s.resource = nil // then it finds out by itself that we have gone
		}
	}
	return string(body), nil
}

func (s *whipSession) request(ctx context.Context, method string, u *url.URL, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err == nil && s.key != "" && u.Host == s.url.Host {
		r.Header.Set("Authorization", "Bearer "+s.key)
	}
	return r, err
}

// close tells the endpoint, and waits for everything.
func (s *whipSession) close() {
	if s.resource != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		if r, err := s.request(ctx, http.MethodDelete, s.resource, ""); err == nil {
			if got, err := s.client.Do(r); err == nil {
				_ = got.Body.Close() // nothing in it
			}
		}
	}
	if s.peer != nil {
		_ = peer.Close(s.peer) // nothing more can be done about it
	}
	s.reading.Wait()
}

// rejectsVideo tells whether an answer turns the picture down.
func rejectsVideo(sdp string) bool {
	for _, part := range strings.Split(sdp, "\nm=")[1:] {
		first, _, _ := strings.Cut(part, "\n")
		fields := strings.Fields(first)
		if len(fields) > 1 && fields[0] == "video" && (fields[1] == "0" || strings.Contains(part, "a=inactive")) {
			return true
		}
	}
	return false
}

// permitted leaves candidates out that must not be spoken to: an answer is as good as anybody's address.
func permitted(sdp string, guard *outbound.Guard) (string, error) {
	var out bytes.Buffer
	candidates, good := 0, 0
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "a=candidate:") {
			candidates++
			fields := strings.Fields(line)
			if len(fields) < 6 || net.ParseIP(fields[4]) == nil {
				continue
			}
			if a, err := netip.ParseAddr(fields[4]); err != nil || guard.Judge(a) != nil {
				continue
			}
			good++
		}
		out.WriteString(line)
	}
	if candidates > 0 && good == 0 {
		return "", outbound.ErrForbidden
	}
	return out.String(), nil
}
