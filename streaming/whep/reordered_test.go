package whep_test

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// A stream with B-frames is refused; once a rendition has the pictures in order it is served from that.
func TestARenditionInOrderStandsInForAPictureWithBFrames(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "reordered", "bframes.h264")
	p.write(20)
	stream, err := h.hub.Stream("reordered")
	if err != nil {
		t.Fatal(err)
	}
	units := accessUnits(t, "clip.h264")
	r, err := stream.AddRendition(streaming.RenditionInfo{Name: "360p", Bitrate: 500_000})
	if err == nil {
		err = r.Begin(stream.Generation().Number, videoTrack(units))
	}
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	both := func() {
		pts := int64(at) * frameTicks
		nals := units[at%len(units)]
		if err := r.Write(&streaming.Unit{Track: 1, PTS: pts, DTS: pts, Key: isKey(nals), Payload: nals}); err != nil {
			t.Error(err)
		}
		at++
		p.write(1)
	}
	for range 20 {
		both()
	}
	v := watch(h, "reordered", nil)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for seen, end := 0, time.After(time.Minute); seen < 30; {
		select {
		case <-v.packets:
			seen++
		case <-tick.C:
			both()
		case <-end:
			t.Fatalf("%d packets came", seen)
		}
	}
}
