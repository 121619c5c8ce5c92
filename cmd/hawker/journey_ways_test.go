package main

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
)

// ownWay starts a program that may dial this machine.
func ownWay(t *testing.T) *app {
	t.Helper()
	a, err := boot(t.TempDir(), map[string]string{"outbound.allow": "127.0.0.1", "pull.pause_min": "200ms", "restream.pause_min": "200ms"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func freePort(t *testing.T, network string) (port int) {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A creator has no encoder: the installation fetches a camera over RTSP, a partner over RTMP and HLS, and a listener over
// SRT, one after the other, onto the creator's channel. The demo's show and ffmpeg are the other side.
func TestJourneySourcesAreFetched(t *testing.T) {
	a := ownWay(t)
	until(t, "the demo's show", 20*time.Second, func() bool {
		s, err := a.hub.Stream(a.demoData.Broadcast)
		return err == nil && s.Active(time.Second)
	})
	port := freePort(t, "udp")
	listener := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-loglevel", "error", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=320x568:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mpegts",
		fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=0123456789ab", port))
	if err := listener.Start(); err != nil {
		t.Fatalf("ffmpeg: %v (make deps installs it)", err)
	}
	t.Cleanup(func() { _ = listener.Process.Kill(); _ = listener.Wait() })
	channel, show := "/v1/channels/"+a.demoData.Channel, a.demoData.Broadcast
	callAt(t, a, "POST", channel+"/sources", "creator", map[string]string{"name": "Inside", "address": "http://169.254.169.254/latest/meta.m3u8"}, 422, nil)
	callAt(t, a, "POST", channel+"/sources", "viewer", map[string]string{"name": "Camera", "address": "rtsp://127.0.0.1/1"}, 404, nil)
	for _, address := range []string{
		fmt.Sprintf("rtsp://%s/live/%s", dialable(a.addresses["rtsp"]), show),
		fmt.Sprintf("rtmp://%s/live/%s", dialable(a.addresses["rtmp"]), show),
		fmt.Sprintf("http://%s/hls/%s/index.m3u8", a.addresses["http"], show),
		fmt.Sprintf("srt://127.0.0.1:%d?passphrase=0123456789ab", port),
	} {
		scheme, _, _ := strings.Cut(address, ":")
		var made api.PullSource
		callAt(t, a, "POST", channel+"/sources", "creator", map[string]string{"name": "Over " + scheme, "address": address}, 201, &made)
		if made.State != "stopped" || strings.Contains(made.Address, show) || strings.Contains(made.Address, "0123456789ab") {
			t.Fatalf("made: %+v", made)
		}
		callAt(t, a, "PATCH", "/v1/sources/"+made.ID, "creator", map[string]bool{"running": true}, 200, nil)
		source := func() (one api.PullSource) {
			var all struct{ Items []api.PullSource }
			callAt(t, a, "GET", channel+"/sources", "creator", nil, 200, &all)
			for _, one := range all.Items {
				if one.ID == made.ID {
					return one
				}
			}
			return api.PullSource{}
		}
		until(t, scheme+" to be live", 30*time.Second, func() bool { return source().State == "live" })
		on := source().Broadcast
		stream, err := a.hub.Stream(on)
		if err != nil {
			t.Fatal(err)
		}
		before := stream.Stats().Units
		until(t, "ten seconds' worth of units over "+scheme, 20*time.Second, func() bool { return stream.Stats().Units > before+150 })
		h, ok := a.sessions.Health(on)
		if !ok || h.VideoCodec == "" || h.AudioCodec == "" || h.Restarts > 1 {
			t.Errorf("over %s: %+v", scheme, h)
		}
		t.Logf("over %s: %s + %s, %d×%d, %.0f/s, drift %d ms, skew %d ms", scheme, h.VideoCodec, h.AudioCodec, h.Width, h.Height, h.FPS, h.DriftMS, h.SkewMS)
		callAt(t, a, "PATCH", "/v1/sources/"+made.ID, "creator", map[string]bool{"running": false}, 200, nil)
		until(t, scheme+" to be gone", 10*time.Second, func() bool { return len(a.sessions.OfChannel(a.demoData.Channel)) == 0 })
		callAt(t, a, "DELETE", "/v1/sources/"+made.ID, "creator", nil, 204, nil)
	}

	// The people end the broadcast: the source stops with it, and does not make another.
	var made api.PullSource
	callAt(t, a, "POST", channel+"/sources", "creator", map[string]string{"name": "Camera", "address": fmt.Sprintf("rtsp://%s/live/%s", dialable(a.addresses["rtsp"]), show)}, 201, &made)
	callAt(t, a, "PATCH", "/v1/sources/"+made.ID, "creator", map[string]bool{"running": true}, 200, nil)
	var one api.PullSource
	look := func() api.PullSource {
		var all struct{ Items []api.PullSource }
		callAt(t, a, "GET", channel+"/sources", "creator", nil, 200, &all)
		return all.Items[0]
	}
	until(t, "the camera", 30*time.Second, func() bool { one = look(); return one.State == "live" })
	callAt(t, a, "POST", "/v1/broadcasts/"+one.Broadcast+"/end", "creator", nil, 200, nil)
	until(t, "the camera to stop", 10*time.Second, func() bool { one = look(); return one.State == "stopped" && one.Reason == "ended" && !one.Running })
}

// The creator's show goes to three platforms at once: two that are ffmpeg, and over every protocol to another channel of
// an installation, which is our own here.
func TestJourneyABroadcastIsPushed(t *testing.T) {
	a := ownWay(t)
	shows, key := "/v1/channels/"+channelOf(t, a), a.demoData.StreamKey
	targets := func(id string) (one api.PushTarget) {
		var all struct{ Items []api.PushTarget }
		callAt(t, a, "GET", shows+"/targets", "creator", nil, 200, &all)
		for _, one := range all.Items {
			if one.ID == id {
				return one
			}
		}
		return one
	}
	add := func(name, address, key string) (made api.PushTarget) {
		callAt(t, a, "POST", shows+"/targets", "creator", map[string]string{"name": name, "address": address, "key": key}, 201, &made)
		return made
	}
	for _, listener := range []struct{ format, address, url string }{
		{"flv", fmt.Sprintf("rtmp://127.0.0.1:%d/live", freePort(t, "tcp")), "/key"},
		{"mpegts", fmt.Sprintf("srt://127.0.0.1:%d", freePort(t, "udp")), "?mode=listener"},
	} {
		args := []string{"-hide_banner", "-loglevel", "error"}
		if listener.format == "flv" {
			args = append(args, "-listen", "1")
		}
		ffmpeg := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-i", listener.address+listener.url, "-t", "4", "-map", "0:v", "-map", "0:a", "-f", "null", "-")...)
		var said strings.Builder
		ffmpeg.Stderr = &said
		if err := ffmpeg.Start(); err != nil {
			t.Fatalf("ffmpeg: %v (make deps installs it)", err)
		}
		made := add("ffmpeg over "+listener.format, listener.address, map[string]string{"flv": "key"}[listener.format])
		until(t, listener.format+" to be live", 20*time.Second, func() bool { return targets(made.ID).State == "live" })
		if err := ffmpeg.Wait(); err != nil {
			t.Errorf("ffmpeg over %s: %v: %s", listener.format, err, said.String())
		}
		one := targets(made.ID)
		t.Logf("ffmpeg took four seconds over %s: %d bytes, %d kbit/s, it said %q", listener.format, one.Sent, one.Bitrate/1000, said.String())
		until(t, "that it has gone to be told", 20*time.Second, func() bool { s := targets(made.ID).State; return s == "retrying" || s == "connecting" })
		callAt(t, a, "DELETE", "/v1/targets/"+made.ID, "creator", nil, 204, nil)
	}
	for name, way := range map[string][2]string{
		"rtmp": {"rtmp://" + dialable(a.addresses["rtmp"]) + "/live", key},
		"srt":  {"srt://" + dialable(a.addresses["srt"]) + "?streamid=publish:" + key, ""},
		"whip": {"http://" + a.addresses["http"] + "/whip", key},
	} {
		made := add("our own over "+name, way[0], way[1])
		if strings.Contains(fmt.Sprint(made), key) {
			t.Fatalf("it shows the key: %+v", made)
		}
		until(t, name+" to arrive", 30*time.Second, func() bool {
			for _, h := range a.sessions.OfChannel(a.demoData.Channel) {
				if h.Protocol == name && h.Frames > 100 && h.VideoCodec != "" && h.AudioCodec != "" {
					t.Logf("over %s: %s + %s, %d frames, %d lost", name, h.VideoCodec, h.AudioCodec, h.Frames, h.Lost)
					return targets(made.ID).State == "live"
				}
			}
			return false
		})
		callAt(t, a, "PATCH", "/v1/targets/"+made.ID, "creator", map[string]bool{"enabled": false}, 200, nil)
		until(t, name+" to leave", 15*time.Second, func() bool { return len(a.sessions.OfChannel(a.demoData.Channel)) == 0 })
		until(t, name+" to be off", 15*time.Second, func() bool { return targets(made.ID).State == "off" })
	}
	wrong := add("wrong key", "http://"+a.addresses["http"]+"/whip", "hk_key_wrong")
	until(t, "the wrong key to be told", 15*time.Second, func() bool { return targets(wrong.ID).Reason == "credentials" })
	nobody := add("nobody", fmt.Sprintf("rtmp://127.0.0.1:%d/live", freePort(t, "tcp")), "k")
	until(t, "that nobody is there", 15*time.Second, func() bool { return targets(nobody.ID).Reason == "unreachable" })
}

// A key's passphrase encrypts SRT, and only with its own key; what is wrong gets nowhere.
func TestJourneyAKeysPassphraseEncryptsSRT(t *testing.T) {
	a := ownWay(t)
	var key struct {
		StreamKey  string `json:"stream_key"`
		Passphrase string `json:"srt_passphrase"`
	}
	callAt(t, a, "POST", "/v1/channels/"+a.demoData.Channel+"/stream-key", "creator", nil, 201, &key)
	push := func(passphrase string) error {
		ffmpeg := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x568:rate=30",
			"-t", "4", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-pix_fmt", "yuv420p", "-f", "mpegts",
			fmt.Sprintf("srt://%s?streamid=publish:%s&passphrase=%s", dialable(a.addresses["srt"]), key.StreamKey, passphrase))
		return ffmpeg.Run()
	}
	if err := push("not the passphrase"); err == nil {
		t.Error("a wrong passphrase came in")
	}
	done := make(chan error, 1)
	go func() { done <- push(key.Passphrase) }()
	until(t, "the encrypted stream", 15*time.Second, func() bool {
		for _, h := range a.sessions.OfChannel(a.demoData.Channel) {
			return h.Protocol == "srt" && h.Frames > 30
		}
		return false
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// channelOf is the channel of the demo's show.
func channelOf(t *testing.T, a *app) string {
	t.Helper()
	var b struct{ Channel string }
	callAt(t, a, "GET", "/v1/broadcasts/"+a.demoData.Broadcast, "creator", nil, 200, &b)
	return b.Channel
}
