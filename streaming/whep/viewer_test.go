package whep_test

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// viewer is a pion PeerConnection that watches.
type viewer struct {
	t        *testing.T
	pc       *webrtc.PeerConnection
	answer   string
	location string
	etag     string
	packets  chan *rtp.Packet // video
	sound    chan *rtp.Packet
	reports  chan rtcp.Packet
	readers  sync.WaitGroup
	closing  sync.Once
}

// watch makes a session and connects.
func watch(h *house, broadcast string, change func(s *webrtc.SettingEngine)) *viewer {
	h.t.Helper()
	return watchWith(h, broadcast, watching{settings: change})
}

// watching is how somebody watches.
type watching struct {
	settings func(s *webrtc.SettingEngine)
	// interceptors adds what a browser does by itself: asking for lost packets, telling how packets arrive.
	interceptors func(m *webrtc.MediaEngine, r *interceptor.Registry) error
	codecs       []string                // MIME types; none: all
	answer       func(sdp string) string // what the viewer is told in place of the answer
}

func watchWith(h *house, broadcast string, how watching) *viewer {
	h.t.Helper()
	v := &viewer{t: h.t, packets: make(chan *rtp.Packet, 4096), sound: make(chan *rtp.Packet, 4096), reports: make(chan rtcp.Packet, 256)}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	settings.DisableSRTPReplayProtection(true) // the test counts what is sent again
	if how.settings != nil {
		how.settings(&settings)
	}
	codecs, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := codecs.RegisterDefaultCodecs(); err != nil {
		h.t.Fatal(err)
	}
	if how.interceptors != nil {
		if err := how.interceptors(codecs, registry); err != nil {
			h.t.Fatal(err)
		}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	v.pc = pc
	h.t.Cleanup(v.close)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		tr, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			h.t.Fatal(err)
		}
		if kind == webrtc.RTPCodecTypeVideo && len(how.codecs) > 0 {
			if err := tr.SetCodecPreferences(only(tr, how.codecs)); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		out := v.packets
		if t.Kind() == webrtc.RTPCodecTypeAudio {
			out = v.sound
		}
		v.readers.Go(func() {
			for {
				p, _, err := t.ReadRTP()
				if err != nil {
					return
				}
				out <- p
			}
		})
		v.readers.Go(func() {
			for {
				all, _, err := r.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range all {
					v.reports <- p
				}
			}
		})
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		h.t.Fatal(err)
	}
	<-gathered
	res := h.do(http.MethodPost, "/whep/"+broadcast, "application/sdp", pc.LocalDescription().SDP, nil)
	if res.StatusCode != http.StatusCreated {
		h.t.Fatalf("the offer was answered with %s: %s", res.Status, res.body)
	}
	v.answer, v.location, v.etag = res.body, res.Header.Get("Location"), res.Header.Get("ETag")
	told := res.body
	if how.answer != nil {
		told = how.answer(told)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: told}); err != nil {
		h.t.Fatalf("%v\n%s", err, res.body)
	}
	return v
}

// only are those of a transceiver's codecs that are named, and their repair.
func only(tr *webrtc.RTPTransceiver, names []string) (out []webrtc.RTPCodecParameters) {
	for _, c := range tr.Receiver().GetParameters().Codecs {
		if slices.Contains(names, c.MimeType) || c.MimeType == webrtc.MimeTypeRTX && !slices.Contains(names, "no repair") {
			out = append(out, c)
		}
	}
	return out
}

func (v *viewer) close() {
	v.closing.Do(func() {
		if err := v.pc.Close(); err != nil {
			v.t.Error(err)
		}
		v.readers.Wait()
	})
}

// next waits for a packet.
func next(t *testing.T, from chan *rtp.Packet) *rtp.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case p := <-from:
		return p
	case <-ctx.Done():
		t.Fatal("waited in vain for a packet")
		return nil
	}
}

// mark reads x-media-time of an m-line: 0 the first, 1 the second.
func (v *viewer) mark(n int) (timestamp uint32, media int64) {
	v.t.Helper()
	all := regexp.MustCompile(`a=x-media-time:(\d+) (-?\d+)\r\n`).FindAllStringSubmatch(v.answer, -1)
	if len(all) <= n {
		v.t.Fatalf("the answer has no media time:\n%s", v.answer)
	}
	ts, _ := strconv.ParseUint(all[n][1], 10, 32)
	media, _ = strconv.ParseInt(all[n][2], 10, 64)
	return uint32(ts), media
}

// pictures takes whole pictures from the packets and compares each with what was published at its media time.
func (v *viewer) pictures(p *publisher, n int) {
	v.t.Helper()
	base, media := v.mark(0)
	var depacketizer codecs.H264Packet
	var picture []byte
	var last uint16
	for got := 0; got < n; {
		packet := next(v.t, v.packets)
		if got > 0 && packet.SequenceNumber != last+1 {
			v.t.Fatalf("packet %d follows %d", packet.SequenceNumber, last)
		}
		last = packet.SequenceNumber
		part, err := depacketizer.Unmarshal(packet.Payload)
		if err != nil {
			v.t.Fatal(err)
		}
		picture = append(picture, part...)
		if !packet.Marker {
			continue
		}
		// The publisher's ticks begin at media time zero.
		pts := int64(int32(packet.Timestamp-base)) + (media*9+50)/100
		pts = (pts + frameTicks/2) / frameTicks * frameTicks
		var want []byte
		for _, nal := range p.picture(pts) {
			want = append(append(want, 0, 0, 0, 1), nal...)
		}
		if !bytes.Equal(picture, want) {
			v.t.Fatalf("picture %d (at %d ticks): got %d bytes, published were %d", got, pts, len(picture), len(want))
		}
		if exact := pts - (media*9+50)/100; int32(packet.Timestamp-base) != int32(exact) {
			v.t.Fatalf("picture at %d ticks has timestamp %d past the base, not %d", pts, int32(packet.Timestamp-base), exact)
		}
		if got == 0 && !isKey(p.picture(pts)) {
			v.t.Fatal("the first picture is not a key picture")
		}
		picture = picture[:0]
		got++
	}
}
