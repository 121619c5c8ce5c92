package upload_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest/upload"
)

type door struct{ tools error }

func (d door) Who(r *http.Request) (string, error) {
	if who := r.Header.Get("Authorization"); who != "" {
		return who, nil
	}
	return "", upload.ErrNobody
}

func (d door) May(r *http.Request, channel string) (upload.Owner, error) {
	if channel != "c1" {
		return upload.Owner{}, upload.ErrForbidden
	}
	return upload.Owner{Account: r.Header.Get("Authorization"), Shop: "s1", Channel: channel}, nil
}

func (d door) Ready() error { return d.tools }

type taker struct {
	mu    sync.Mutex
	taken map[string]upload.Upload
	times int
	done  map[string]bool // what it does not want any more
}

func (k *taker) Take(_ context.Context, u upload.Upload) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken == nil {
		k.taken = map[string]upload.Upload{}
	}
	k.taken[u.ID] = u
	k.times++
	return nil
}

func (k *taker) Wants(_ context.Context, id string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.done[id], nil
}

func (k *taker) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.taken[id]
	return ok
}

type rig struct {
	t     *testing.T
	s     *upload.Server
	taker *taker
	url   string
}

func open(t *testing.T, change func(*upload.Server)) *rig {
	t.Helper()
	r := &rig{t: t, taker: &taker{}}
	r.s = &upload.Server{Dir: t.TempDir(), Door: door{}, Taker: r.taker, Config: upload.Config{FreeBytes: 1}}
	if change != nil {
		change(r.s)
	}
	server := httptest.NewServer(r.s)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ask sends a request; header is name, value, name, value.
func (r *rig) ask(method, path string, body io.Reader, header ...string) (*http.Response, string) {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Tus-Resumable", "1.0.0")
	q.Header.Set("Authorization", "noor")
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			q.Header.Del(header[i])
		}
	}
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer, string(text)
}

func meta(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

func (r *rig) begin(size int) string {
	r.t.Helper()
	answer, text := r.ask("POST", upload.Below, nil, "Upload-Length", strconv.Itoa(size), "Upload-Metadata", meta("channel", "c1", "title", "Linen", "hawker-account", "mina"))
	if answer == nil || answer.StatusCode != http.StatusCreated {
		r.t.Fatalf("%v %s", answer, text)
	}
	_, id, _ := strings.Cut(answer.Header.Get("Location"), upload.Below)
	return id
}

func (r *rig) offset(id string) int {
	r.t.Helper()
	for range 100 { // the request that was cut may still be letting go
		answer, _ := r.ask("HEAD", upload.Below+id, nil)
		if answer != nil && answer.StatusCode == http.StatusOK {
			n, err := strconv.Atoi(answer.Header.Get("Upload-Offset"))
			if err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	r.t.Fatal("the upload cannot be asked for")
	return 0
}

// cutting is a body whose connection breaks after so many bytes.
type cutting struct {
	b    io.Reader
	left atomic.Int64 // the client's own goroutine may still read when the request has failed
}

func (c *cutting) Read(p []byte) (int, error) {
	left := int(c.left.Load())
	if left <= 0 {
		return 0, errors.New("the link broke")
	}
	n, err := c.b.Read(p[:min(len(p), left)])
	c.left.Add(int64(-n))
	return n, err
}

// TestAnUploadGoesOnWhereItWasCut cuts 50 times and counts what is sent again: at most a chunk each time.
func TestAnUploadGoesOnWhereItWasCut(t *testing.T) {
	const size, cuts, chunk = 32 << 20, 50, 1 << 20
	r := open(t, nil)
	file := make([]byte, size)
	_, _ = rand.Read(file)
	id := r.begin(size)
	sent := 0
	for n := 0; ; n++ {
		at := r.offset(id)
		if at == size {
			break
		}
		before := int64(size)
		if n < cuts {
			before = int64(size/(cuts+2) + n*1000)
		}
		body := &cutting{b: bytes.NewReader(file[at:])}
		body.left.Store(before)
		q, err := http.NewRequestWithContext(t.Context(), "PATCH", r.url+upload.Below+id, body)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Tus-Resumable": "1.0.0", "Authorization": "noor", "Upload-Offset": strconv.Itoa(at), "Content-Type": "application/offset+octet-stream"} {
			q.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(q)
		if err == nil {
			_ = answer.Body.Close()
		}
		sent += int(before - body.left.Load())
		if n > 10*cuts {
			t.Fatal("it does not get through")
		}
	}
	again := sent - size
	t.Logf("%d bytes sent again in %d cuts", again, cuts)
	if again > cuts*chunk {
		t.Errorf("%d bytes were sent again", again)
	}
	u, ok := r.taker.taken[id]
	stored, err := os.ReadFile(u.Path)
	if !ok || err != nil || !bytes.Equal(stored, file) {
		t.Errorf("what was stored is not what was sent: %v %v", u, err)
	}
	if u.Account != "noor" || u.Shop != "s1" || u.Kind != "short" || u.Title != "Linen" {
		t.Errorf("%+v", u)
	}
}

func TestWhatIsRefused(t *testing.T) {
	r := open(t, func(s *upload.Server) {
		s.Config = upload.Config{BytesMax: 1000, OpenMax: 2, FreeBytes: 1}
		s.Sniff = func(head []byte) error {
			if !bytes.HasPrefix(head, []byte("good")) {
				return errors.New("no")
			}
			return nil
		}
	})
	good := meta("channel", "c1")
	for name, c := range map[string]struct {
		status int
		header []string
	}{
		"nobody":            {401, []string{"Authorization", "", "Upload-Length", "5", "Upload-Metadata", good}},
		"another's channel": {403, []string{"Upload-Length", "5", "Upload-Metadata", meta("channel", "c2")}},
		"too large":         {413, []string{"Upload-Length", "1001", "Upload-Metadata", good}},
		"no size":           {422, []string{"Upload-Length", "0", "Upload-Metadata", good}},
		"another kind":      {422, []string{"Upload-Length", "5", "Upload-Metadata", meta("channel", "c1", "kind", "replay")}},
		"no version":        {412, []string{"Tus-Resumable", "", "Upload-Length", "5", "Upload-Metadata", good}},
	} {
		if answer, text := r.ask("POST", upload.Below, nil, c.header...); answer == nil || answer.StatusCode != c.status {
			t.Errorf("%s: %v %s, want %d", name, answer, text, c.status)
		}
	}
	id := r.begin(4)
	for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
		if answer, _ := r.ask(method, upload.Below+id, nil, "Authorization", "mina", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"); answer.StatusCode != 404 {
			t.Errorf("%s of another's upload: %d", method, answer.StatusCode)
		}
	}
	if answer, _ := r.ask("GET", upload.Below+id, nil); answer.StatusCode != 405 {
		t.Errorf("a download: %d", answer.StatusCode)
	}
	if answer, _ := r.ask("PATCH", upload.Below+"..%2f..%2fetc", nil); answer.StatusCode != 404 {
		t.Errorf("a path: %d", answer.StatusCode)
	}
	answer, text := r.ask("PATCH", upload.Below+id, strings.NewReader("evil"), "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	if answer.StatusCode != 415 || len(r.taker.taken) != 0 {
		t.Errorf("a file that is no video: %d %s", answer.StatusCode, text)
	}
	if found, _ := filepath.Glob(filepath.Join(r.s.Dir, id+"*")); len(found) != 0 {
		t.Errorf("it is still there: %v", found)
	}
	r.begin(5)
	r.begin(5)
	if answer, _ := r.ask("POST", upload.Below, nil, "Upload-Length", "5", "Upload-Metadata", good); answer.StatusCode != 429 {
		t.Errorf("a third unfinished upload: %d", answer.StatusCode)
	}
}

func TestWithoutToolsOrRoomItSaysSo(t *testing.T) {
	good := []string{"Upload-Length", "5", "Upload-Metadata", meta("channel", "c1")}
	r := open(t, func(s *upload.Server) { s.Door = door{upload.ErrTools} })
	if answer, text := r.ask("POST", upload.Below, nil, good...); answer.StatusCode != 503 || !strings.Contains(text, "ffmpeg") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	r = open(t, func(s *upload.Server) { s.Config.FreeBytes = 1 << 60 })
	if answer, text := r.ask("POST", upload.Below, nil, good...); answer.StatusCode != 507 {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestTheSweepHandsOnWhatIsWholeAndRemovesWhatNobodyFinishes(t *testing.T) {
	var mu sync.Mutex
	clock := time.Now()
	r := open(t, func(s *upload.Server) {
		s.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	})
	whole, half := r.begin(5), r.begin(5)
	// A process that died between the last byte and the taker left this.
	if err := os.WriteFile(filepath.Join(r.s.Dir, whole), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	clock = clock.Add(25 * time.Hour)
	mu.Unlock()
	swept := func(what string, is func() bool) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.s.Run(ctx) }()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for late := time.After(time.Minute); !is(); {
			select {
			case <-tick.C:
			case <-late:
				t.Fatal("waited too long for", what)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	there := func(id string) bool {
		_, err := os.Stat(filepath.Join(r.s.Dir, id))
		return err == nil
	}
	swept("one to be handed on and one to be removed", func() bool { return r.taker.has(whole) && !there(half) })
	// The next processes hand nothing on again, and remove it when it is not wanted any more: also what was deleted meanwhile.
	other := r.begin(4)
	if err := os.WriteFile(filepath.Join(r.s.Dir, other), []byte("1234"), 0o600); err != nil {
		t.Fatal(err)
	}
	swept("the other to be handed on", func() bool { return r.taker.has(other) })
	if r.taker.times != 2 || !there(whole) {
		t.Errorf("handed on %d times; there: %v", r.taker.times, there(whole))
	}
	r.taker.done = map[string]bool{whole: true}
	swept("it to be removed", func() bool { return !there(whole) })
	if left, err := filepath.Glob(filepath.Join(r.s.Dir, whole+"*")); err != nil || len(left) != 0 || !there(other) || r.taker.times != 2 {
		t.Errorf("left: %v %v; handed on %d times", left, err, r.taker.times)
	}
}
