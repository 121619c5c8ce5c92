package rtsp_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/streaming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// station is a running server.
type station struct {
	addr string
	*ingesttest.Station
}

func start(t *testing.T, config rtsp.Config) *station {
	t.Helper()
	s := &station{Station: ingesttest.New()}
	s.Sessions.Metrics = ingest.NewMetrics(prometheus.NewRegistry())
	server := &rtsp.Server{
		Addr: "127.0.0.1:0", Sessions: s.Sessions, Config: config, Log: slog.New(slog.DiscardHandler),
		Metrics: ingest.NewDoorMetrics(prometheus.NewRegistry(), "rtsp"),
	}
	addr, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.addr = addr.String()
	s.Run(t, nil, server.Run)
	return s
}

var (
	h264AAC  = []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25", "-c:a", "aac", "-ac", "2"}
	h264B    = []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac", "-ac", "2"}
	h265Opus = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=25", "-c:a", "libopus"}
)

// ffmpeg publishes a test picture and a tone until the test stops it.
func ffmpeg(t *testing.T, url, transport string, codecs ...string) (cmd *exec.Cmd, said *bytes.Buffer) {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	args := []string{"-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	cmd, said = exec.Command(path, append(append(args, codecs...), "-f", "rtsp", "-rtsp_transport", transport, url)...), &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended by itself
	_ = cmd.Wait()
}

func TestAnEncoderGoesOnAir(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codecs       []string
		video, audio streaming.Codec
		transport    string
		b            bool
	}{
		"H.264 and AAC over TCP":  {h264AAC, streaming.H264, streaming.AAC, "tcp", false},
		"H.264 and AAC over UDP":  {h264AAC, streaming.H264, streaming.AAC, "udp", false},
		"B-frames":                {h264B, streaming.H264, streaming.AAC, "tcp", true},
		"H.265 and Opus over TCP": {h265Opus, streaming.H265, streaming.Opus, "tcp", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, rtsp.Config{Idle: 5 * time.Second})
			cmd, said := ffmpeg(t, "rtsp://live:"+ingesttest.GoodKey+"@"+s.addr+"/live", c.transport, c.codecs...)
			defer stop(cmd)
			var h ingest.Health
			ingesttest.Eventually(t, "two seconds of pictures", func() bool {
				h, _ = s.Sessions.Health("broadcast")
				return h.Frames > 100 && h.Keys >= 2
			})
			if h.Protocol != "rtsp" || h.VideoCodec != c.video || h.AudioCodec != c.audio || h.Width != 320 || h.Restarts > 0 || h.BFrames != c.b || h.Lost > 0 {
				t.Errorf("health %+v\n%s", h, said)
			}
			if h.SkewMS < -200 || h.SkewMS > 200 {
				t.Errorf("sound and picture are %d ms apart", h.SkewMS)
			}
			stop(cmd)
			ingesttest.Eventually(t, "the session to end", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
		})
	}
}

func TestEncodersAreSentAway(t *testing.T) {
	t.Parallel()
	s := start(t, rtsp.Config{})
	for name, url := range map[string]string{
		"a wrong key":              "rtsp://live:wrong@" + s.addr + "/live",
		"a wrong key in the query": "rtsp://" + s.addr + "/live?key=wrong",
		"no key":                   "rtsp://" + s.addr + "/live",
	} {
		cmd, said := ffmpeg(t, url, "tcp", h264AAC...)
		began := time.Now()
		if err := cmd.Wait(); err == nil || time.Since(began) > 30*time.Second {
			t.Errorf("%s: %v %s", name, err, said)
		}
	}
	if len(s.Sessions.OfChannel("channel")) > 0 {
		t.Error("there is a session")
	}
}

// ask says something on a connection and returns the first line of the answer, "" where it was closed.
func ask(t *testing.T, addr, said string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, said); err != nil {
		return ""
	}
	b := make([]byte, 512)
	n, _ := c.Read(b) // nothing is an answer too
	line, _, _ := strings.Cut(string(b[:n]), "\r\n")
	return line
}

func TestViewersAreToldThatNothingIsPlayed(t *testing.T) {
	t.Parallel()
	s := start(t, rtsp.Config{})
	for method, path := range map[string]string{"DESCRIBE": "/broadcast", "SETUP": "/broadcast/trackID=0"} {
		said := method + " rtsp://" + s.addr + path + " RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
		if got := ask(t, s.addr, said); got != "RTSP/1.0 501 Not Implemented" {
			t.Errorf("%s: %q", method, got)
		}
	}
}

func TestStrangersCostLittleAndAreClosed(t *testing.T) {
	t.Parallel()
	s := start(t, rtsp.Config{Handshake: 300 * time.Millisecond, HalfOpen: 1, Failed: 3})
	began := time.Now()
	if got := ask(t, s.addr, "OPTIONS"); got != "" || time.Since(began) > 3*time.Second {
		t.Errorf("half a request: %q", got)
	}
	for _, said := range []string{strings.Repeat("x", 1<<16), "ANNOUNCE rtsp://h/live?key=" + ingesttest.GoodKey + " RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"} {
		ask(t, s.addr, said)
	}
	ingesttest.Eventually(t, "the door to close", func() bool {
		return ask(t, s.addr, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n") == ""
	})
	if len(s.Sessions.OfChannel("channel")) > 0 {
		t.Error("there is a session")
	}
}

func TestARotatedKeyPutsThePublisherOut(t *testing.T) {
	t.Parallel()
	s := start(t, rtsp.Config{NoUDP: true})
	cmd, _ := ffmpeg(t, "rtsp://"+s.addr+"/live?key="+ingesttest.GoodKey, "tcp", h264AAC...)
	defer stop(cmd)
	ingesttest.Eventually(t, "the broadcast", func() bool { _, err := s.Hub.Stream("broadcast"); return err == nil })
	if s.Sessions.Kick("channel", "key") != 1 {
		t.Fatal("nobody was kicked")
	}
	if err := cmd.Wait(); err == nil {
		t.Log("the encoder left by itself")
	}
}
