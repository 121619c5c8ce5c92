package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// listReader reads the playlist as it grows.
type listReader struct {
	ctx       context.Context
	stage     *sweepStage
	base      string
	validator *hlstest.Validator
	newest    *hlstest.Playlist
	text      string
	failed    int
}

func (l *listReader) get(uri string) ([]byte, error) {
	r, err := http.NewRequestWithContext(l.ctx, http.MethodGet, l.base+uri, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", uri, res.Status)
	}
	return body, err
}

// look takes the playlist as it is now. It reports false while there is none.
func (l *listReader) look() bool {
	body, err := l.get("main.m3u8")
	if err != nil || string(body) == l.text {
		return l.newest != nil
	}
	l.text = string(body)
	p, err := hlstest.Parse(l.text)
	if err = errors.Join(err, l.validator.Playlist(l.text)); err != nil && l.failed < 3 {
		l.failed++
		l.stage.bad("%v\n%s", err, l.text)
	}
	l.newest = p
	return true
}

func (l *listReader) breaks() int {
	if l.newest == nil || len(l.newest.Segments) == 0 {
		return -1
	}
	return int(l.newest.Segments[len(l.newest.Segments)-1].Domain)
}

func (l *listReader) judge(breaks int) {
	if got := l.breaks(); got != breaks {
		l.stage.bad("%d discontinuities, want %d\n%s", got, breaks, l.text)
	}
	all := l.newest.Segments
	for i := range all[1:] {
		if !all[i+1].Date.After(all[i].Date) {
			l.stage.bad("segment %d is dated %v, the one before it %v", all[i+1].Number, all[i+1].Date, all[i].Date)
		}
	}
	if ahead := time.Until(all[len(all)-1].Date); ahead > 0 || ahead < -time.Minute {
		l.stage.bad("the newest segment is dated %v from now", ahead)
	}
	result, err := l.validator.Finish()
	if err != nil {
		l.stage.bad("%v", err)
	}
	if result.Playlists < 5 || result.Parts < 10 {
		l.stage.bad("%+v", result)
	}
}

// rtpEye is a viewer over WebRTC that counts pictures.
type rtpEye struct {
	pc      *webrtc.PeerConnection
	reading sync.WaitGroup

	mu       sync.Mutex
	pictures int
	newest   uint32
	back     int  // pictures whose stamp is not after the one before
	ended    bool // the connection
}

// offer watches, and returns what the server answers.
func (e *rtpEye) offer(ctx context.Context, url string) (status int, err error) {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	if e.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{}); err != nil {
		return 0, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := e.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return 0, err
		}
	}
	e.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		e.reading.Go(func() {
			for {
				p, _, err := track.ReadRTP()
				if err != nil {
					return
				}
				if track.Kind() == webrtc.RTPCodecTypeVideo {
					e.see(p)
				}
			}
		})
	})
	e.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.ended = e.ended || state == webrtc.PeerConnectionStateFailed
	})
	offer, err := e.pc.CreateOffer(nil)
	if err != nil {
		return 0, err
	}
	gathered := webrtc.GatheringCompletePromise(e.pc)
	if err := e.pc.SetLocalDescription(offer); err != nil {
		return 0, err
	}
	<-gathered
	return e.post(ctx, url)
}

func (e *rtpEye) post(ctx context.Context, url string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(e.pc.LocalDescription().SDP))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/sdp")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == http.StatusCreated {
		err = e.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
	}
	return res.StatusCode, err
}

// see takes a packet of a picture.
func (e *rtpEye) see(p *rtp.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !(&codecs.H264Packet{}).IsPartitionTail(p.Marker, p.Payload) {
		return
	}
	if e.pictures > 0 && int32(p.Timestamp-e.newest) <= 0 {
		e.back++
	}
	e.newest = p.Timestamp
	e.pictures++
}

func (e *rtpEye) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pictures
}

func (e *rtpEye) judge(s *sweepStage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.back > 0 || e.ended {
		s.bad("of %d pictures %d stand behind the one before; the session ended: %v", e.pictures, e.back, e.ended)
	}
}

func (e *rtpEye) close() {
	if e.pc != nil {
		_ = e.pc.GracefulClose() // it may have failed
	}
	e.reading.Wait()
}
