package main

import (
	"strconv"
	"testing"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// The browser's own HLS player, as far as Chromium can stand in for Safari: it plays our playlists without hls.js, and a pin's
// card lies on its frame by the date of the start of the timeline.
func TestJourneyThePinLandsOnTheFrameOfTheBrowsersOwnHLS(t *testing.T) {
	type change struct {
		At  mediatime.Time
		HLS []presented
	}
	var saw struct {
		Pins   []struct{ On, Off change }
		Own    bool
		HLSJS  bool
		Faults []string
	}
	browse(t, "native.mjs", &saw, numberZero(t))
	if !saw.Own || saw.HLSJS {
		t.Errorf("plays by itself: %v, fetched hls.js: %v", saw.Own, saw.HLSJS)
	}
	landed := false
	for _, pin := range saw.Pins {
		came := pinError(t, pin.On.HLS, burnt(t, pin.On.At))
		t.Logf("the card came %+d frames from frame %d", came, burnt(t, pin.On.At))
		landed = landed || abs(came) <= 2
	}
	if !landed {
		t.Error("no pin landed within 2 frames")
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}

// numberZero is when the demo's frame number 0 was, in milliseconds: tick 0 of the generation, whatever anchored it.
func numberZero(t *testing.T) string {
	t.Helper()
	a, _ := server(t)
	s, err := a.hub.Stream(a.demoData.Broadcast)
	if err != nil {
		t.Fatal(err)
	}
	anchor, _ := s.Anchors().Newest()
	g, ok := s.GenerationOf(anchor.Generation)
	if !ok {
		t.Fatalf("generation %d is gone", anchor.Generation)
	}
	video, _ := g.First(streaming.Video)
	return strconv.FormatInt(anchor.Date(video.Zero).UnixMilli(), 10)
}
