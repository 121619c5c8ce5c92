package main

import (
	"testing"
	"time"
)

// TestARehearsalIsTheTeamsAlone: with an encoder on it, its people watch it in every way, and for everybody else it does
// not exist, neither then nor when it is over.
func TestARehearsalIsTheTeamsAlone(t *testing.T) {
	a, _ := server(t)
	d := a.demoData
	var show listed
	call(t, "POST", "/v1/channels/"+d.Channel+"/broadcasts", "creator", map[string]any{"title": "Before the show", "rehearsal": true, "access": "public"}, 422, nil)
	call(t, "POST", "/v1/channels/"+d.Channel+"/broadcasts", "creator", map[string]any{"title": "Before the show", "rehearsal": true}, 201, &show)
	call(t, "PATCH", "/v1/broadcasts/"+show.ID, "creator", map[string]any{"access": "public"}, 409, nil)
	e := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+d.StreamKey)
	var team watched
	path := "/v1/broadcasts/" + show.ID
	until(t, "media", 30*time.Second, func() bool { _, sending := a.hub.Now(show.ID); return sending })
	until(t, "leave for the team", 30*time.Second, func() bool { // not while a change of somebody's roles is fresh
		call(t, "POST", path+"/watch", "creator", asking(), 201, &team)
		return team.Grant != "" && status(t, "GET", team.playlist(t), "") == 200 && status(t, "GET", path+"/feed?grant="+team.Grant, "") == 200
	})
	crowd := watchInEveryWay(t, show.ID, team)
	until(t, "the record of its media", 15*time.Second, func() bool {
		b, err := a.broadcasts.Get(t.Context(), show.ID)
		return err == nil && len(b.Anchors) > 0
	})
	if s := stateOfAs(t, show.ID, "creator"); s != "rehearsal" {
		t.Fatalf("with an encoder it is %s", s)
	}
	for _, closed := range []struct{ method, path string }{
		{"GET", path}, {"GET", path + "/scene"}, {"GET", path + "/feed"}, {"GET", path + "/chat"}, {"POST", path + "/watch"},
		{"POST", "/whep/" + show.ID}, {"GET", "/hls/" + show.ID + "/index.m3u8"},
	} {
		if got := status(t, closed.method, closed.path, a.demoData.Tokens["viewer"]); got < 400 || got == 429 {
			t.Errorf("%s %s for a viewer: %d", closed.method, closed.path, got)
		}
	}
	call(t, "POST", path+"/end", "creator", nil, 200, nil)
	e.stop()
	until(t, "the end", 30*time.Second, func() bool { return !crowd.feed.Load() || stateOfAs(t, show.ID, "creator") == "ended" })
	var all struct{ Items []listed }
	call(t, "GET", "/v1/broadcasts?channel="+d.Channel, "viewer", nil, 200, &all)
	for _, one := range all.Items {
		if one.ID == show.ID {
			t.Error("a rehearsal that is over stands in the list")
		}
	}
}
