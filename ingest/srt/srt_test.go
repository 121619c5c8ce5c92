package srt_test

import (
	"bytes"
	"context"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/srt"
	"github.com/hawkerlive/hawker/streaming"
)

// A caller of gosrt that is sent away leaves a timer and its socket loop behind: neither finds anybody to tell. The
// listener's side must leave nothing.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/datarhei/gosrt.Dial.func1"), goleak.IgnoreTopFunction("github.com/datarhei/gosrt.Dial.func3"))
}

// station is a running server.
type station struct {
	addr string
	*ingesttest.Station
}

func start(t testing.TB, config srt.Config) *station {
	t.Helper()
	s := &station{Station: ingesttest.New()}
	s.Sessions.Metrics = ingest.NewMetrics(prometheus.NewRegistry())
	server := &srt.Server{
		Addr: "127.0.0.1:0", Sessions: s.Sessions, Config: config, Log: slog.New(slog.DiscardHandler),
		Metrics: ingest.NewDoorMetrics(prometheus.NewRegistry(), "srt"),
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
	h265Opus = []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:keyint=25", "-c:a", "libopus"}
)

// ffmpeg publishes a test picture and a tone until the test stops it.
func ffmpeg(ctx context.Context, t *testing.T, url string, codecs ...string) (cmd *exec.Cmd, said *bytes.Buffer) {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("ffmpeg is needed: apt-get install ffmpeg")
	}
	args := []string{"-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	cmd, said = exec.CommandContext(ctx, path, append(append(args, codecs...), "-f", "mpegts", url)...), &bytes.Buffer{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, said
}

func (s *station) url(id string) string { return "srt://" + s.addr + "?pkt_size=1316&streamid=" + id }

func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended by itself
	_ = cmd.Wait()
}

func TestAnEncoderGoesOnAir(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codecs       []string
		video, audio streaming.Codec
		id, more     string
		config       srt.Config
	}{
		"H.264 and AAC":  {h264AAC, streaming.H264, streaming.AAC, "publish:" + ingesttest.GoodKey, "", srt.Config{}},
		"H.265 and Opus": {h265Opus, streaming.H265, streaming.Opus, "#!::m=publish,r=" + ingesttest.GoodKey, "", srt.Config{}},
		"encrypted":      {h264AAC, streaming.H264, streaming.AAC, "publish%3A" + ingesttest.GoodKey, "&passphrase=correct-horse&pbkeylen=16", srt.Config{Passphrase: "correct-horse"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.config)
			cmd, said := ffmpeg(t.Context(), t, s.url(c.id)+c.more, c.codecs...)
			defer stop(cmd)
			var h ingest.Health
			ingesttest.Eventually(t, "two seconds of pictures", func() bool {
				h, _ = s.Sessions.Health("broadcast")
				return h.Frames > 100 && h.Keys >= 2
			})
			if h.Protocol != "srt" || h.VideoCodec != c.video || h.AudioCodec != c.audio || h.Width != 320 || h.Resyncs > 1 || h.Restarts > 0 || h.BFrames {
				t.Errorf("health %+v\n%s", h, said)
			}
			ingesttest.Eventually(t, "sound and picture to come together", func() bool { // an encoder that is starved is behind with one of them
				h, _ = s.Sessions.Health("broadcast")
				return h.SkewMS > -200 && h.SkewMS < 200
			})
			stop(cmd)
			ingesttest.Eventually(t, "the session to end", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
		})
	}
}

func TestCallersAreSentAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id, passphrase string
		config         srt.Config
	}{
		"a wrong key":               {"publish:wrong", "", srt.Config{}},
		"no key":                    {"publish:", "", srt.Config{}},
		"no stream id":              {"", "", srt.Config{}},
		"a viewer":                  {"read:broadcast", "", srt.Config{}},
		"a wrong passphrase":        {"publish:" + ingesttest.GoodKey, "wrong-horse", srt.Config{Passphrase: "correct-horse"}},
		"no passphrase":             {"publish:" + ingesttest.GoodKey, "", srt.Config{Passphrase: "correct-horse"}},
		"a passphrase without need": {"publish:" + ingesttest.GoodKey, "wrong-horse", srt.Config{}},
		"one too many":              {"publish:" + ingesttest.GoodKey, "", srt.Config{Conns: -1, HalfOpen: 1, Failed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c.config)
			config := gosrt.DefaultConfig()
			config.StreamId, config.Passphrase, config.ConnectionTimeout = c.id, c.passphrase, 30*time.Second
			if name == "one too many" { // the first attempt fails and is counted
				config.StreamId = "publish:wrong"
				if _, err := gosrt.Dial("srt", s.addr, config); err == nil {
					t.Fatal("it came in")
				}
				config.StreamId = c.id
			}
			began := time.Now()
			conn, err := gosrt.Dial("srt", s.addr, config)
			if err == nil {
				_ = conn.Close()
				t.Error("it came in")
			}
			if time.Since(began) > 10*time.Second {
				t.Errorf("it was not told: %v", err)
			}
			if len(s.Sessions.OfChannel("channel")) > 0 {
				t.Error("it has a session")
			}
		})
	}
}

func TestASilentPublisherIsClosed(t *testing.T) {
	t.Parallel()
	s := start(t, srt.Config{Idle: 300 * time.Millisecond})
	config := gosrt.DefaultConfig()
	config.StreamId = "publish:" + ingesttest.GoodKey
	conn, err := gosrt.Dial("srt", s.addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ingesttest.Eventually(t, "the session", func() bool { return len(s.Sessions.OfChannel("channel")) == 1 })
	if _, err := conn.Write(bytes.Repeat([]byte{0x47, 0x1f, 0xff, 0x10}, 47)); err != nil { // a null packet is no media
		t.Fatal(err)
	}
	ingesttest.Eventually(t, "its end", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
}

func TestARotatedKeyPutsThePublisherOut(t *testing.T) {
	t.Parallel()
	s := start(t, srt.Config{})
	cmd, _ := ffmpeg(t.Context(), t, s.url("publish:"+ingesttest.GoodKey), h264AAC...)
	defer stop(cmd)
	ingesttest.Eventually(t, "the broadcast", func() bool { _, err := s.Hub.Stream("broadcast"); return err == nil })
	if s.Sessions.Kick("channel", "key") != 1 {
		t.Fatal("nobody was kicked")
	}
	if err := cmd.Wait(); err == nil {
		t.Log("the encoder left by itself")
	}
}

func TestAPassphraseHasALength(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"short", strings.Repeat("x", 80)} {
		if err := (srt.Config{Passphrase: p}).Check(); err == nil {
			t.Errorf("%q is taken", p)
		}
	}
}
