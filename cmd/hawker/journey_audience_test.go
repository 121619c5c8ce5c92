package main

import (
	"strings"
	"testing"
	"time"
)

// A creator decides in the studio who may watch, and the pages of strangers, followers and guests with a link follow
// that: while it is on air, wound back, and as a recording.
func TestJourneyAShowThatIsNotForEverybody(t *testing.T) {
	a, _ := server(t)
	d := a.demoData
	var show listed
	call(t, "POST", "/v1/channels/"+d.Channel+"/broadcasts", "creator", map[string]string{"title": "For friends"}, 201, &show)
	t.Cleanup(func() { // the channel's other shows are for everybody again, however this one went
		attempt(a, "PATCH", "/v1/broadcasts/"+show.ID, "creator", `{"access":"public"}`)
		attempt(a, "POST", "/v1/broadcasts/"+show.ID+"/end", "creator", "{}")
	})
	e := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+d.StreamKey)
	until(t, "on air", 15*time.Second, func() bool { return stateOfAs(t, show.ID, "creator") == "live" })
	var saw struct {
		SignIn      string
		StrangerSaw int
		Friend      string
		ClosedMS    int `json:"closed_ms"`
		RevokedMS   int `json:"revoked_ms"`
		Faults      []string
	}
	browse(t, "access.mjs", &saw, show.ID)
	e.stop()
	if !strings.HasPrefix(saw.SignIn, "/sign-in?next=") || saw.StrangerSaw > 0 {
		t.Errorf("a stranger is sent to %q and saw %d pictures", saw.SignIn, saw.StrangerSaw)
	}
	if saw.Friend != "whep" {
		t.Errorf("a follower watches over %s", saw.Friend)
	}
	for _, fault := range saw.Faults {
		t.Errorf("a page says %s", fault)
	}
}
