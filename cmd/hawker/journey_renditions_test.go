package main

import (
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
)

// A creator asks for smaller pictures of a running broadcast, and ffmpeg makes them on the same timeline.
func TestJourneyALadderOnDemand(t *testing.T) {
	a, _ := server(t)
	id := a.demoData.Broadcast
	path := "/v1/broadcasts/" + id + "/ladder"
	var ladder api.Ladder
	call(t, "PUT", path, "viewer", nil, 404, nil)
	call(t, "GET", path, "creator", nil, 200, &ladder)
	if ladder.State != "off" {
		t.Errorf("before anybody asked it is %s", ladder.State)
	}
	call(t, "PUT", path, "creator", nil, 200, &ladder)
	until(t, "smaller pictures", 20*time.Second, func() bool {
		call(t, "GET", path, "creator", nil, 200, &ladder)
		return ladder.State == "running"
	})
	s, err := a.hub.Stream(id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range s.Renditions() {
		info, _ := r.Rendition()
		names = append(names, info.Name)
	}
	if want := []string{"480p", "360p"}; !slices.Equal(names, want) || len(ladder.Renditions) != 2 {
		t.Errorf("made are %v and %+v, want %v of a source of 540 lines", names, ladder.Renditions, want)
	}
	if kept, err := a.broadcasts.Ladders(t.Context()); err != nil || !slices.Contains(kept, id) {
		t.Errorf("remembered are %v, %v", kept, err)
	}
	call(t, "DELETE", path, "creator", nil, 200, &ladder)
	until(t, "their end", 10*time.Second, func() bool { return len(s.Renditions()) == 0 })
}

// A viewer over LL-HLS who came before there were smaller pictures can choose one without a reload.
func TestJourneyQualitiesThatComeLater(t *testing.T) {
	var saw struct {
		Before, Lists, Width, Gap, Black int
		Faults                           []string
	}
	browse(t, "later.mjs", &saw)
	if saw.Before != 1 || saw.Lists != 2 || saw.Width == 0 || saw.Black > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
