package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// rush buys with many hands until it is stopped, and keeps what was acknowledged.
type rush struct {
	mu     sync.Mutex
	orders []string
	stop   func() []string
}

func buyers(t *testing.T, a *app, n int) *rush {
	t.Helper()
	r := &rush{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for b := range n {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if order := buyOnce(ctx, a, fmt.Sprintf("drill-%d-%d", b, i)); order != "" {
					r.mu.Lock()
					r.orders = append(r.orders, order)
					r.mu.Unlock()
				}
			}
		})
	}
	r.stop = func() []string { cancel(); wg.Wait(); return r.orders }
	return r
}

func (r *rush) so() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.orders...)
}

func buyOnce(ctx context.Context, a *app, key string) string {
	body := fmt.Sprintf(`{"lines":[{"variant":%q,"quantity":1}],"instrument":%q}`, a.demoData.Variant, a.demoData.Instrument)
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+a.addresses["http"]+"/v1/checkout", strings.NewReader(body))
	if err != nil {
		return ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Authorization", "Bearer "+a.demoData.Tokens["viewer"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	var got struct {
		Order string `json:"order_id"`
	}
	if err != nil || resp.StatusCode != http.StatusCreated || json.Unmarshal(text, &got) != nil {
		return ""
	}
	return got.Order
}

func command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(t.Context(), args, nil, &out, &errs)
	return status, out.String() + errs.String()
}

func length(lines []vod.Line) (d time.Duration) {
	for _, l := range lines {
		d += l.Duration
	}
	return d
}

// The drill: a backup is made while people buy and a show is recorded, then another one, which copies only what is new.
// It is restored elsewhere, once as it was and once into PostgreSQL and a bucket: the books hold, every order that was
// acknowledged before is there, and the recording plays from its first picture to its last.
func TestABackupComesBack(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	a, err := boot(dir, nil)
	if err != nil {
		t.Fatal(err, bootLog)
	}
	show, data := a.demoData.Broadcast, a.config.Data
	stopped := false
	defer func() {
		if !stopped {
			_ = a.stop()
		}
	}()
	lines := func(a *app) []vod.Line {
		_, lines, err := a.replays.Store.Timeline(t.Context(), vod.Video{Source: show})
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	crowd := buyers(t, a, 6)
	until(t, "something to lose", 40*time.Second, func() bool { return len(lines(a)) >= 3 && len(crowd.so()) >= 50 })
	for n := range 2 {
		if n == 1 {
			more := len(lines(a)) + 2
			until(t, "more of it", 40*time.Second, func() bool { return len(lines(a)) >= more })
		}
		status, text := command(t, "backup", kept, "--data", data)
		if status != 0 || n == 1 && !strings.Contains(text, " blobs") {
			t.Fatal(status, text)
		}
		t.Log(text)
	}
	// What is acknowledged by now may be in the backup or not; what was before it began must be.
	orders, recorded := crowd.so(), lines(a)
	status, text := command(t, "backup", kept, "--data", data, "--keep", "1")
	if status != 0 || !strings.Contains(text, "Removed 2 older ones") {
		t.Fatal(status, text)
	}
	crowd.stop()
	if stopped = true; a.stop() != nil {
		t.Fatal("the server stops badly", bootLog)
	}
	for name, flags := range map[string]map[string]string{
		"as it was": {}, "postgres and s3": {"database": storetest.Config(t, store.Postgres).Database, "blobs": storetest.Bucket(t)},
	} {
		t.Run(name, func(t *testing.T) {
			there := t.TempDir()
			target := filepath.Join(there, "data")
			settings := []string{"--data", target}
			for name, value := range flags {
				settings = append(settings, "--"+name, value)
			}
			if status, text := command(t, append([]string{"restore", kept}, settings...)...); status != 0 || !strings.Contains(text, "secret_key") {
				t.Fatal(status, text)
			}
			if status, text := command(t, append([]string{"restore", kept}, settings...)...); status != 1 {
				t.Error("it is restored over what is there", text)
			}
			for _, name := range []string{"secret_key", "sandbox_secret", "demo.json"} {
				copyFile(t, filepath.Join(data, name), filepath.Join(target, name))
			}
			if status, text := command(t, append([]string{"verify", "--deep"}, settings...)...); status != 0 || !strings.Contains(text, "The books hold") || !strings.Contains(text, "Faults             0") {
				t.Fatal(status, text)
			}
			restored(t, there, flags, show, orders, recorded, lines)
		})
	}
}

// restored starts what came back and looks for what must be there.
func restored(t *testing.T, dir string, flags map[string]string, show string, orders []string, recorded []vod.Line, lines func(*app) []vod.Line) {
	t.Helper()
	a, err := boot(dir, flags)
	if err != nil {
		t.Fatal(err, bootLog)
	}
	defer func() {
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, id := range orders {
		o, err := a.shop.Orders.Order(t.Context(), shop.Scope{Any: true}, id)
		if err != nil || o.Paid != o.Total {
			t.Fatalf("order %s: %+v, %v", id, o, err)
		}
	}
	if got, want := length(lines(a)), length(recorded); got < want {
		t.Errorf("%v of the recording came back, %v was there", got, want)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+a.addresses["http"]+"/v1/broadcasts/"+show+"/end", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.demoData.Tokens["creator"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal("end the show:", resp.Status)
	}
	url := "http://" + a.addresses["http"] + "/vod/" + show + "/index.m3u8"
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-f", "null", "-progress", "pipe:1", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	_, after, _ := strings.Cut(string(out[bytes.LastIndex(out, []byte("frame=")):]), "=")
	frames, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	if want := int(length(recorded).Seconds() * 30); frames < want-10 {
		t.Errorf("%d pictures play, %d were recorded", frames, want)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
