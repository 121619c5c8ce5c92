package rtmp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/streaming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal is a log that can be read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// station is a running server.
type station struct {
	addr string
	*ingesttest.Station
	log  *journal
	stop func() // the listener, not the sessions
}

func start(t *testing.T, config rtmp.Config) *station { return startWith(t, config, ingest.Config{}) }

func startWith(t *testing.T, config rtmp.Config, bounds ingest.Config) *station {
	t.Helper()
	s := &station{Station: ingesttest.New(), log: &journal{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.Sessions.Config, s.Sessions.Log, s.Sessions.Metrics = bounds, log, ingest.NewMetrics(prometheus.NewRegistry())
	server := &rtmp.Server{
		Addr: "127.0.0.1:0", Sessions: s.Sessions, Config: config, Log: log, Metrics: ingest.NewDoorMetrics(prometheus.NewRegistry(), "rtmp"),
	}
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.addr = addr.String()
	listening, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.Run(t, stop, func(context.Context) error { return server.Run(listening) })
	return s
}

// ffmpeg publishes a test picture and a tone until the test stops it.
func ffmpeg(t *testing.T, url string, more ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	args := []string{"-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"}
	args = append(args, more...)
	args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-c:a", "aac", "-ac", "2", "-f", "flv", url)
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended by itself
	_ = cmd.Wait()
}

func TestAnEncoderGoesOnAir(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	cmd := ffmpeg(t, "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey)
	defer stop(cmd)
	var stream *streaming.Stream
	ingesttest.Eventually(t, "the broadcast", func() bool {
		var err error
		stream, err = s.Hub.Stream("broadcast")
		return err == nil
	})
	r := stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	last := map[int]int64{}
	count := map[int]int{}
	keys := 0
	for count[1] < 60 || count[2] < 60 {
		u, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[u.Track]; ok {
			switch step := u.DTS - before; {
			case u.Track == 2 && step != 1024:
				t.Errorf("sound steps by %d samples", step)
			case u.Track == 1 && (step < 3500 || step > 3700):
				t.Errorf("pictures step by %d ticks", step)
			}
		}
		last[u.Track] = u.DTS
		count[u.Track]++
		if u.Track == 1 && u.Key {
			keys++
			if len(u.Payload) < 3 || u.Payload[0][0]&0x1f != 7 || u.Payload[1][0]&0x1f != 8 {
				t.Error("a key picture without parameter sets before it")
			}
		}
	}
	if keys < 2 {
		t.Errorf("%d key pictures in %d", keys, count[1])
	}
	g := stream.Generation()
	video, _ := g.First(streaming.Video)
	audio, _ := g.First(streaming.Audio)
	if g.Number != 1 || video.Codec != streaming.H264 || audio.Codec != streaming.AAC || audio.ClockRate != 44100 {
		t.Errorf("generation %+v", g)
	}
	h, ok := s.Sessions.Health("broadcast")
	if !ok || h.BFrames || h.Width != 320 || h.Height != 240 || h.FPS < 20 || h.FPS > 30 || h.KeyIntervalMS < 950 || h.KeyIntervalMS > 1050 ||
		h.AudioRate != 44100 || h.AudioChannels != 2 || h.VideoBitrate < 10_000 || h.Dropped != 0 || h.Resyncs != 0 {
		t.Errorf("health %+v", h)
	}
	// Rotating the key takes the encoder off the air within a second.
	began := time.Now()
	if n := s.Sessions.Kick("channel", "key"); n != 1 {
		t.Errorf("%d sessions kicked", n)
	}
	ingesttest.Eventually(t, "the kicked session to be gone", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the kick took %s", took)
	}
	if out := s.log.String(); strings.Contains(out, ingesttest.GoodKey) {
		t.Errorf("the key stands in the log:\n%s", out)
	}
}

func TestBFramesAreSeenInTheFirstGroup(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	cmd := exec.Command(path, "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25",
		"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "50", "-f", "flv", "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer stop(cmd)
	ingesttest.Eventually(t, "B-frames to be seen", func() bool {
		h, ok := s.Sessions.Health("broadcast")
		return ok && h.BFrames
	})
	if h, _ := s.Sessions.Health("broadcast"); h.Keys != 1 {
		t.Errorf("it took %d groups of pictures", h.Keys)
	}
}

func TestAWrongKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	for name, path := range map[string]string{
		"wrong":          "/live/hk_key_wrong",
		"missing":        "/live",
		"control bytes":  "/live/%1b%5b31mhk",
		"in the query":   "/live?key=hk_key_wrong",
		"without an app": "/",
	} {
		began := time.Now()
		cmd := ffmpeg(t, "rtmp://"+s.addr+path)
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s: ffmpeg was let in", name)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: refused after %s", name, took)
		}
	}
	ingesttest.Eventually(t, "the log lines", func() bool { return strings.Count(s.log.String(), "publisher refused") >= 4 })
	if out := s.log.String(); strings.Contains(out, "hk_key_wrong") || strings.ContainsRune(out, 0x1b) {
		t.Errorf("the log holds what it must not:\n%s", out)
	}
}

func TestAnEncoderThatComesBackTooEarlyIsToldWhy(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	u, err := url.Parse("rtmp://" + s.addr + "/live/" + ingesttest.RestingKey)
	if err != nil {
		t.Fatal(err)
	}
	client := &gortmplib.Client{URL: u, Publish: true}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.Initialize(ctx); err == nil || !strings.Contains(err.Error(), "NetStream.Publish.Rejected") {
		t.Errorf("the encoder hears %v", err)
	}
	if out := s.log.String(); !strings.Contains(out, "just ended its broadcast") || strings.Contains(out, ingesttest.RestingKey) {
		t.Errorf("the log says:\n%s", out)
	}
	if n := len(s.Sessions.OfChannel("resting")); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestTheKeyMayStandInTheQuery(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	cmd := ffmpeg(t, "rtmp://"+s.addr+"/live/show?key="+ingesttest.GoodKey)
	defer stop(cmd)
	ingesttest.Eventually(t, "the broadcast", func() bool { _, err := s.Hub.Stream("broadcast"); return err == nil })
}

func TestTheNewestPublisherWins(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	first := ffmpeg(t, "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey)
	defer stop(first)
	ingesttest.Eventually(t, "the broadcast", func() bool { _, err := s.Hub.Stream("broadcast"); return err == nil })
	second := ffmpeg(t, "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey)
	defer stop(second)
	if err := first.Wait(); err == nil {
		t.Log("the first encoder left by itself")
	}
	stream, err := s.Hub.Stream("broadcast")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.Generation().Number; n != 2 {
		t.Errorf("generation %d", n)
	}
	ingesttest.Eventually(t, "one session to be left", func() bool { return len(s.Sessions.OfChannel("channel")) == 1 })
	backup := ffmpeg(t, "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey+"?backup=1")
	defer stop(backup)
	ingesttest.Eventually(t, "the backup to stand by", func() bool {
		all := s.Sessions.OfChannel("channel")
		return len(all) == 2 && !all[0].Standby && all[1].Standby
	})
	stop(second)
	ingesttest.Eventually(t, "the backup to take over", func() bool { return stream.Generation().Number == 3 })
}

// dial opens a connection and says a plain handshake, or the beginning of one.
func dial(t *testing.T, s *station, handshake int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	hello := make([]byte, 1+1536+1536)
	hello[0] = 3
	if _, err := c.Write(hello[:handshake]); err != nil {
		t.Fatal(err)
	}
	return c
}

// closed waits until the server has closed a connection.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Error("the server kept the connection")
		}
	}
}

func TestStrangersCostLittleAndAreClosed(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Handshake: time.Second, HalfOpen: 1000, Failed: 1000})
	whole := 1 + 1536 + 1536
	garbage := make([]byte, 1<<20)
	if _, err := rand.Read(garbage); err != nil {
		t.Fatal(err)
	}
	for name, attack := range map[string]func(t *testing.T) net.Conn{
		"garbage": func(t *testing.T) net.Conn { c := dial(t, s, 0); _, _ = c.Write(garbage); return c },
		"another version": func(t *testing.T) net.Conn {
			c := dial(t, s, 0)
			_, _ = c.Write(bytes.Repeat([]byte{6}, 4000))
			return c
		},
		"nothing":              func(t *testing.T) net.Conn { return dial(t, s, 0) },
		"half a handshake":     func(t *testing.T) net.Conn { return dial(t, s, 700) },
		"only the handshake":   func(t *testing.T) net.Conn { return dial(t, s, whole) },
		"garbage after it":     func(t *testing.T) net.Conn { c := dial(t, s, whole); _, _ = c.Write(garbage); return c },
		"65,000 chunk streams": func(t *testing.T) net.Conn { c := dial(t, s, whole); _, _ = c.Write(chunkStreams(65000)); return c },
		"a 16 MB message":      func(t *testing.T) net.Conn { c := dial(t, s, whole); _, _ = c.Write(hugeMessage()); return c },
		"a 16 MB chunk":        func(t *testing.T) net.Conn { c := dial(t, s, whole); _, _ = c.Write(hugeChunk()); return c },
		"many small messages":  func(t *testing.T) net.Conn { c := dial(t, s, whole); _, _ = c.Write(manyMessages()); return c },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed(t, attack(t))
		})
	}
}

// chunkStreams begins a message on each of n chunk streams.
func chunkStreams(n int) []byte {
	var out []byte
	for id := range n {
		out = append(out, 1, byte(id), byte(id>>8)) // type 0, an ID of two bytes
		out = append(out, 0, 0, 0, 0, 0xff, 0xff, 20, 0, 0, 0, 0)
		out = append(out, make([]byte, 128)...)
	}
	return out
}

func hugeMessage() []byte {
	return append([]byte{3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0}, make([]byte, 128)...)
}

// hugeChunk allows itself chunks of 16 MB first.
func hugeChunk() []byte {
	out := []byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0}
	out = binary.BigEndian.AppendUint32(out, 16<<20)
	return append(out, hugeMessage()...)
}

func manyMessages() []byte {
	var out []byte
	for range 5000 {
		out = append(out, 3, 0, 0, 0, 0, 0, 100, 18, 0, 0, 0, 0)
		out = append(out, make([]byte, 100)...)
	}
	return out
}

func TestHalfOpenConnectionsOfOneAddressAreFew(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Handshake: 10 * time.Second, HalfOpen: 3})
	for range 3 {
		dial(t, s, 100)
	}
	ingesttest.Eventually(t, "a fourth to be refused", func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err = c.Read(make([]byte, 1))
		return errors.Is(err, io.EOF) || (err != nil && strings.Contains(err.Error(), "reset"))
	})
}

func TestASilentPublisherIsClosed(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Idle: 700 * time.Millisecond})
	cmd := ffmpeg(t, "rtmp://"+s.addr+"/live/"+ingesttest.GoodKey)
	defer stop(cmd)
	ingesttest.Eventually(t, "the broadcast", func() bool { _, err := s.Hub.Stream("broadcast"); return err == nil })
	if err := pause(cmd); err != nil {
		t.Fatal(err)
	}
	ingesttest.Eventually(t, "the silent session to be closed", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
	if _, err := s.Hub.Stream("broadcast"); err != nil {
		t.Error("the stream went with its publisher")
	}
}

func TestBytesAloneKeepNobodyOnTheLine(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Idle: 700 * time.Millisecond})
	said, err := os.ReadFile("testdata/ffmpeg.rtmp")
	if err != nil {
		t.Fatal(err)
	}
	said = bytes.Replace(said, []byte("hk_key_good"), []byte(ingesttest.GoodKey), 1)
	c := dial(t, s, 0)
	if _, err := c.Write(said[:9000]); err != nil {
		t.Fatal(err)
	}
	ingesttest.Eventually(t, "the session", func() bool { return len(s.Sessions.OfChannel("channel")) == 1 })
	began := time.Now()
	for i := 9000; len(s.Sessions.OfChannel("channel")) == 1; i++ {
		if i < len(said) {
			_, _ = c.Write(said[i : i+1]) // one byte of a message at a time, until it is closed
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("it stayed")
		}
		<-time.After(100 * time.Millisecond)
	}
}

func TestAPlayRequestIsRefusedWithoutAPlayer(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	path, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	if err := exec.Command(path, "-loglevel", "quiet", "rtmp://"+s.addr+"/live/broadcast").Run(); err == nil {
		t.Error("it played")
	}
	ingesttest.Eventually(t, "the log line", func() bool { return strings.Contains(s.log.String(), "play request refused") })
}
