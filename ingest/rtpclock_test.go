package ingest_test

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest"
)

func TestReportsMoveThePictureToTheSound(t *testing.T) {
	t.Parallel()
	var c ingest.RTPClock
	video, audio := ingest.NewRTPTrack(90000), ingest.NewRTPTrack(48000)
	begin := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	// Both began at the same instant; the first picture took 120 ms longer to arrive. The sound's stamps wrap.
	if at := c.Place(&audio, 1<<32-1000, begin); at != 0 {
		t.Errorf("the first sound is at %d", at)
	}
	if at := c.Place(&video, 777, begin.Add(120*time.Millisecond)); at != 120*90 {
		t.Errorf("the first picture is at %d", at)
	}
	sender := begin.Add(time.Hour)                       // the publisher's clock is an hour ahead
	c.Report(&audio, 48000-1000, sender, &video, &audio) // one second after its first
	c.Report(&video, 777+90000, sender, &video, &audio)
	if at := c.Place(&video, 777+90000, begin.Add(1100*time.Millisecond)); at != 90000 {
		t.Errorf("the picture of one second is at %d ticks, want 90000", at)
	}
	if at := c.Place(&audio, 48000-1000, begin.Add(1100*time.Millisecond)); at != 48000 {
		t.Errorf("the sound of one second is at %d samples, want 48000", at)
	}
	// A later report that is off by less than 40 ms changes nothing, one that is off by more does.
	c.Report(&video, 777+2*90000, sender.Add(time.Second+30*time.Millisecond), &video, &audio)
	if at := c.Place(&video, 777+2*90000, begin); at != 2*90000 {
		t.Errorf("a small change moved the picture to %d", at)
	}
	c.Report(&video, 777+3*90000, sender.Add(2*time.Second+60*time.Millisecond), &video, &audio)
	if at := c.Place(&video, 777+3*90000, begin); at != 3*90000+60*90 {
		t.Errorf("a large change moved the picture to %d", at)
	}
}
