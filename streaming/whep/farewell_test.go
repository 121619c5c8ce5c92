package whep_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// retired is a viewer whose DTLS has served: it has said something over SRTCP.
func retired(t *testing.T, h *house, change func(s *webrtc.SettingEngine)) *viewer {
	t.Helper()
	v := watch(h, "show", change)
	ssrc := next(t, v.packets).SSRC
	await(t, "the DTLS has served", func() bool {
		// Again and again: the first may arrive before the server has the keys.
		if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}}}); err != nil {
			t.Fatal(err)
		}
		return h.server.Retired() > 0
	})
	if e := event(t, h); !e.Watching {
		t.Fatalf("the hook was told %+v", e)
	}
	return v
}

func TestAViewersGoodbyeIsHeardAfterItsDTLSHasServed(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	publish(t, h.hub, "show", "clip.h264").write(10)
	v := retired(t, h, nil)
	v.close()
	if e := event(t, h); e.Reason != "closed by the viewer" {
		t.Fatalf("the hook was told %+v", e)
	}
}

func TestAViewerIsToldGoodbyeAfterItsDTLSHasServed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *webrtc.SettingEngine){
		"over UDP": nil,
		"over TCP": func(s *webrtc.SettingEngine) { s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := run(t, nil)
			publish(t, h.hub, "show", "clip.h264").write(10)
			v := retired(t, h, change)
			if res := h.do(http.MethodDelete, v.location, "", "", nil); res.StatusCode != http.StatusOK {
				t.Fatal(res.Status)
			}
			dtls := v.pc.GetReceivers()[0].Transport()
			await(t, "the viewer's DTLS is closed", func() bool { return dtls.State() == webrtc.DTLSTransportStateClosed })
		})
	}
}

func TestAForgedGoodbyeIsNone(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(30)
	p.stream()
	conn := listenUDP(t)
	v := retired(t, h, func(s *webrtc.SettingEngine) { s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn)) })
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: h.server.Port()}
	plain := []byte{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0}
	sealed := append([]byte{21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26}, make([]byte, 26)...)
	hello := clientHello()
	for range 3 {
		for _, b := range [][]byte{plain, sealed, hello} {
			if _, err := conn.WriteTo(b, to); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 { // until they have been read
			next(t, v.packets)
		}
		h.ahead.Add(int64(2 * time.Second)) // so that each is looked at
	}
	if n := h.server.Viewers("show"); n != 1 {
		t.Errorf("there are %d viewers", n)
	}
	v.close()
	if e := event(t, h); e.Reason != "closed by the viewer" {
		t.Errorf("the hook was told %+v", e)
	}
}

// TestAGoodbyeInBetweenIsHeard says goodbye right behind the report that lets the DTLS go.
func TestAGoodbyeInBetweenIsHeard(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	publish(t, h.hub, "show", "clip.h264").write(10)
	for range 12 {
		v := watch(h, "show", nil)
		ssrc := next(t, v.packets).SSRC
		if e := event(t, h); !e.Watching {
			t.Fatalf("the hook was told %+v", e)
		}
		if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc}}}}); err != nil {
			t.Fatal(err)
		}
		v.close()
		if e := event(t, h); e.Reason != "closed by the viewer" {
			t.Fatalf("the hook was told %+v", e)
		}
	}
}
