package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	gosrt "github.com/datarhei/gosrt"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
)

// One picture of H.264, as small as there is: no decoder sees it.
var (
	sps, _  = hex.DecodeString("674d401fd900b40a1b0110000003001000000303c0f1832480")
	pps, _  = hex.DecodeString("68ebc3cb20")
	picture = [][]byte{sps, pps, {0x65, 0x88, 0x84, 0x00, 0x10}}
	track   = streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}
)

// publishRTMP is an encoder: it connects, sends a few pictures, in a track of its own every other time, and leaves
// with a word or without.
func publishRTMP(s *server) (cycle, error) {
	return func(ctx context.Context, n int) error {
		c, err := rtmptest.Publish(ctx, s.rtmp, rtmptest.Greeting{Key: s.key, CapsEx: 15 * (n % 2)})
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }() // it is over either way
		u := &streaming.Unit{Track: 1, Key: true, Payload: picture}
		config := rtmptest.Config(track, u)
		if err := c.Send(6, rtmptest.Video, 0, 1, rtmptest.Legacy(track, nil, config)); err != nil {
			return err
		}
		for i := range 30 {
			stamp := uint32(i * 33)
			if err := c.Send(6, rtmptest.Video, stamp, 1, rtmptest.Legacy(track, u, nil)); err != nil {
				return leftForAnother(err)
			}
			if n%2 == 0 {
				continue
			}
			one := rtmptest.Track{ID: 1, Codec: streaming.H264, Data: config}
			packet := byte(rtmptest.SequenceStart)
			if i > 0 {
				packet, one.Data = rtmptest.CodedFramesX, rtmptest.Body(track, u)
			}
			if err := c.Send(6, rtmptest.Video, stamp, 1, rtmptest.Tracks(streaming.Video, packet, true, rtmptest.OneTrack, nil, one)); err != nil {
				return leftForAnother(err)
			}
		}
		if n%3 == 0 {
			_ = c.Command("FCUnpublish", 5, nil, "x") // another cycle's session may have ended this one
		}
		return c.Leave(answersWithin)
	}, nil
}

// leftForAnother passes over a connection that the server closed: several cycles share one key, and the newest wins.
func leftForAnother(error) error { return nil }

// publishRTSP is a camera, over TCP and UDP by turns.
func publishRTSP(s *server) (cycle, error) {
	return func(_ context.Context, n int) error {
		transport := gortsplib.TransportTCP
		if n%2 == 1 {
			transport = gortsplib.TransportUDP
		}
		h264 := &format.H264{PayloadTyp: 96, SPS: sps, PPS: pps, PacketizationMode: 1}
		one := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h264}}
		c := &gortsplib.Client{Transport: &transport}
		if err := c.StartRecording("rtsp://live:"+s.key+"@"+s.rtsp+"/live", &description.Session{Medias: []*description.Media{one}}); err != nil {
			return err
		}
		defer c.Close()
		for i := range 20 {
			p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(i), Timestamp: uint32(i * 3000), Marker: true}, Payload: picture[2]}
			if err := c.WritePacketRTP(one, p); err != nil {
				return leftForAnother(err)
			}
		}
		return nil
	}, nil
}

// publishSRT is an encoder that sends a transport stream.
func publishSRT(s *server) (cycle, error) {
	return func(_ context.Context, _ int) error {
		config := gosrt.DefaultConfig()
		config.StreamId, config.ConnectionTimeout = "publish:"+s.key, 10*time.Second
		conn, err := gosrt.Dial("srt", s.srt, config)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }() // it is over either way
		var said bytes.Buffer
		tracks := []*mpegts.Track{{Codec: &tscodecs.H264{}}}
		w := &mpegts.Writer{W: &said, Tracks: tracks}
		if err := w.Initialize(); err != nil {
			return err
		}
		for i := range 20 {
			if err := w.WriteH264(tracks[0], int64(i*3000), int64(i*3000), picture); err != nil {
				return err
			}
		}
		for said.Len() > 0 {
			if _, err := conn.Write(said.Next(7 * 188)); err != nil {
				return leftForAnother(err)
			}
		}
		return nil
	}, nil
}

// publishWHIP is a browser: it connects, sends sound until it is counted, and ends the session by a request or by
// hanging up.
func publishWHIP(s *server) (cycle, error) {
	return func(ctx context.Context, n int) (err error) {
		pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pc.GracefulClose()) }()
		sound, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "show")
		if err != nil {
			return err
		}
		if _, err := pc.AddTransceiverFromTrack(sound, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			return err
		}
		connected := make(chan struct{})
		pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				close(connected)
			}
		})
		location, err := s.offer(ctx, pc)
		if err != nil {
			return err
		}
		select {
		case <-connected:
		case <-ctx.Done():
			return errors.Join(errors.New("no connection came about"), ctx.Err())
		}
		for range 10 {
			if err := sound.WriteSample(media.Sample{Data: []byte{0xfc, 0xff, 0xfe}, Duration: 20 * time.Millisecond}); err != nil {
				return err
			}
		}
		if n%2 == 0 {
			return nil // it hangs up
		}
		res, err := s.whip(ctx, http.MethodDelete, location, "")
		if err == nil {
			_ = res.Body.Close() // it is empty
		}
		return err
	}, nil
}

// offer makes a session and returns where it is.
func (s *server) offer(ctx context.Context, pc *webrtc.PeerConnection) (location string, err error) {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	<-gathered
	res, err := s.whip(ctx, http.MethodPost, "/whip", pc.LocalDescription().SDP)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		return "", errors.Join(err, fmt.Errorf("the offer got %s", res.Status))
	}
	return res.Header.Get("Location"), pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)})
}

func (s *server) whip(ctx context.Context, method, path, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/sdp")
	return s.http.Do(r)
}
