package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Journey: a short video from the phone to the order. The creator sends a file, lays a product on its seconds 2 to 5 and
// publishes; a viewer sees the card then and not otherwise, and buys; the order names the video.
func TestJourneyShortVideo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dusk.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=360x640:r=30",
		"-f", "lavfi", "-i", "sine=440", "-t", "7", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	still := filepath.Join(t.TempDir(), "still.png")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=480x640", "-frames:v", "1", still).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	type picture struct {
		ID    string
		Width int
		Lasts float64 // hours
	}
	var saw struct {
		Video      string
		Hidden     int
		Seen       map[string]int
		BoughtFrom string `json:"bought_from"`
		State      string
		Stills     struct {
			Picture, Story picture
			Slip, Deleted  int
		}
		Faults []string
	}
	browse(t, "short.mjs", &saw, file, still)
	if saw.Video == "" || saw.BoughtFrom != saw.Video || saw.State != "paid" {
		t.Errorf("the order names %q, is %q; the video was %q", saw.BoughtFrom, saw.State, saw.Video)
	}
	if saw.Hidden != 404 {
		t.Errorf("a draft was answered with %d", saw.Hidden)
	}
	if len(saw.Seen) != 5 || len(saw.Faults) > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
	// A picture has no end, a story one; what was held down long enough to delete is gone, what was only touched is not.
	stills := saw.Stills
	if stills.Picture.Width != 480 || stills.Picture.Lasts != 0 || stills.Story.Width != 480 || stills.Story.Lasts != 24 || stills.Slip != 200 || stills.Deleted != 404 {
		t.Errorf("pictures: %+v", stills)
	}
	// A day later the story is over.
	a, _ := server(t)
	later := vod.Library{Videos: a.library.Videos, Blobs: a.blobs, Now: func() time.Time { return time.Now().Add(25 * time.Hour) }}
	if err := later.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	call(t, "GET", "/v1/videos/"+stills.Story.ID, "viewer", nil, 404, nil)
	var own api.VideoBody
	call(t, "GET", "/v1/videos/"+stills.Story.ID, "creator", nil, 200, &own)
	if own.State != vod.StateHidden || own.Kind != vod.KindStory || len(own.Transports) != 0 {
		t.Errorf("a story that is over: %+v", own)
	}
}
