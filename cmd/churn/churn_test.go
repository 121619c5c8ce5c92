package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAFewCyclesOfEachProtocol drives the real binary.
func TestAFewCyclesOfEachProtocol(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "hawker")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/hawkerlive/hawker/cmd/hawker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, err := start(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	for name, kind := range protocols {
		one, err := kind.open(s)
		if err != nil {
			t.Fatal(err)
		}
		if failed, err := turn(t.Context(), one, 0, 12, 3); failed > 0 {
			t.Errorf("%s: %d of 12 cycles failed: %v", name, failed, err)
		}
	}
	f, err := s.look(t.Context(), protocols["whep"])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.log.heard(); err != nil {
		t.Error(err)
	}
	if f.heap < 1<<20 || f.goroutines < 10 || f.descriptors < 10 || f.database < 6 {
		t.Errorf("the server holds %+v", f)
	}
}

func TestWhatStaysBehindIsNotClean(t *testing.T) {
	t.Parallel()
	before := figures{heap: 30 << 20, goroutines: 200, descriptors: 40}
	for _, c := range []struct {
		after  figures
		result string
	}{
		{before, "clean"},
		{figures{30<<20 + 600_000, 204, 42, 20}, "clean"},
		{figures{30<<20 + 700_000, 200, 40, 0}, "heap"},
		{figures{30 << 20, 205, 40, 0}, "goroutines"},
		{figures{30 << 20, 200, 43, 0}, "descriptors"},
		{figures{20 << 20, 100, 20, 0}, "clean"},            // it may shrink
		{figures{30 << 20, 200, 40, databaseMost}, "clean"}, // its pools are full
		{figures{30 << 20, 200, 40, databaseMost + 1}, "database"},
	} {
		if got := before.compare(c.after); got != c.result {
			t.Errorf("%+v after %+v is %q, want %q", c.after, before, got, c.result)
		}
	}
}

func TestARunGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "evidence", "churn.csv")
	if n, err := done(path, "whep"); n != 0 || err != nil {
		t.Fatalf("a file that is not there has %d cycles, %v", n, err)
	}
	for _, line := range [][]string{
		{"2026-11-20T12:00:00Z", "abc", "whep", "2500", "0", "clean", "1", "1", "1", "1", "1", "1", "9.0"},
		{"2026-11-20T12:00:00Z", "abc", "whep", "2500", "3", "failed", "1", "1", "1", "1", "1", "1", "9.0"},
		{"2026-11-20T12:00:00Z", "abc", "hls", "100", "0", "clean", "1", "1", "1", "1", "1", "1", "9.0"},
		{"2026-11-20T12:00:00Z", "abc", "whep", "2500", "0", "clean", "1", "1", "1", "1", "1", "1", "9.0"},
	} {
		if err := appendLine(path, line); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := done(path, "whep"); n != 5000 || err != nil {
		t.Errorf("%d cycles, %v", n, err)
	}
	// A protocol that has its total needs no server.
	var out strings.Builder
	if err := run(t.Context(), settings{binary: "/nowhere", csv: path, protocol: "whep", cycles: 10, total: 5000}, &out); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), settings{csv: path, protocol: "morse"}, io.Discard); err == nil || !strings.Contains(err.Error(), "whep") {
		t.Errorf("an unknown protocol: %v", err)
	}
}

func TestFailedCyclesAreCounted(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	failed, why := turn(t.Context(), func(_ context.Context, n int) error {
		if n%10 == 0 {
			return broken
		}
		return nil
	}, 100, 50, 4)
	if failed != 5 || !errors.Is(why, broken) {
		t.Errorf("%d cycles failed: %v", failed, why)
	}
}

func TestMetricsAreAddedUp(t *testing.T) {
	t.Parallel()
	page := "# HELP x y\nx{transport=\"udp\"} 3\nx{transport=\"tcp\"} 4\nxy 100\nx 2\n"
	if got := sum(page, "x"); got != 9 {
		t.Errorf("the sum is %v", got)
	}
}
