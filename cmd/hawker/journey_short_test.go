package main

import (
	"os/exec"
	"path/filepath"
	"testing"
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
	var saw struct {
		Video      string
		Hidden     int
		Seen       map[string]int
		BoughtFrom string `json:"bought_from"`
		State      string
		Faults     []string
	}
	browse(t, "short.mjs", &saw, file)
	if saw.Video == "" || saw.BoughtFrom != saw.Video || saw.State != "paid" {
		t.Errorf("the order names %q, is %q; the video was %q", saw.BoughtFrom, saw.State, saw.Video)
	}
	if saw.Hidden != 404 {
		t.Errorf("a draft was answered with %d", saw.Hidden)
	}
	if len(saw.Seen) != 5 || len(saw.Faults) > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
}
