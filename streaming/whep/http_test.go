package whep_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/whep"
)

const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"
)

// code is the code of a problem.
func (r reply) code(t *testing.T) string {
	t.Helper()
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%s with Content-Type %q: %s", r.Status, got, r.body)
	}
	var p struct {
		Code   string
		Status int
		Type   string
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != r.StatusCode || p.Type != "https://hawker.live/problems/"+p.Code {
		t.Fatalf("the problem does not agree with itself: %s", r.body)
	}
	return p.Code
}

func TestOffersAreAnsweredOrRefused(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	b := publish(t, h.hub, "reordered", "bframes.h264")
	b.write(15)
	vp9, err := h.hub.Publish(t.Context(), "vp9", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.VP9, ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	if err := vp9.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{{1}}}); err != nil {
		t.Fatal(err)
	}
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(minimalOffer) }
	video, sound, _ := strings.Cut(minimalOffer, "m=audio")
	for name, c := range map[string]struct {
		broadcast, contentType, body string
		status                       int
		code                         string
		retry                        bool
	}{
		"a good offer":                     {"show", sdpType, minimalOffer, 201, "", false},
		"a good offer with a charset":      {"show", sdpType + "; charset=utf-8", minimalOffer, 201, "", false},
		"only video":                       {"show", sdpType, strings.Replace(video, "BUNDLE 0 1", "BUNDLE 0", 1), 201, "", false},
		"a broadcast that is not live":     {"nobody", sdpType, minimalOffer, 409, whep.CodeNotLive, true},
		"B-frames":                         {"reordered", sdpType, minimalOffer, 409, whep.CodeBFrames, true},
		"a codec that is not offered":      {"vp9", sdpType, minimalOffer, 409, whep.CodeCodec, true},
		"no content type":                  {"show", "", minimalOffer, 415, "media-type", false},
		"a wrong content type":             {"show", "application/json", minimalOffer, 415, "media-type", false},
		"no SDP":                           {"show", sdpType, "hello", 400, "bad-offer", false},
		"an empty body":                    {"show", sdpType, "", 400, "bad-offer", false},
		"a huge body":                      {"show", sdpType, minimalOffer + strings.Repeat("a=x\r\n", 20000), 413, "too-large", false},
		"no media":                         {"show", sdpType, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", 400, "bad-offer", false},
		"no credentials":                   {"show", sdpType, swap("a=ice-pwd:", "a=x-pwd:"), 400, "bad-offer", false},
		"credentials with strange letters": {"show", sdpType, swap("a=ice-ufrag:abcd", "a=ice-ufrag:ab:d"), 400, "bad-offer", false},
		"no fingerprint":                   {"show", sdpType, swap("sha-256", "md5"), 400, "bad-offer", false},
		"no role":                          {"show", sdpType, swap("a=setup:actpass\r\n", ""), 400, "bad-offer", false},
		"a passive viewer":                 {"show", sdpType, swap("actpass", "passive"), 422, "dtls-role", false},
		"a viewer that sends":              {"show", sdpType, swap("recvonly", "sendonly"), 400, "bad-offer", false},
		"two videos":                       {"show", sdpType, swap("m=audio", "m=video", "BUNDLE 0 1", "BUNDLE 0 1"), 406, "offer-not-acceptable", false},
		"a data channel":                   {"show", sdpType, swap("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"), 406, "offer-not-acceptable", false},
		"no H.264 for H.264":               {"show", sdpType, swap("H264", "VP8"), 409, whep.CodeCodec, true},
		"no video codec of ours":           {"show", sdpType, swap("H264", "theora"), 406, "offer-not-acceptable", false},
		"H.264 in single packets only":     {"show", sdpType, swap("packetization-mode=1", "packetization-mode=0"), 406, "offer-not-acceptable", false},
		"no Opus":                          {"show", sdpType, swap("opus/48000/2", "PCMU/8000"), 406, "offer-not-acceptable", false},
		"no bundle":                        {"show", sdpType, swap("a=group:BUNDLE 0 1\r\n", ""), 406, "offer-not-acceptable", false},
		"a bundle of half of it":           {"show", sdpType, swap("BUNDLE 0 1", "BUNDLE 0"), 406, "offer-not-acceptable", false},
		"no rtcp-mux":                      {"show", sdpType, swap("a=rtcp-mux\r\n", ""), 406, "offer-not-acceptable", false},
		"plain RTP":                        {"show", sdpType, swap("UDP/TLS/RTP/SAVPF", "RTP/AVP"), 406, "offer-not-acceptable", false},
	} {
		t.Run(name, func(t *testing.T) {
			res := h.do(http.MethodPost, "/whep/"+c.broadcast, c.contentType, c.body, nil)
			if res.StatusCode != c.status {
				t.Fatalf("answered with %s: %s", res.Status, res.body)
			}
			if (res.Header.Get("Retry-After") != "") != c.retry {
				t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
			}
			if c.status != 201 {
				if got := res.code(t); got != c.code {
					t.Errorf("the code is %q, want %q", got, c.code)
				}
				return
			}
			if etag := res.Header.Get("ETag"); len(etag) < 4 || etag[0] != '"' || etag[len(etag)-1] != '"' {
				t.Errorf("ETag %q is not a strong entity tag", etag)
			}
			if loc := res.Header.Get("Location"); !strings.HasPrefix(loc, "/whep/show/") {
				t.Errorf("Location is %q", loc)
			}
			if res.Header.Get("Content-Type") != sdpType || res.Header.Get("Accept-Patch") != fragmentType {
				t.Errorf("headers: %v", res.Header)
			}
			for _, line := range []string{
				"a=ice-lite", "a=setup:passive", "a=sendonly", "a=rtcp-mux", "a=group:BUNDLE 0", "m=video 9 UDP/TLS/RTP/SAVPF 96",
				"a=rtcp-fb:96 nack pli", "a=x-media-time:", "typ host tcptype passive", "a=end-of-candidates",
			} {
				if !strings.Contains(res.body, line) {
					t.Errorf("the answer lacks %q:\n%s", line, res.body)
				}
			}
			if d := h.do(http.MethodDelete, res.Header.Get("Location"), "", "", nil); d.StatusCode != 200 {
				t.Errorf("DELETE: %s", d.Status)
			}
		})
	}
	_ = sound
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h := run(t, func(s *whep.Server) { s.Config.ICEServers = []string{`<stun:stun.example.net>; rel="ice-server"`} })
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	res := h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil)
	if got := res.Header.Get("Link"); got != `<stun:stun.example.net>; rel="ice-server"` {
		t.Errorf("Link is %q", got)
	}
	session, etag := res.Header.Get("Location"), res.Header.Get("ETag")
	restart := "a=ice-ufrag:newufrag\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	for _, c := range []struct {
		name, method, path, contentType, body, match string
		status                                       int
	}{
		{"preflight of the endpoint", "OPTIONS", "/whep/show", "", "", "", 200},
		{"preflight of a session", "OPTIONS", session, "", "", "", 200},
		{"GET of the endpoint", "GET", "/whep/show", "", "", "", 204},
		{"GET of a session", "GET", session, "", "", "", 204},
		{"PUT", "PUT", "/whep/show", "", "", "", 405},
		{"POST to a session", "POST", session, sdpType, minimalOffer, "", 405},
		{"DELETE of the endpoint", "DELETE", "/whep/show", "", "", "", 405},
		{"no broadcast", "POST", "/whep/", sdpType, minimalOffer, "", 404},
		{"too deep a path", "GET", session + "/x", "", "", "", 404},
		{"another broadcast's session", "DELETE", strings.Replace(session, "show", "other", 1), "", "", "", 404},
		{"PATCH of no session", "PATCH", "/whep/show/0123", fragmentType, "", etag, 404},
		{"PATCH without If-Match", "PATCH", session, fragmentType, "a=candidate:1 1 udp 1 1.2.3.4 5 typ host\r\n", "", 428},
		{"PATCH with a stale tag", "PATCH", session, fragmentType, "", `"old"`, 412},
		{"PATCH of another type", "PATCH", session, sdpType, "", etag, 415},
		{"PATCH with garbage", "PATCH", session, fragmentType, "garbage", etag, 400},
		{"PATCH with two user names", "PATCH", session, fragmentType, "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\n", etag, 400},
		{"PATCH that is too long", "PATCH", session, fragmentType, strings.Repeat("a=x\r\n", 5000), etag, 413},
		{"trickle", "PATCH", session, fragmentType, "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 x.local 5 typ host\r\na=end-of-candidates\r\n", etag, 204},
		{"restart with a tag", "PATCH", session, fragmentType, restart, etag, 422},
		{"restart", "PATCH", session, fragmentType, restart, "*", 200},
		{"trickle with the tag before the restart", "PATCH", session, fragmentType, "", etag, 412},
		{"DELETE", "DELETE", session, "", "", `"whatever"`, 200},
		{"DELETE again", "DELETE", session, "", "", "", 404},
	} {
		header := map[string]string{}
		if c.match != "" {
			header["If-Match"] = c.match
		}
		res := h.do(c.method, c.path, c.contentType, c.body, header)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s, want %d: %s", c.name, res.Status, c.status, res.body)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no CORS", c.name)
		}
		switch c.name {
		case "restart":
			if got := res.Header.Get("ETag"); got == etag || got == "" || !strings.Contains(res.body, "a=ice-ufrag:") || !strings.Contains(res.body, "a=candidate:") {
				t.Errorf("restart answered with tag %q and %q", got, res.body)
			}
		case "preflight of the endpoint":
			if res.Header.Get("Accept-Post") != sdpType || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("preflight: %v", res.Header)
			}
		case "PUT":
			if res.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		}
	}
}

// grant lets only those in who bring it.
type grant string

func (g grant) MayWatch(_ context.Context, r *http.Request, broadcast string) error {
	switch {
	case broadcast == "hidden":
		return fmt.Errorf("look: %w", whep.ErrNotFound)
	case r.Header.Get("Authorization") == "":
		return whep.ErrUnauthorized
	case r.Header.Get("Authorization") != "Bearer "+string(g):
		return whep.ErrForbidden
	}
	return nil
}

func TestAccessIsAskedBeforeAnything(t *testing.T) {
	t.Parallel()
	h := run(t, func(s *whep.Server) { s.Access = grant("secret") })
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	for _, c := range []struct {
		broadcast, token string
		status           int
	}{{"hidden", "Bearer secret", 404}, {"show", "", 401}, {"show", "Bearer wrong", 403}, {"show", "Bearer secret", 201}} {
		header := map[string]string{}
		if c.token != "" {
			header["Authorization"] = c.token
		}
		res := h.do(http.MethodPost, "/whep/"+c.broadcast, sdpType, minimalOffer, header)
		if res.StatusCode != c.status {
			t.Errorf("%s with %q: %s", c.broadcast, c.token, res.Status)
		}
		if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
			t.Error("401 without a challenge")
		}
	}
}

func TestSessionsThatDoNotConnectAreBounded(t *testing.T) {
	t.Parallel()
	h := run(t, func(s *whep.Server) { s.Config.HalfOpenPerAddress = 3 })
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	post := func() reply { return h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil) }
	for range 3 {
		if res := post(); res.StatusCode != 201 {
			t.Fatalf("%s: %s", res.Status, res.body)
		}
	}
	if res := post(); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || res.code(t) != whep.CodeBusy {
		t.Fatalf("the fourth was answered with %s", res.Status)
	}
	// They are forgotten after the time for a handshake, and only then.
	h.ahead.Store(int64(16e9))
	await(t, "there is room again", func() bool { return post().StatusCode == 201 })
}

func TestLimitsDoNotHoldForThoseNamed(t *testing.T) {
	t.Parallel()
	h := run(t, func(s *whep.Server) {
		s.Config.HalfOpenPerAddress, s.Config.SessionsPerAddress = 1, 1
		s.Unlimited = func(a netip.Addr) bool { return a.IsLoopback() }
	})
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	for range 5 {
		if res := h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil); res.StatusCode != 201 {
			t.Fatalf("%s: %s", res.Status, res.body)
		}
	}
}

// A node has so many seats, whoever asks; one that is given up is free again.
func TestANodeHasSoManySeats(t *testing.T) {
	t.Parallel()
	h := run(t, func(s *whep.Server) {
		s.Config.SessionsMax = 3
		s.Unlimited = func(netip.Addr) bool { return true }
	})
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	post := func() reply { return h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil) }
	var first string
	for n := range 3 {
		res := post()
		if res.StatusCode != 201 {
			t.Fatalf("seat %d: %s", n, res.Status)
		}
		first = res.Header.Get("Location")
	}
	if res := post(); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || res.code(t) != whep.CodeBusy {
		t.Fatalf("the fourth was answered with %s", res.Status)
	}
	if res := h.do(http.MethodDelete, first, "", "", nil); res.StatusCode != 200 {
		t.Fatal(res.Status)
	}
	await(t, "a seat to be free", func() bool { return post().StatusCode == 201 })
}
