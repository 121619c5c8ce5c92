package develop_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
)

// spent is the CPU time of all children so far.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestALadderCostsWhatPlainFfmpegCosts makes the same rungs both ways in one run. The renditions, looking at the file included,
// may cost a tenth more than one plain command; what the pictures add is told.
func TestALadderCostsWhatPlainFfmpegCosts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc2=s=720x1280:r=30", "-f", "lavfi", "-i", "sine", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path)
	tools := &develop.Tools{Limits: develop.Limits{Niceness: 1}}
	begin := spent(t)
	f, err := tools.Probe(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	made, err := tools.Film(t.Context(), path, t.TempDir(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	renditions := spent(t) - begin
	if _, _, err := tools.Stills(t.Context(), made, 6*time.Second, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	ours := spent(t) - begin
	begin = spent(t)
	args := []string{"-threads", "1", "-i", path, "-filter_complex", "[0:v]fps=30,split=3[a][b][c];[a]scale=720:1280[v0];[b]scale=540:960[v1];[c]scale=360:640[v2]"}
	for i, r := range [][2]int{{23, 2_800_000}, {24, 1_600_000}, {25, 800_000}} {
		args = append(args, "-map", fmt.Sprintf("[v%d]", i), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60",
			"-sc_threshold", "0", "-x264-params", "open-gop=0:scenecut=0", "-crf", fmt.Sprint(r[0]), "-maxrate", fmt.Sprint(r[1]), "-bufsize", fmt.Sprint(2*r[1]), "-threads", "1",
			filepath.Join(dir, fmt.Sprintf("plain%d.mp4", i)))
	}
	ffmpeg(t, append(args, "-map", "0:a", "-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2", filepath.Join(dir, "plain.m4a"))...)
	plain := spent(t) - begin
	t.Logf("renditions %v, with pictures %v, plain ffmpeg %v: %.2f and %.2f", renditions, ours, plain, float64(renditions)/float64(plain), float64(ours)/float64(plain))
	if float64(renditions) > 1.1*float64(plain) {
		t.Errorf("the renditions cost %.2f of plain ffmpeg", float64(renditions)/float64(plain))
	}
}
