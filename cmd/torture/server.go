package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	startWithin = 60 * time.Second
	stopWithin  = 20 * time.Second
)

// server is one life of the real binary on a folder that outlives it.
type server struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended
	dead atomic.Bool   // it was killed
	url  string
	rtmp string
	demo demo
}

// demo is what the ready file tells of the demo's data.
type demo struct {
	Shop      string            `json:"shop"`
	Channel   string            `json:"channel"`
	StreamKey string            `json:"stream_key"`
	Tokens    map[string]string `json:"tokens"`
}

// site is where servers live one after the other, or, on PostgreSQL, beside each other.
type site struct {
	binary, dir, database, redis string
	small                        bool // the folder is on a disk that will be full: nothing is recorded there
}

// hold is short, so that money comes late and holds run out within a trial. Where nodes share a database a charge that
// died with its node is asked for again only when it is old, since another node may be asking for it.
const hold = "12s"

func (s site) disk() string { return filepath.Join(s.dir, "disk") } // a file system of its own, where it can be full
func (s site) data() string {
	if s.small {
		return filepath.Join(s.disk(), "data")
	}
	return filepath.Join(s.dir, "data")
}
func (s site) book() string { return filepath.Join(s.dir, "book") }

// start starts a node and waits until it is ready. A free UDP port whose TCP twin is taken is the system's bad luck, not
// a finding: another try gets another one.
func (s site) start(ctx context.Context, node int) (out *server, err error) {
	for range 3 {
		if out, err = s.launch(ctx, node); err == nil || !s.says(node, "address already in use") {
			break
		}
	}
	return out, err
}

func (s site) log(node int) string { return filepath.Join(s.dir, fmt.Sprintf("log-%d", node)) }

// says tells whether the newest of a node's log holds a text.
func (s site) says(node int, text string) bool {
	log, err := os.ReadFile(s.log(node))
	return err == nil && strings.Contains(string(log[max(0, len(log)-2000):]), text)
}

func (s site) launch(ctx context.Context, node int) (*server, error) {
	ready := filepath.Join(s.dir, fmt.Sprintf("ready-%d.json", node))
	if err := os.Remove(ready); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	log, err := os.OpenFile(s.log(node), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	args := []string{"demo", "--data", s.data(), "--ready-file", ready, "--sandbox.book", s.book(), "--checkout.hold", hold}
	for _, door := range []string{"http", "metrics", "rtmp", "srt", "rtsp", "webrtc", "webrtc-ingest"} {
		args = append(args, "--"+door, "127.0.0.1:0")
	}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	if s.redis != "" {
		args = append(args, "--redis", s.redis)
	}
	// Nodes here share a folder, for the demo's keys, and would record into each other's spool.
	if s.small || s.database != "" {
		args = append(args, "--recording", "false")
	}
	out := &server{cmd: exec.Command(s.binary, args...), done: make(chan struct{})}
	out.cmd.Stdout, out.cmd.Stderr = log, log
	if err := out.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		out.err = out.cmd.Wait()
		close(out.done)
	}()
	if err := out.wait(ctx, ready); err != nil {
		out.kill()
		return nil, fmt.Errorf("%w; see %s", err, log.Name())
	}
	return out, nil
}

func (s *server) wait(ctx context.Context, ready string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(startWithin)
	for {
		if text, err := os.ReadFile(ready); err == nil {
			var r struct {
				HTTP string `json:"http"`
				RTMP string `json:"rtmp"`
				Demo demo   `json:"demo"`
			}
			if err := json.Unmarshal(text, &r); err != nil {
				return err
			}
			s.url, s.rtmp, s.demo = "http://"+r.HTTP, r.RTMP, r.Demo
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("the server ended before it was ready: %w", s.err)
		case <-late:
			return fmt.Errorf("the server was not ready after %v", startWithin)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// kill ends the process as a power cut ends a program: without asking it.
func (s *server) kill() {
	s.dead.Store(true)
	_ = s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.done
}

// stop asks the process to end, and wants it to end well.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return s.err
	case <-time.After(stopWithin):
		s.kill()
		return fmt.Errorf("the server did not stop within %v", stopWithin)
	}
}

// verify runs the binary's own audit.
func (s site) verify() (report string, err error) {
	args := []string{"verify", "--data", s.data()}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	out, err := exec.Command(s.binary, args...).CombinedOutput()
	return string(out), err
}
