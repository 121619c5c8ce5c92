package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startsWithin = 60 * time.Second
	stopsWithin  = 20 * time.Second
	settlesIn    = time.Minute // after the last cycle, at most
	looks        = 9
	lookEvery    = time.Second
)

// server is a demo server of its own, on loopback and an empty folder.
type server struct {
	cmd       *exec.Cmd
	dir       string
	done      chan struct{}
	err       error
	http      *http.Client
	url       string // of the pages
	metrics   string
	broadcast string
	key       string // of the idle channel
	log       *ears

	rtmp, rtsp, srt, webrtcIngest string
}

// start starts the binary and waits until its demo broadcast is on air.
func start(ctx context.Context, binary string) (*server, error) {
	dir, err := os.MkdirTemp("", "churn-")
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready.json")
	args := []string{"demo", "--data", filepath.Join(dir, "data"), "--ready-file", ready, "--log.level", "warn", "--recording=false",
		// Between two slices the idle channel's broadcast ends, and with it the list of its generations.
		"--broadcast.grace", "3s", "--broadcast.rest", "1s",
		// What was told of it is kept for those who come back; not for longer than a slice takes.
		"--events.age", "5s", "--events.idle", "8s"}
	for _, door := range []string{"http", "metrics", "rtmp", "srt", "rtsp", "webrtc", "webrtc-ingest"} {
		args = append(args, "--"+door, "127.0.0.1:0")
	}
	s := &server{
		cmd: exec.Command(binary, args...), dir: dir, done: make(chan struct{}),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: cycleTakes},
	}
	s.log = &ears{out: os.Stderr}
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	if err := s.wait(ctx, ready); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) wait(ctx context.Context, ready string) error {
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	return until(ctx, func() bool {
		text, err := os.ReadFile(ready)
		if err != nil {
			return false
		}
		var r struct {
			HTTP, Metrics, RTMP, RTSP, SRT string
			WebRTCIngest                   string `json:"webrtc_ingest"`
			Demo                           struct {
				Broadcast string
				StreamKey string `json:"stream_key"`
			}
		}
		if json.Unmarshal(text, &r) != nil {
			return false
		}
		s.url, s.metrics, s.broadcast = "http://"+r.HTTP, "http://"+r.Metrics, r.Demo.Broadcast
		s.rtmp, s.rtsp, s.srt, s.webrtcIngest, s.key = r.RTMP, r.RTSP, r.SRT, r.WebRTCIngest, r.Demo.StreamKey
		page, err := s.get(ctx, s.url+"/v1/broadcasts?state=live")
		return err == nil && strings.Contains(page, s.broadcast)
	})
}

// until waits for a condition.
func until(ctx context.Context, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stop ends the server and removes what it stored.
func (s *server) stop() error {
	s.http.CloseIdleConnections()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	late := time.AfterFunc(stopsWithin, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	<-s.done
	return errors.Join(s.err, os.RemoveAll(s.dir))
}

// get returns a page.
func (s *server) get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := s.http.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return string(b), err
}

// figures are what a server holds. Its connections to the database are counted apart: a pool opens them as callers
// meet, whatever the callers are, and keeps them.
type figures struct{ heap, goroutines, descriptors, database int }

// databaseMost is what the pools of the two SQLite files may hold when they are full: the file and its log for each of
// ten connections (a writer, eight readers, the one that copies the log back), and the memory that they share.
const databaseMost = 2 * (2*10 + 1)

// compare tells what has grown.
func (f figures) compare(after figures) string {
	counted := func(n int) int { return n + max(countSlack, int(float64(n)*tolerance)) }
	switch {
	case float64(after.heap) > float64(f.heap)*(1+tolerance):
		return "heap"
	case after.goroutines > counted(f.goroutines):
		return "goroutines"
	case after.descriptors > counted(f.descriptors):
		return "descriptors"
	case after.database > databaseMost:
		return "database"
	}
	return "clean"
}

// look waits until the last sessions have gone and looks at the server some times. Of what is counted the median
// holds; of the heap, which breathes with the show that is on air, the least.
func (s *server) look(ctx context.Context, kind protocol) (figures, error) {
	settle, cancel := context.WithTimeout(ctx, settlesIn)
	defer cancel()
	if err := until(settle, func() bool {
		page, err := s.get(settle, s.metrics+"/metrics")
		return err == nil && !slices.ContainsFunc(kind.gone, func(name string) bool { return sum(page, name) > kind.stays })
	}); err != nil {
		return figures{}, fmt.Errorf("the sessions do not go: %w", err)
	}
	var heap, goroutines, descriptors []int
	database := 0
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for range looks {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return figures{}, ctx.Err()
		}
		f, err := s.glance(ctx)
		if err != nil {
			return figures{}, err
		}
		heap, goroutines, descriptors = append(heap, f.heap), append(goroutines, f.goroutines), append(descriptors, f.descriptors)
		database = max(database, f.database)
	}
	return figures{slices.Min(heap), median(goroutines), median(descriptors), database}, nil
}

func median(n []int) int {
	slices.Sort(n)
	return n[len(n)/2]
}

func (s *server) glance(ctx context.Context) (f figures, err error) {
	s.http.CloseIdleConnections()
	var page string
	for range 2 { // what lies in pools goes with the second collection
		if page, err = s.get(ctx, s.metrics+"/debug/pprof/heap?gc=1&debug=1"); err != nil {
			return f, err
		}
	}
	if f.heap, err = number(page, "# HeapAlloc = "); err != nil {
		return f, err
	}
	if page, err = s.get(ctx, s.metrics+"/debug/pprof/goroutine?debug=1"); err != nil {
		return f, err
	}
	if f.goroutines, err = number(page, "goroutine profile: total "); err != nil {
		return f, err
	}
	f.descriptors, f.database, err = descriptors(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	return f, err
}

// descriptors counts those of a process, and apart from them those of SQLite's files.
func descriptors(dir string) (others, database int, err error) {
	open, err := os.ReadDir(dir)
	for _, one := range open {
		target, err := os.Readlink(filepath.Join(dir, one.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // closed meanwhile
		}
		if err != nil {
			return 0, 0, err
		}
		switch filepath.Ext(target) {
		case ".db", ".db-wal", ".db-shm":
			database++
		default:
			others++
		}
	}
	return others, database, err
}

// number reads the number behind a text.
func number(page, behind string) (int, error) {
	_, rest, ok := strings.Cut(page, behind)
	text, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if !ok || err != nil {
		return 0, fmt.Errorf("no number behind %q", behind)
	}
	return n, nil
}

// sum adds the values of a metric up.
func sum(page, name string) (total float64) {
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		if i := strings.LastIndexByte(strings.TrimSpace(line), ' '); i >= 0 {
			v, err := strconv.ParseFloat(strings.TrimSpace(line)[i+1:], 64)
			if err == nil {
				total += v
			}
		}
	}
	return total
}
