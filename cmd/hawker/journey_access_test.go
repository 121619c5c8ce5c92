package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// within is how soon whoever may no longer watch is put out, whatever the protocol.
const within = time.Second

// watched is what POST …/watch answers.
type watched struct {
	Grant      string
	Transports []struct{ Kind, URL string }
}

func (w watched) playlist(t *testing.T) string {
	t.Helper()
	for _, one := range w.Transports {
		if one.Kind == "hls" {
			return one.URL
		}
	}
	t.Fatalf("no HLS in %+v", w)
	return ""
}

// watchedAgain is what GET /v1/broadcasts/{id} says of how to watch.
type watchedAgain struct {
	Transports []struct{ Kind, URL, Rewind string }
}

func (w watchedAgain) rewind() string {
	for _, one := range w.Transports {
		if one.Kind == "hls" {
			return one.Rewind
		}
	}
	return ""
}

// asking is the body of a watch, with names and values.
func asking(more ...string) map[string]any {
	out := map[string]any{"consent": false}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// status asks for an address as somebody with nothing but what stands in it.
func status(t *testing.T, method, path, bearer string) int {
	t.Helper()
	a, _ := server(t)
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.addresses["http"]+path, strings.NewReader("v=0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // a feed that opened has no end
	return resp.StatusCode
}

// crowdOf watches a broadcast in every way with one grant.
type crowdOf struct {
	playlist string
	feed     atomic.Bool // is open
	frames   atomic.Int64
	gone     chan struct{} // the connection of WHEP has closed
}

func watchInEveryWay(t *testing.T, id string, w watched) *crowdOf {
	t.Helper()
	a, _ := server(t)
	c := &crowdOf{playlist: w.playlist(t), gone: make(chan struct{})}
	c.follow(t, "http://"+a.addresses["http"]+"/v1/broadcasts/"+id+"/feed?grant="+w.Grant)
	c.whep(t, "http://"+a.addresses["http"]+"/whep/"+id, w.Grant)
	until(t, "everything to play", 15*time.Second, func() bool {
		return c.frames.Load() > 10 && c.feed.Load() && status(t, "GET", c.playlist, "") == 200
	})
	return c
}

func (c *crowdOf) follow(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatalf("the feed: %s", resp.Status)
	}
	c.feed.Store(true)
	go func() {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		c.feed.Store(false)
	}()
}

func (c *crowdOf) whep(t *testing.T, url, bearer string) {
	t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		defer close(c.gone)
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			c.frames.Add(1)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("the offer was answered with %s %v: %s", res.Status, err, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
}

// putOut wants everything to end soon after now, and says how soon.
func (c *crowdOf) putOut(t *testing.T, id, why string) {
	t.Helper()
	a, _ := server(t)
	began := time.Now()
	until(t, why+" to end HLS", within, func() bool { return status(t, "GET", c.playlist, "") == 401 })
	until(t, why+" to end the feed", within, func() bool { return !c.feed.Load() })
	until(t, why+" to end WHEP", within, func() bool { return a.whep.Viewers(id) == 0 })
	took := time.Since(began)
	frames := c.frames.Load()
	select {
	case <-c.gone:
	case <-time.After(5 * time.Second): // what was on its way may come, and no more
		t.Errorf("after %s the viewer's connection is open, with %d frames since", why, c.frames.Load()-frames)
	}
	t.Logf("%s put everybody out in %v", why, took.Round(time.Millisecond))
}

// TestOnlyWhoMayWatches goes through the levels of access on the running program, and through everything that takes
// the leave back.
func TestOnlyWhoMayWatches(t *testing.T) {
	a, _ := server(t)
	d := a.demoData
	var show listed
	call(t, "POST", "/v1/channels/"+d.Channel+"/broadcasts", "creator", map[string]string{"title": "For friends", "access": "followers"}, 201, &show)
	e := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+d.StreamKey)
	until(t, "on air", 15*time.Second, func() bool { return stateOfAs(t, show.ID, "creator") == "live" })
	base := "/v1/broadcasts/" + show.ID

	// A stranger sees that there is a show, and nothing of it.
	for path, want := range map[string]int{
		base: 200, base + "/scene": 403, base + "/pins": 403, base + "/feed": 403, "/hls/" + show.ID + "/index.m3u8": 401,
		"/hls/" + show.ID + "/~hk_grt_forged/index.m3u8": 401,
	} {
		if got := status(t, "GET", path, ""); got != want {
			t.Errorf("%s for a stranger: %d, want %d", path, got, want)
		}
	}
	for _, bearer := range []string{"", "hk_grt_forged", d.Tokens["viewer"]} {
		if got := status(t, "POST", "/whep/"+show.ID, bearer); got != 401 {
			t.Errorf("WHEP with %.10q: %d", bearer, got)
		}
	}
	var refused struct{ Code string }
	for who, code := range map[string]string{"": "follow-needed", "viewer": "follow-needed"} {
		if call(t, "POST", base+"/watch", who, asking(), 403, &refused); refused.Code != code {
			t.Errorf("%q is told %q", who, refused.Code)
		}
	}
	watch := func(who string, body any) (w watched) {
		call(t, "POST", base+"/watch", who, body, 201, &w)
		return w
	}
	watch("creator", asking()) // the team always may

	call(t, "PUT", "/v1/channels/"+d.Channel+"/follow", "viewer", nil, 204, nil)
	friends := watch("viewer", asking())
	if got := status(t, "GET", base+"/scene?grant="+friends.Grant, ""); got != 200 {
		t.Errorf("the scene with a grant: %d", got)
	}
	c := watchInEveryWay(t, show.ID, friends)
	for grant, want := range map[string]string{friends.Grant: "/hls/" + show.ID + "/~" + friends.Grant + "/dvr.m3u8", "hk_grt_forged": "", "": ""} {
		var told watchedAgain
		call(t, "GET", base+"?grant="+grant, "", nil, 200, &told)
		if told.rewind() != want || (want == "") != (len(told.Transports) == 0) {
			t.Errorf("with the grant %.10q it is told %+v", grant, told)
		}
	}
	call(t, "DELETE", "/v1/channels/"+d.Channel+"/follow", "viewer", nil, 204, nil)
	c.putOut(t, show.ID, "unfollowing")

	// A link for the press: as many as it says, until it is taken back.
	call(t, "PATCH", base, "creator", map[string]string{"access": "token"}, 200, nil)
	if onList(t, show.ID) {
		t.Error("a private show is on the public list")
	}
	var link struct{ ID, Token, URL string }
	call(t, "POST", base+"/viewing-tokens", "creator", map[string]any{"name": "press", "expires_in": 3600, "sessions_max": 1}, 201, &link)
	if !strings.HasSuffix(link.URL, "/b/"+show.ID+"?token="+link.Token) {
		t.Errorf("the link is %q", link.URL)
	}
	call(t, "POST", base+"/watch", "", asking("token", link.Token[:20]), 403, &refused)
	press := watch("", asking("token", link.Token))
	c = watchInEveryWay(t, show.ID, press)
	if call(t, "POST", base+"/watch", "", asking("token", link.Token), 409, &refused); refused.Code != "token-busy" {
		t.Errorf("a second one is told %q", refused.Code)
	}
	if again := watch("", asking("token", link.Token, "grant", press.Grant)); again.Grant == "" {
		t.Error("who comes back has no seat")
	}
	call(t, "DELETE", base+"/viewing-tokens/"+link.ID, "creator", nil, 204, nil)
	c.putOut(t, show.ID, "revoking the link")

	// Everybody, and then no longer.
	call(t, "PATCH", base, "creator", map[string]string{"access": "public"}, 200, nil)
	public := watch("", asking())
	if public.Grant != "" || public.playlist(t) != "/hls/"+show.ID+"/index.m3u8" {
		t.Errorf("a public show is watched by %+v", public)
	}
	c = watchInEveryWay(t, show.ID, public)
	call(t, "PATCH", base, "creator", map[string]string{"access": "followers"}, 200, nil)
	c.putOut(t, show.ID, "closing the show")

	call(t, "PUT", "/v1/channels/"+d.Channel+"/follow", "viewer", nil, 204, nil)
	grant := watch("viewer", asking()).Grant
	call(t, "POST", base+"/end", "creator", nil, 200, nil)
	e.stop()
	replayed(t, show.ID, grant)
	call(t, "DELETE", "/v1/channels/"+d.Channel+"/follow", "viewer", nil, 204, nil)
}

// replayed wants the recording to be as restricted as the show was.
func replayed(t *testing.T, id, grant string) {
	t.Helper()
	var w watched
	until(t, "the recording", 10*time.Second, func() bool {
		call(t, "POST", "/v1/broadcasts/"+id+"/watch", "viewer", asking(), 201, &w)
		return len(w.Transports) > 0
	})
	for path, want := range map[string]int{
		w.playlist(t): 200, fmt.Sprintf("/vod/%s/~%s/index.m3u8", id, grant): 200, "/vod/" + id + "/index.m3u8": 401,
	} {
		if got := status(t, "GET", path, ""); got != want {
			t.Errorf("%.40s…: %d, want %d", path, got, want)
		}
	}
}

func onList(t *testing.T, id string) bool {
	t.Helper()
	for _, b := range listLive(t) {
		if b.ID == id {
			return true
		}
	}
	return false
}

func stateOfAs(t *testing.T, id, who string) string {
	t.Helper()
	var b listed
	call(t, "GET", "/v1/broadcasts/"+id, who, nil, 200, &b)
	return b.State
}
