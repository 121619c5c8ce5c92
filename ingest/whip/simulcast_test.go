package whip_test

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/streaming"
)

// simulcaster publishes one film in three sizes.
type simulcaster struct {
	pc     *webrtc.PeerConnection
	layers []*sentLayer
}

// sentLayer is one of them.
type sentLayer struct {
	rid      string
	track    *webrtc.TrackLocalStaticRTP
	pictures [][]byte
	asleep   atomic.Bool
	plis     atomic.Int64
}

var sizes = []string{"640x360", "320x180", "160x90"}

// sizedPictures are access units of H.264 without B-frames, a key picture every 15.
func sizedPictures(t *testing.T, size string) [][]byte {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size="+size+":rate=30:duration=1",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-g", "15",
		"-bsf:v", "h264_metadata=aud=insert", "-f", "h264", "pipe:1").Output()
	if err != nil {
		t.Fatalf("ffmpeg is needed: apt-get install ffmpeg (%v)", err)
	}
	var out [][]byte
	for _, au := range bytes.Split(raw, []byte{0, 0, 0, 1, 9})[1:] {
		out = append(out, append([]byte{0, 0, 0, 1, 9}, au...))
	}
	return out
}

func (s *station) simulcast(t *testing.T) *simulcaster {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	registry := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(m, registry); err != nil {
		t.Fatal(err)
	}
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	p := &simulcaster{pc: pc}
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = pc.GracefulClose(); running.Wait() }) // it may be closed already
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	var sender *webrtc.RTPSender
	for i, rid := range []string{"h", "m", "l"} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "video", "show", webrtc.WithRTPStreamID(rid))
		if err != nil {
			t.Fatal(err)
		}
		p.layers = append(p.layers, &sentLayer{rid: rid, track: track, pictures: sizedPictures(t, sizes[i])})
		if sender == nil {
			transceiver, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			if err != nil {
				t.Fatal(err)
			}
			sender = transceiver.Sender()
		} else if err := sender.AddEncoding(track); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	a := s.do(t, "POST", "", "application/sdp", pc.LocalDescription().SDP, ingesttest.GoodKey, "")
	if a.status != 201 || !strings.Contains(a.body, "a=simulcast:recv h;m;l") || !strings.Contains(a.body, "a=rid:m recv") || !strings.Contains(a.body, "rtx/90000") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.body}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]uint8{}
	for _, x := range sender.GetParameters().HeaderExtensions {
		ids[x.URI] = uint8(x.ID)
	}
	for _, l := range p.layers {
		running.Go(func() { l.send(ctx, connected, ids) })
		running.Go(func() {
			for {
				packets, _, err := sender.ReadSimulcastRTCP(l.rid)
				if err != nil {
					return
				}
				for _, one := range packets {
					if _, ok := one.(*rtcp.PictureLossIndication); ok {
						l.plis.Add(1)
					}
				}
			}
		})
	}
	return p
}

// send writes pictures in real time while the layer is not asleep.
func (l *sentLayer) send(ctx context.Context, connected <-chan struct{}, ids map[string]uint8) {
	select {
	case <-connected:
	case <-ctx.Done():
		return
	}
	packetizer := rtp.NewPacketizer(1200, 0, 0, &codecs.H264Payloader{}, rtp.NewRandomSequencer(), 90000)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for n := 0; ; n++ {
		if l.asleep.Load() {
			packetizer.SkipSamples(3000)
		} else {
			for _, p := range packetizer.Packetize(l.pictures[n%len(l.pictures)], 3000) {
				if p.Header.SetExtension(ids[sdp.SDESMidURI], []byte("0")) != nil || p.Header.SetExtension(ids[sdp.SDESRTPStreamIDURI], []byte(l.rid)) != nil || l.track.WriteRTP(p) != nil {
					return
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func names(s *streaming.Stream) (out []string) {
	for _, r := range s.Renditions() {
		info, _ := r.Rendition()
		out = append(out, info.Name)
	}
	slices.Sort(out)
	return out
}

// A browser's layers are renditions: the largest that flows is the first picture. Where the publisher lets it sleep,
// the next one takes its place in a new generation, and gives it back when the larger has flowed for a while. Each
// layer's viewers reach that layer when they need a key picture.
func TestLayersAreRenditions(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.simulcast(t)
	stream := s.stream(t)
	width := func() int { h, _ := s.Sessions.Health("broadcast"); return h.Width }
	ingesttest.Eventually(t, "three pictures", func() bool {
		return width() == 640 && slices.Equal(names(stream), []string{"180p", "90p"})
	})
	if n := stream.Generation().Number; n != 1 {
		t.Errorf("generation %d", n)
	}
	small := stream.Renditions()[0]
	if info, _ := small.Rendition(); info.Width != 320 && info.Width != 160 {
		t.Errorf("%+v", info)
	}
	reader := small.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer reader.Close()
	main := stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer main.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	one, err := reader.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	two, err := main.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !one.Key || !two.Key || one.Generation != two.Generation || one.Payload[0][0]&0x1f != 7 {
		t.Errorf("they begin with %+v and %+v", one.Key, two.Key)
	}
	before := [3]int64{p.layers[0].plis.Load(), p.layers[1].plis.Load(), p.layers[2].plis.Load()}
	info, _ := small.Rendition()
	layer := map[int]int{320: 1, 160: 2}[info.Width]
	ingesttest.Eventually(t, "the layer to be asked", func() bool {
		small.RequestKey() // one that comes soon after another is merged with it
		return p.layers[layer].plis.Load() > before[layer]
	})

	p.layers[0].asleep.Store(true)
	ingesttest.Eventually(t, "the next layer to take its place", func() bool { return width() == 320 && slices.Equal(names(stream), []string{"90p"}) })
	if n := stream.Generation().Number; n != 2 {
		t.Errorf("generation %d", n)
	}
	p.layers[0].asleep.Store(false)
	ingesttest.Eventually(t, "the largest layer to be back", func() bool {
		return width() == 640 && slices.Equal(names(stream), []string{"180p", "90p"})
	})
	ingesttest.Eventually(t, "its generation", func() bool { return stream.Generation().Number == 3 })
	ingesttest.Eventually(t, "the small ones in it", func() bool {
		return !slices.ContainsFunc(stream.Renditions(), func(r *streaming.Stream) bool { g := r.Generation(); return g == nil || g.Number != 3 })
	})
	p.layers[2].asleep.Store(true)
	ingesttest.Eventually(t, "a layer that sleeps to be taken away", func() bool { return slices.Equal(names(stream), []string{"180p"}) })
	h, _ := s.Sessions.Health("broadcast")
	if h.Dropped > 3 || len(h.LeftOut) > 0 || h.Restarts != 2 {
		t.Errorf("health %+v", h)
	}
}
