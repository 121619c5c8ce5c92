package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

const (
	stopMost  = 5 * time.Second
	startMost = 10 * time.Second
	asProgram = "HAWKER_TEST_AS_PROGRAM"
)

// beProgram is main in a process of this test binary, so that a real signal ends it and what it leaves running is seen.
func beProgram() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err := goleak.Find(goleak.IgnoreTopFunction("os/signal.loop")); err != nil {
		fmt.Fprintln(os.Stderr, "left running:", err)
		return 3
	}
	return code
}

// process is a Hawker of its own.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   bytes.Buffer
	ended chan error
	ready readyFile
}

type readyFile struct {
	HTTP, RTMP string
	Demo       demoData
}

// startProcess starts the demo over a folder and waits until it is ready.
func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	return startAs(t, dir, "demo")
}

// startAs starts a command with flags over a folder and waits until it is ready.
func startAs(t *testing.T, dir, command string, flags ...string) *process {
	t.Helper()
	ready := filepath.Join(dir, "ready.json")
	if err := os.Remove(ready); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	args := append([]string{command, "--data", filepath.Join(dir, "data"), "--ready-file", ready, "--log.level", "debug"}, flags...)
	for _, door := range []string{"http", "rtmp", "srt", "rtsp", "webrtc", "webrtc-ingest", "metrics"} {
		args = append(args, "--"+door, "127.0.0.1:0")
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = &p.log // read after the end only
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	until(t, "the ready file", startMost, func() bool {
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, &p.ready) == nil
	})
	return p
}

// signal ends the process, which must be gone in time and content.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		p.t.Logf("%v: gone after %v", s, time.Since(began).Round(time.Millisecond))
		if log := p.log.String(); err != nil || strings.Contains(log, "not done after") {
			p.t.Errorf("it ended with %v\n%s", err, log[max(0, len(log)-6000):])
		}
	case <-time.After(stopMost):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // tells what it waits for
		<-p.ended
		log := p.log.String()
		p.t.Fatalf("it still ran %v after %v\n%s", stopMost, s, log[max(0, len(log)-20_000):])
	}
}

// open requests something; the body is the caller's.
func (p *process) open(method, path, who string, body any, header map[string]string) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://"+p.ready.HTTP+path, text)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token := p.ready.Demo.Tokens[who]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	return http.DefaultClient.Do(req)
}

// order buys one and returns the order's id, empty where there was no answer.
func (p *process) order(key, instrument string) string {
	res, err := p.open("POST", "/v1/checkout", "viewer", map[string]any{
		"lines": []any{map[string]any{"variant": p.ready.Demo.Variant, "quantity": 1}}, "broadcast": p.ready.Demo.Broadcast, "instrument": instrument,
	}, map[string]string{"Idempotency-Key": key})
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var out struct {
		OrderID string `json:"order_id"`
	}
	if json.NewDecoder(res.Body).Decode(&out) != nil || res.StatusCode/100 != 2 {
		return ""
	}
	return out.OrderID
}

// crowd is everybody who is there when the signal comes.
type crowd struct {
	all    sync.WaitGroup
	orders sync.Map // key → id of an acknowledged order
	bought atomic.Int64
	seen   [5]atomic.Int64 // whep's pictures, hls, sse, websocket, whep's sound, which is made of another codec
}

func (c *crowd) come(p *process) {
	for range 4 {
		c.all.Go(func() { c.shop(p) })
		c.all.Go(func() { c.playlists(p) })
		c.all.Go(func() { c.follow(p) })
		c.all.Go(func() { c.socket(p) })
	}
	c.whep(p)
	until(p.t, "everybody to be served", 20*time.Second, func() bool {
		for i := range c.seen {
			if c.seen[i].Load() == 0 {
				return false
			}
		}
		return c.bought.Load() > 20
	})
}

func (c *crowd) shop(p *process) {
	for {
		key := uuid.NewString()
		id := p.order(key, p.ready.Demo.Instrument)
		if id == "" {
			return
		}
		c.orders.Store(key, id)
		c.bought.Add(1)
	}
}

// playlists asks for playlists that are not there yet, as players do: there is always a request that waits.
func (c *crowd) playlists(p *process) {
	for msn := 0; ; {
		path := fmt.Sprintf("/hls/%s/main.m3u8?_HLS_msn=%d", p.ready.Demo.Broadcast, msn)
		if msn == 0 {
			path = fmt.Sprintf("/hls/%s/main.m3u8", p.ready.Demo.Broadcast)
		}
		res, err := p.open("GET", path, "", nil, nil)
		if err != nil {
			return
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return
		}
		first, listed := 0, strings.Count(string(text), "#EXTINF:")
		for line := range strings.Lines(string(text)) {
			_, _ = fmt.Sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%d", &first)
		}
		msn = first + listed
		c.seen[1].Add(1)
	}
}

func (c *crowd) follow(p *process) {
	res, err := p.open("GET", "/v1/broadcasts/"+p.ready.Demo.Broadcast+"/feed", "", nil, map[string]string{"Accept": "text/event-stream"})
	if err != nil {
		return
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		c.seen[2].Add(1)
	}
}

func (c *crowd) socket(p *process) {
	conn, _, _, err := ws.Dial(p.t.Context(), "ws://"+p.ready.HTTP+"/v1/broadcasts/"+p.ready.Demo.Broadcast+"/feed")
	if err != nil {
		return
	}
	defer conn.Close()
	c.seen[3].Add(1)
	for {
		if _, _, err := wsutil.ReadServerData(conn); err != nil {
			return
		}
	}
}

func (c *crowd) whep(p *process) {
	p.t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = pc.Close() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			p.t.Fatal(err)
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		seen := &c.seen[0]
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			seen = &c.seen[4]
		}
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			seen.Add(1)
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	<-gathered
	res, err := http.Post("http://"+p.ready.HTTP+"/whep/"+p.ready.Demo.Broadcast, "application/sdp", strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		p.t.Fatalf("the offer was answered with %s %v: %s", res.Status, err, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		p.t.Fatal(err)
	}
}

// A signal ends the program within five seconds whoever is there: viewers of both transports, playlists that wait for
// a part, feeds, buyers whose order is on its way to the disk, and one whose bank takes its time. Nothing is left
// running, a second start is ready soon, and every order that was acknowledged is there.
func TestASignalStopsEverythingAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	first := startProcess(t, dir)
	var c crowd
	c.come(first)
	slow := uuid.NewString()
	c.all.Go(func() { first.order(slow, "sandbox_slow") })
	bought := c.bought.Load()
	until(t, "orders to go on beside a slow one", 10*time.Second, func() bool { return c.bought.Load() > bought+10 })
	first.signal(syscall.SIGTERM)
	c.all.Wait()

	began := time.Now()
	second := startProcess(t, dir)
	t.Logf("ready again after %v", time.Since(began).Round(time.Millisecond))
	n := 0
	c.orders.Range(func(key, id any) bool {
		if again := second.order(key.(string), second.ready.Demo.Instrument); again != id {
			t.Errorf("order %v was acknowledged, and its key now gives %q", id, again)
			return false
		}
		n++
		return n < 300 // of the thousands that a fast machine makes
	})
	t.Logf("%d of %d acknowledged orders asked for", n, c.bought.Load())
	if again := second.order(slow, "sandbox_slow"); again == "" {
		t.Error("the order of the slow bank cannot be asked for again")
	}
	second.signal(os.Interrupt)
}
