package making_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawkerlive/hawker/streaming/vod"
)

// While live work needs the machine, what is being made stands still; then it goes on.
func TestMakingStandsStillWhileTheShowNeedsTheMachine(t *testing.T) {
	h := build(t)
	tools, running, open := looking(t)
	var busy atomic.Bool
	busy.Store(true)
	tools.Busy = busy.Load
	h.send(t, "a", film(t))
	stood := false
	runs(t, h.maker(h.rows, h.blobs, tools), "the video to be looked at", func() bool {
		if stood {
			j, _, err := h.rows.JobOf(t.Context(), "a", vod.JobProcess)
			return err == nil && j.State == vod.JobFailed
		}
		for _, pid := range running() {
			if standsStill(pid) {
				stood = true
				busy.Store(false)
				open()
			}
		}
		return false
	})
}

// standsStill tells whether a process was stopped.
func standsStill(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(text), ") ")
	return ok && strings.HasPrefix(rest, "T")
}
