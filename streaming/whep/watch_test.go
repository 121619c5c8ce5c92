package whep_test

import (
	"net/http"
	"testing"

	"github.com/pion/rtcp"
)

func TestAViewerSeesWhatIsPublished(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		p.write(40) // a group of pictures and a third
		p.stream()
		v := watch(h, "show", w.viewer)
		v.pictures(p, 40)
		if a, b := next(t, v.sound), next(t, v.sound); b.Timestamp-a.Timestamp != opusTicks {
			t.Errorf("two Opus packets of 20 ms are %d ticks apart", b.Timestamp-a.Timestamp)
		}
		if e := event(t, h); !e.Watching || e.Broadcast != "show" {
			t.Errorf("the hook was told %+v", e)
		}
		if n := h.server.Viewers("show"); n != 1 {
			t.Errorf("the broadcast has %d viewers", n)
		}
		if res := h.do(http.MethodDelete, v.location, "", "", nil); res.StatusCode != http.StatusOK {
			t.Errorf("DELETE was answered with %s", res.Status)
		}
		if e := event(t, h); e.Watching || e.Reason != "deleted" || e.Stats.Packets == 0 {
			t.Errorf("the hook was told %+v", e)
		}
		if n := h.server.Viewers("show"); n != 0 {
			t.Errorf("after DELETE the broadcast has %d viewers", n)
		}
	})
}

func TestSenderReportsTieSoundToPicture(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		p.write(30)
		p.stream()
		v := watch(h, "show", w.viewer)
		videoBase, videoMedia := v.mark(0)
		audioBase, audioMedia := v.mark(1)
		videoSSRC := next(t, v.packets).SSRC
		// Media time by the report's wall clock must be the same for both tracks.
		var wall [2]int64
		var media [2]float64
		for wall[0] == 0 || wall[1] == 0 {
			report, ok := (<-v.reports).(*rtcp.SenderReport)
			if !ok {
				continue
			}
			i, at := 0, float64(videoMedia)+float64(int32(report.RTPTime-videoBase))/0.09
			if report.SSRC != videoSSRC {
				i, at = 1, float64(audioMedia)+float64(int32(report.RTPTime-audioBase))/0.048
			}
			wall[i] = int64(float64(report.NTPTime) / (1 << 32) * 1e6)
			media[i] = at
		}
		if d := (media[0] - float64(wall[0])) - (media[1] - float64(wall[1])); d > 1000 || d < -1000 {
			t.Errorf("the reports put sound and picture %.0f µs apart", d)
		}
	})
}
