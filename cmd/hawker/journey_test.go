package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/store/storetest"
)

// The journeys boot the real wiring once, with the demo's people, products and looping show, and go through it as a
// creator, a viewer, a buyer and a seller would: by HTTP, by ffmpeg, and in a real browser where a person would be in one.
var (
	booted    sync.Once
	journeyed *app
	bootError error
	bootDir   string
	bootLog   = &logged{}
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(beProgram())
	}
	code := storetest.Main(m)
	if journeyed != nil {
		if err := journeyed.stop(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, "stop:", err)
			code = 1
		}
	}
	os.RemoveAll(bootDir)
	os.Exit(code)
}

// server returns the running program, whose ready file tells a browser everything that it needs.
func server(t *testing.T) (*app, string) {
	t.Helper()
	booted.Do(func() {
		if bootDir, bootError = os.MkdirTemp("", "hawker-journey-"); bootError == nil {
			journeyed, bootError = boot(bootDir, nil)
		}
	})
	if bootError != nil {
		t.Fatalf("the server did not start: %v\n%s", bootError, bootLog)
	}
	return journeyed, journeyed.config.ReadyFile
}

// boot starts the demo on free ports with everything in dir.
func boot(dir string, flags map[string]string) (*app, error) {
	given := map[string]string{
		"data": filepath.Join(dir, "data"), "ready_file": filepath.Join(dir, "ready.json"), "broadcast.grace": "3s", "broadcast.rest": "1s",
		"uploads.niceness": "1", // beside a browser and the race detector a niced ffmpeg would hardly get its turn
	}
	for _, k := range config.Keys() {
		if k.Alias() != "" {
			given[k.Name] = "127.0.0.1:0"
		}
	}
	for name, value := range flags {
		given[name] = value
	}
	c, err := config.Load(config.Source{Flags: given})
	if err != nil {
		return nil, err
	}
	a := &app{config: c, log: slog.New(slog.NewTextHandler(bootLog, nil)), demo: true}
	if err := a.start(context.Background()); err != nil {
		_ = a.stop()
		return nil, err
	}
	return a, a.writeReady()
}

// logged keeps the newest of what the server logs, for the report of a failure.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > 1<<20 {
		l.text.Reset()
	}
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.text.String()
	return s[max(0, len(s)-4000):]
}

// browse runs a journey in Chromium and decodes what it saw.
func browse(t *testing.T, script string, into any, args ...string) {
	t.Helper()
	_, ready := server(t)
	browseAt(t, ready, script, into, args...)
}

// browseAt does so with a ready file of the caller's.
func browseAt(t *testing.T, ready, script string, into any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("..", "..", "web", "e2e", script), ready}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", script, err, errs.String(), bootLog)
	}
	t.Logf("%s saw %s", script, strings.TrimSpace(out.String()))
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("%s printed %q: %v", script, out.String(), err)
	}
}

// call speaks to the API with one of the demo's tokens and decodes the answer. It fails the test on another status.
func call(t *testing.T, method, path, who string, body any, status int, into any) http.Header {
	t.Helper()
	a, _ := server(t)
	return callAt(t, a, method, path, who, body, status, into)
}

// attempt asks for something whose answer nobody waits for.
func attempt(a *app, method, path, who, body string) {
	req, err := http.NewRequest(method, "http://"+a.addresses["http"]+path, strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.demoData.Tokens[who])
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

// callAt does so with a program of the caller's.
func callAt(t *testing.T, a *app, method, path, who string, body any, status int, into any) http.Header {
	t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.addresses["http"]+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token := a.demoData.Tokens[who]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s as %q: %d, want %d: %.600s", method, path, who, resp.StatusCode, status, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s %s: %v in %.300s", method, path, err, text)
		}
	}
	return resp.Header
}

// patience is by how much the race detector on two busy cores may be slower than the program: what a journey waits for
// may take that many times as long before it is called missing.
const patience = 6

// until waits for a condition, looking often.
func until(t *testing.T, what string, within time.Duration, condition func() bool) {
	t.Helper()
	within *= patience
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(within)
	for !condition() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited %v for %s\n%s", within, what, bootLog)
		}
	}
}
