package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Journey 8: people talk beside a show. One says something and the other reads it; a word that may be chance waits for
// the moderator, who shows it; a line lies over the picture; who is muted reads so; who is banned is out, and stays out
// when they come again. A show that is over shows its chat on its frames.
func TestJourneyTalk(t *testing.T) {
	a, _ := server(t)
	encoder := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+a.demoData.StreamKey)
	var id string
	until(t, "on air", 15*time.Second, func() bool {
		for _, b := range liveOf(t, a.demoData.Channel) {
			id = b.ID
		}
		return id != "" && stateOf(t, id) == "live"
	})
	const text = "said while it was live"
	call(t, "POST", "/v1/broadcasts/"+id+"/chat/messages", "creator", map[string]any{"text": text}, 201, nil)
	time.AfterFunc(6*time.Second, encoder.stop)
	until(t, "over", 60*time.Second, func() bool { return stateOf(t, id) == "ended" })
	call(t, "POST", "/v1/broadcasts/"+id+"/chat/messages", "creator", map[string]any{"text": "too late"}, 409, nil)
	var saw struct {
		Seen, Held, Approved, Announced, Banned, Liked, Replay bool
		Muted                                                  string
		Acts                                                   []string
		Faults                                                 []string
	}
	browse(t, "chat.mjs", &saw, id, text)
	if !saw.Seen || !saw.Held || !saw.Approved || !saw.Announced || !saw.Banned || !saw.Liked || !saw.Replay || !strings.Contains(saw.Muted, "muted") {
		t.Errorf("they saw %+v", saw)
	}
	if want := []string{"ban", "mute", "announcement.set", "message.approved"}; !slices.Equal(saw.Acts, want) {
		t.Errorf("what was done: %q, want %q", saw.Acts, want)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
