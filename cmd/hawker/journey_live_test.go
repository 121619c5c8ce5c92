package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Journey 1: go live from an encoder. A creator gives OBS, here ffmpeg, the server and the stream key, and is on air
// within two seconds of the first picture. When the encoder stops, the broadcast is interrupted at once and ends after
// the grace. A wrong key is turned away, and a rotated one puts its publisher out.
func TestJourneyGoLiveFromAnEncoder(t *testing.T) {
	a, _ := server(t)
	url := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/"

	encoder := startEncoder(t, url+a.demoData.StreamKey)
	var id string
	began := time.Now()
	until(t, "the broadcast on the list", 15*time.Second, func() bool {
		id = ""
		for _, b := range listLive(t) {
			if b.Channel == a.demoData.Channel && b.State == "live" {
				id = b.ID
			}
		}
		return id != ""
	})
	t.Logf("on the list %v after the encoder was started", time.Since(began).Round(10*time.Millisecond))

	var health struct {
		Health *struct {
			VideoCodec string  `json:"video_codec"`
			AudioCodec string  `json:"audio_codec"`
			FrameRate  float64 `json:"frame_rate"`
		}
	}
	until(t, "the encoder's figures", 10*time.Second, func() bool {
		call(t, "GET", "/v1/broadcasts/"+id, "creator", nil, 200, &health)
		return health.Health != nil && health.Health.FrameRate > 20
	})
	if health.Health.VideoCodec != "h264" || health.Health.AudioCodec != "aac" {
		t.Errorf("the studio sees %+v", *health.Health)
	}
	health.Health = nil
	call(t, "GET", "/v1/broadcasts/"+id, "viewer", nil, 200, &health)
	if health.Health != nil {
		t.Error("a viewer sees the encoder's figures")
	}

	encoder.stop()
	until(t, "interrupted", 2*time.Second, func() bool { return stateOf(t, id) == "interrupted" })
	again := startEncoder(t, url+a.demoData.StreamKey)
	until(t, "live again, on the same broadcast", 15*time.Second, func() bool { return stateOf(t, id) == "live" })
	again.stop()
	until(t, "the end after the grace", 8*time.Second, func() bool { return stateOf(t, id) == "ended" })
}

func TestAWrongStreamKeyIsTurnedAwayAndNamedInTheLog(t *testing.T) {
	a, _ := server(t)
	url := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/"
	for _, key := range []string{"", "hk_key_wrong", a.demoData.StreamKey + "x"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := encoderCommand(ctx, url+key).CombinedOutput()
		cancel()
		if err == nil || ctx.Err() == context.DeadlineExceeded {
			t.Errorf("with key %q the encoder was not turned away: %v %.200s", key, err, out)
		}
	}
	until(t, "the refusal in the log", time.Second, func() bool { return strings.Contains(bootLog.String(), "publisher refused") })
	if strings.Contains(bootLog.String(), "hk_key_wrong") {
		t.Error("the log tells a key")
	}
}

func TestRotatingTheKeyPutsThePublisherOut(t *testing.T) {
	a, _ := server(t)
	url := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/"
	old := a.demoData.StreamKey
	encoder := startEncoder(t, url+old)
	until(t, "on air", 15*time.Second, func() bool {
		for _, b := range listLive(t) {
			if b.Channel == a.demoData.Channel && b.State == "live" {
				return true
			}
		}
		return false
	})
	var rotated struct {
		StreamKey string `json:"stream_key"`
	}
	call(t, "POST", "/v1/channels/"+a.demoData.Channel+"/stream-key", "creator", struct{}{}, 201, &rotated)
	a.demoData.StreamKey = rotated.StreamKey
	select {
	case <-encoder.ended:
	case <-time.After(5 * time.Second):
		t.Error("the publisher went on with the old key")
	}
	until(t, "the end", 10*time.Second, func() bool { return len(liveOf(t, a.demoData.Channel)) == 0 })
}

type listed struct{ ID, Title, Channel, State string }

func listLive(t *testing.T) []listed {
	t.Helper()
	var list struct{ Items []listed }
	call(t, "GET", "/v1/broadcasts?state=live", "", nil, 200, &list)
	return list.Items
}

func liveOf(t *testing.T, channel string) (out []listed) {
	t.Helper()
	for _, b := range listLive(t) {
		if b.Channel == channel {
			out = append(out, b)
		}
	}
	return out
}

func stateOf(t *testing.T, id string) string {
	t.Helper()
	var b listed
	call(t, "GET", "/v1/broadcasts/"+id, "", nil, 200, &b)
	return b.State
}

// encoder is a running ffmpeg.
type encoder struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func encoderCommand(ctx context.Context, url string) *exec.Cmd {
	return exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=320x568:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "30", "-pix_fmt", "yuv420p", "-b:v", "400k",
		"-c:a", "aac", "-ac", "2", "-b:a", "64k", "-f", "flv", url)
}

func startEncoder(t *testing.T, url string) *encoder {
	t.Helper()
	e := &encoder{cmd: encoderCommand(context.Background(), url), ended: make(chan struct{})}
	if err := e.cmd.Start(); err != nil {
		t.Fatalf("ffmpeg: %v (make deps installs it)", err)
	}
	go func() { _ = e.cmd.Wait(); close(e.ended) }()
	t.Cleanup(e.stop)
	return e
}

func (e *encoder) stop() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}
