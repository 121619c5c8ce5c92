// Command churn opens and closes sessions of the real server by the thousand and looks whether anything stays behind.
// What enters is a protocol and a number; what leaves is one line per slice in a file: heap, goroutines and
// descriptors of the server before and after, but for those of the database's pools, which have a bound of their own.
// It warms the server up first, lets it settle before each look, and goes on at the next run until the protocol has its
// total. It refuses to call a slice clean that left more than 2 % behind
// (at least two, where things are counted), or that had a cycle fail. make churn runs it; a protocol is one entry in
// the table of protocols.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// cycle opens a session, sees that media come, and ends it, one way or another by its number.
type cycle func(ctx context.Context, n int) error

// protocol is what churn knows of one.
type protocol struct {
	open  func(s *server) (cycle, error) // makes its cycles against a running server
	gone  []string                       // metrics of the server that are zero when the last session has gone
	stays float64                        // but for this many, each: the demo show publishes itself
}

// protocols are all that there are.
var protocols = map[string]protocol{
	"rtmp":         {watchRTMP, []string{"hawker_rtmp_viewers"}, 0},
	"rtsp":         {watchRTSP, []string{"hawker_rtsp_viewers"}, 0},
	"whep":         {watchWHEP, []string{"hawker_whep_viewers", "hawker_whep_half_open"}, 0},
	"hls":          {watchHLS, []string{"hawker_hls_waiting", "hawker_hls_packagers"}, 0},
	"feed":         {followFeed, []string{"hawker_feed_connections"}, 0},
	"publish-rtmp": {publishRTMP, []string{"hawker_ingest_sessions", "hawker_rtmp_connections"}, 1},
	"publish-rtsp": {publishRTSP, []string{"hawker_ingest_sessions"}, 1},
	"publish-srt":  {publishSRT, []string{"hawker_ingest_sessions"}, 1},
	"publish-whip": {publishWHIP, []string{"hawker_ingest_sessions"}, 1},
	"malformed":    {malformed, []string{"hawker_ingest_sessions", "hawker_rtmp_connections"}, 1},
}

var columns = []string{"at", "commit", "protocol", "cycles", "failed", "result", "heap_before", "heap_after",
	"goroutines_before", "goroutines_after", "descriptors_before", "descriptors_after", "seconds"}

const (
	cycleTakes = 20 * time.Second // at most
	tolerance  = 0.02
	countSlack = 2 // of what is counted in pieces
)

type settings struct {
	binary, csv, protocol         string
	cycles, total, slice, workers int
	warm                          int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c settings
	names := strings.Join(slices.Sorted(maps.Keys(protocols)), ", ")
	flag.StringVar(&c.binary, "binary", "bin/hawker", "the server")
	flag.StringVar(&c.csv, "csv", "docs/evidence/churn.csv", "where each slice gets its line")
	flag.StringVar(&c.protocol, "protocol", "whep", "one of "+names)
	flag.IntVar(&c.cycles, "cycles", 10_000, "cycles of this run, at most")
	flag.IntVar(&c.total, "total", 50_000, "cycles that the protocol is to have in all runs together")
	flag.IntVar(&c.slice, "slice", 2_500, "cycles to a line")
	flag.IntVar(&c.workers, "workers", 8, "sessions at the same time")
	flag.IntVar(&c.warm, "warm", 3000, "cycles before the look that the others are compared with")
	flag.Parse()
	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "churn:", err)
		os.Exit(1)
	}
}

// run carries out what is left to do.
func run(ctx context.Context, c settings, out io.Writer) (err error) {
	kind, ok := protocols[c.protocol]
	if !ok {
		return fmt.Errorf("there is no protocol %q; there are %s", c.protocol, strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
	}
	before, err := done(c.csv, c.protocol)
	if err != nil {
		return err
	}
	left := min(c.cycles, c.total-before)
	fmt.Fprintf(out, "%s: %d of %d cycles are done\n", c.protocol, before, c.total)
	if left <= 0 {
		return nil
	}
	s, err := start(ctx, c.binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	one, err := kind.open(s)
	if err != nil {
		return err
	}
	var first figures
	for half := range 2 { // what the first look itself leaves behind is there by the second
		if failed, err := turn(ctx, one, half*c.warm/2, c.warm/2, c.workers); failed > 0 {
			return fmt.Errorf("%d of %d cycles failed while warming up: %w", failed, c.warm/2, err)
		}
		if first, err = s.look(ctx, kind); err != nil {
			return err
		}
	}
	commit, dirty := commit(), 0
	for n := 0; n < left && ctx.Err() == nil; n += c.slice {
		began := time.Now()
		count := min(c.slice, left-n)
		failed, why := turn(ctx, one, c.warm+n, count, c.workers)
		if ctx.Err() != nil {
			return ctx.Err() // an interrupted slice is none
		}
		after, err := s.look(ctx, kind)
		if err != nil {
			return err
		}
		result := first.compare(after)
		if bad := s.log.heard(); bad != nil {
			result, why = "log", errors.Join(why, bad)
		}
		if failed > 0 {
			result = "failed"
		}
		if result != "clean" {
			dirty++
		}
		line := []string{time.Now().UTC().Format(time.RFC3339), commit, c.protocol, strconv.Itoa(count), strconv.Itoa(failed), result,
			strconv.Itoa(first.heap), strconv.Itoa(after.heap), strconv.Itoa(first.goroutines), strconv.Itoa(after.goroutines),
			strconv.Itoa(first.descriptors), strconv.Itoa(after.descriptors), fmt.Sprintf("%.1f", time.Since(began).Seconds())}
		if err := appendLine(c.csv, line); err != nil {
			return err
		}
		fmt.Fprintln(out, strings.Join(line, ","))
		if why != nil {
			fmt.Fprintln(out, why)
		}
	}
	if dirty > 0 {
		return fmt.Errorf("%d slices were not clean", dirty)
	}
	return ctx.Err()
}

// turn runs cycles from the first number on, several at a time, and returns how many failed and one of the reasons.
func turn(ctx context.Context, one cycle, first, count, workers int) (failed int, why error) {
	var next, bad atomic.Int64
	var reason atomic.Pointer[error]
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= count || ctx.Err() != nil {
					return
				}
				within, cancel := context.WithTimeout(ctx, cycleTakes)
				err := one(within, first+n)
				cancel()
				if err != nil {
					bad.Add(1)
					reason.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if e := reason.Load(); e != nil {
		why = *e
	}
	return int(bad.Load()), why
}

// done counts the cycles of clean slices in the file.
func done(path, protocol string) (n int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	for _, line := range lines[min(1, len(lines)):] {
		if line[2] != protocol || line[5] != "clean" {
			continue
		}
		cycles, err := strconv.Atoi(line[3])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		n += cycles
	}
	return n, nil
}

// appendLine adds one line, with the head if the file is new.
func appendLine(path string, line []string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(f)
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		if err := w.Write(columns); err != nil {
			return err
		}
	}
	if err := w.Write(line); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// commit names the sources that run.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
