package transcode_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/transcode"
)

const asServer = "HAWKER_TEST_TRANSCODE_SERVER"

// TestServer is no test of its own: it is the process that the next one kills.
func TestServer(t *testing.T) {
	if os.Getenv(asServer) == "" {
		return // run by name only
	}
	s := air(t, transcode.Config{Ladder: "130:100"}, hlstest.FilmFor("4")...)
	if err := s.legs.Want("b", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ladder", func() bool { return s.legs.Status("b").State == transcode.Running })
	fmt.Println("transcoding", strings.Join(children(t, "scale=130:"), " "))
	<-t.Context().Done() // it is killed long before
}

func TestFFmpegDiesWithAKilledServer(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServer$", "-test.v")
	server.Env = append(os.Environ(), asServer+"=1")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []string
	for lines := bufio.NewScanner(out); pids == nil && lines.Scan(); {
		if list, ok := strings.CutPrefix(lines.Text(), "transcoding "); ok {
			pids = strings.Fields(list)
		}
	}
	if len(pids) == 0 {
		t.Fatal("the server has no ffmpeg")
	}
	if err := server.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // killed
	for _, pid := range pids {
		eventually(t, "the end of ffmpeg", func() bool { return gone(pid) })
	}
}

// gone tells whether a process has ended; one that nobody has waited for yet has.
func gone(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}
