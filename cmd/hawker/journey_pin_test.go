package main

import (
	"slices"
	"testing"

	"github.com/hawkerlive/hawker/cmd/hawker/demo"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// presented is one frame that a player showed: the number burnt into it, and 1 if the card was as wanted.
type presented [2]int

// Journey 4: the creator pins a product, and the card appears in each viewer's player when that player shows the frame of
// the pin: the error is the number of frames presented between the pin's own, or the first after it, and the one with the
// card. A busy machine freezes pictures, so up to three pins are looked at and one exact one is a pass; all are told.
func TestJourneyThePinLandsOnTheFrame(t *testing.T) {
	type change struct {
		At        mediatime.Time
		WHEP, HLS []presented
	}
	var saw struct {
		Pins   []struct{ On, Off change }
		Faults []string
	}
	before := lateness(t)
	browse(t, "pin.mjs", &saw, "3")
	for transport, count := range lateness(t) { // of cards on their frame with a heartbeat: the first pins' at least
		t.Logf("%s: players told of %d cards how late they were", transport, count-before[transport])
		if count <= before[transport] {
			t.Errorf("%s: players told nothing of how late their cards were", transport)
		}
	}
	for transport, of := range map[string]func(change) []presented{
		"whep": func(c change) []presented { return c.WHEP },
		"hls":  func(c change) []presented { return c.HLS },
	} {
		most := map[string]int{"whep": 1, "hls": 2}[transport]
		on, off := false, false
		for _, pin := range saw.Pins {
			came, gone := pinError(t, of(pin.On), burnt(t, pin.On.At)), pinError(t, of(pin.Off), burnt(t, pin.Off.At))
			t.Logf("%s: the card came %+d frames from frame %d, and went %+d frames from frame %d", transport, came, burnt(t, pin.On.At), gone, burnt(t, pin.Off.At))
			on, off = on || abs(came) <= most, off || abs(gone) <= most
		}
		if !on || !off {
			t.Errorf("%s: no pin landed within %d frames (come %v, gone %v)", transport, most, on, off)
		}
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}

// lateness counts what players have told of how late cards were, by transport.
func lateness(t *testing.T) map[string]uint64 {
	t.Helper()
	a, _ := server(t)
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{"whep": 0, "hls": 0}
	for _, f := range families {
		if f.GetName() != "hawker_overlay_lateness_frames" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if _, ok := out[l.GetValue()]; ok {
					out[l.GetValue()] = m.GetHistogram().GetSampleCount()
				}
			}
		}
	}
	return out
}

// burnt is the number within the demo's loop of the frame that a media time belongs to: the one that it lies within half a
// frame of, which is the players' rule too. The demo's stamps count from its first picture, so tick 0 of a generation is
// number 0, whatever anchored the generation.
func burnt(t *testing.T, at mediatime.Time) int {
	t.Helper()
	a, _ := server(t)
	s, err := a.hub.Stream(a.demoData.Broadcast)
	if err != nil {
		t.Fatal(err)
	}
	anchor, _ := s.Anchors().For(at)
	g, ok := s.GenerationOf(anchor.Generation)
	if !ok {
		t.Fatalf("generation %d is gone", anchor.Generation)
	}
	video, _ := g.First(streaming.Video)
	const ticksPerFrame = streaming.VideoClockRate / demo.FrameRate
	return int((video.Ticks(at)+ticksPerFrame/2)/ticksPerFrame) % demo.Frames
}

// pinError counts the frames from the first one at or after the burnt-in number to the first with the card as wanted.
func pinError(t *testing.T, frames []presented, number int) int {
	t.Helper()
	due, change := -1, slices.IndexFunc(frames, func(f presented) bool { return f[1] == 1 })
	// The loop comes round: what was shown longer before than half of it says nothing.
	for i := max(0, change-demo.Frames/2+1); i < len(frames) && due < 0; i++ {
		if f := frames[i]; f[0] >= 0 && (f[0]-number+demo.Frames)%demo.Frames < demo.Frames/2 {
			due = i
		}
	}
	if due < 0 || change < 0 {
		t.Fatalf("frame %d was not presented in %v", number, frames)
	}
	return change - due
}

func abs(n int) int { return max(n, -n) }
