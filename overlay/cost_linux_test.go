package overlay_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
)

const (
	costWay       = "HAWKER_FEED_COST" // in the environment of the process that serves
	costReaders   = 400
	costMessages  = 40
	rawBytesMax   = 1 << 10
	tlsBytesMax   = 60 << 10
	costPerBatch  = 5 * time.Millisecond // paces messages so that each leaves alone
	costWaitLines = 3 * patience
)

// TestWhatAReaderCosts measures both sinks in a process of their own: memory of a reader that is idle, and CPU per
// message. The memory has limits (1 KB, and 60 KB under TLS); of the CPU it only tells.
func TestWhatAReaderCosts(t *testing.T) {
	for way, most := range map[string]float64{"plain": rawBytesMax, "TLS": tlsBytesMax} {
		t.Run(way, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), costWaitLines)
			defer cancel()
			child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestServeForTheCost$", "-test.count=1")
			child.Env = append(os.Environ(), costWay+"="+way)
			child.Stderr = os.Stderr
			in, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			s := &stage{t: t}
			if !lines.Scan() {
				t.Fatal("the server did not begin")
			}
			s.url = lines.Text()
			ask := func(what string) (bytes, us float64) {
				fmt.Fprintln(in, what)
				if !lines.Scan() {
					t.Fatal("the server ended")
				}
				if _, err := fmt.Sscan(lines.Text(), &bytes, &us); err != nil {
					t.Fatalf("%q: %v", lines.Text(), err)
				}
				return bytes, us
			}
			s.upgraded(t, "") // what the first one costs is not counted
			before, _ := ask("look")
			all := make([]*line, 0, costReaders)
			for range costReaders {
				l := s.upgraded(t, "")
				_ = l.conn.SetDeadline(time.Now().Add(costWaitLines))
				all = append(all, l)
			}
			idle, started := ask("look")
			var readers sync.WaitGroup
			for _, l := range all {
				readers.Go(func() {
					for seen := 0; seen < costMessages; {
						f, err := ws.ReadFrame(l.r)
						if err != nil {
							t.Error(err)
							return
						}
						seen += strings.Count(string(f.Payload), `"pin.placed"`)
					}
				})
			}
			_, ended := ask("publish")
			readers.Wait()
			_, last := ask("look")
			perReader := (idle - before) / costReaders
			t.Logf("%.0f bytes of heap and stacks per idle reader, %.1f µs of CPU per message (%.1f with what followed)", perReader,
				(ended-started)/costReaders/costMessages, (last-started)/costReaders/costMessages)
			if perReader > most*costFactor {
				t.Errorf("an idle reader costs %.0f bytes, want at most %.0f", perReader, most*costFactor)
			}
			in.Close()
			if err := child.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServeForTheCost is that process. By itself it has nothing to do.
func TestServeForTheCost(t *testing.T) {
	way := os.Getenv(costWay)
	if way == "" {
		return
	}
	s := serveBy(t, map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer}[way],
		func(f *overlay.Feed, _ *event.MemoryConfig) { f.NoLimits = nil })
	fmt.Println(s.url)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "publish" {
			pace := time.NewTicker(costPerBatch)
			for i := range costMessages {
				s.publish(pin(topic, i))
				<-pace.C
			}
			pace.Stop()
		}
		for range 3 { // pools give up what they hold by the second
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
		fmt.Println(m.HeapAlloc+m.StackInuse, float64(used.Utime.Nano()+used.Stime.Nano())/1e3)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
