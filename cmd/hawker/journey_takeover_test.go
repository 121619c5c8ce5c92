package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// A creator changes the encoder and the protocol in the middle of a broadcast: RTMP, then SRT, then RTSP. A reader of
// the stream stays through all of it and sees one generation after the other, on the same broadcast; the encoder that
// was displaced comes back, stands by, takes over when the studio chooses it, and again when the last one is killed.
func TestJourneyTakeoverFromProtocolToProtocol(t *testing.T) {
	a, _ := server(t)
	key := a.demoData.StreamKey
	rtmp := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/" + key
	publish := func(format, url string) *encoder {
		t.Helper()
		e := &encoder{cmd: exec.CommandContext(context.Background(), "ffmpeg", "-hide_banner", "-loglevel", "error", "-re",
			"-f", "lavfi", "-i", "testsrc2=size=320x568:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
			"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0", "-g", "30", "-pix_fmt", "yuv420p", "-b:v", "400k",
			"-c:a", "aac", "-ac", "2", "-b:a", "64k", "-f", format, url), ended: make(chan struct{})}
		if err := e.cmd.Start(); err != nil {
			t.Fatalf("ffmpeg: %v (make deps installs it)", err)
		}
		go func() { _ = e.cmd.Wait(); close(e.ended) }()
		t.Cleanup(e.stop)
		return e
	}
	// A broadcast that waits for its publisher: a channel whose last one was just ended rests otherwise.
	call(t, "POST", "/v1/channels/"+a.demoData.Channel+"/broadcasts", "creator", map[string]string{"title": "Three encoders"}, 201, nil)
	first := publish("flv", rtmp)
	var id string
	until(t, "on air", 15*time.Second, func() bool {
		live := liveOf(t, a.demoData.Channel)
		if len(live) > 0 && live[0].State == "live" {
			id = live[0].ID
		}
		return id != ""
	})
	stream, err := a.hub.Stream(id)
	if err != nil {
		t.Fatal(err)
	}
	reader := stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer reader.Close()
	var generations []int
	var newest *streaming.Unit
	watch := func(what string, generation int) {
		t.Helper()
		until(t, what, 15*time.Second, func() bool {
			for u := reader.TryNext(); u != nil; u = reader.TryNext() {
				if !slices.Contains(generations, u.Generation) {
					generations = append(generations, u.Generation)
					if !u.Key {
						t.Errorf("generation %d does not begin with a key picture", u.Generation)
					}
				}
				newest = u
			}
			return newest != nil && newest.Generation >= generation
		})
		h, ok := a.sessions.Health(id)
		if !ok {
			t.Fatalf("%s: nobody is shown", what)
		}
		t.Logf("generation %d: %s", newest.Generation, h.Protocol)
	}
	began := stream.Generation().Number
	watch("RTMP", began)

	second := publish("mpegts", fmt.Sprintf("srt://%s?streamid=publish:%s", dialable(a.addresses["srt"]), key))
	watch("SRT", began+1)
	<-first.ended

	third := publish("rtsp", fmt.Sprintf("rtsp://live:%s@%s/live", key, dialable(a.addresses["rtsp"])))
	watch("RTSP", began+2)
	<-second.ended

	back := publish("flv", rtmp)
	until(t, "the first encoder to stand by", 10*time.Second, func() bool {
		for _, h := range a.sessions.OfChannel(a.demoData.Channel) {
			if h.Standby && h.Protocol == "rtmp" {
				return true
			}
		}
		return false
	})
	watch("RTSP still", began+2)

	// The studio chooses the standby, and then the camera again.
	var publishers struct {
		Items []struct {
			ID, Protocol string
			Standby      bool
		}
	}
	path := "/v1/channels/" + a.demoData.Channel + "/publishers"
	call(t, "GET", path, "creator", nil, 200, &publishers)
	if len(publishers.Items) != 2 || publishers.Items[0].Standby || !publishers.Items[1].Standby || publishers.Items[1].Protocol != "rtmp" {
		t.Fatalf("publishers of the channel: %+v", publishers.Items)
	}
	call(t, "PUT", path+"/shown", "viewer", map[string]string{"publisher": publishers.Items[1].ID}, 404, nil)
	call(t, "PUT", path+"/shown", "creator", map[string]string{"publisher": "unknown"}, 422, nil)
	call(t, "PUT", path+"/shown", "creator", map[string]string{"publisher": publishers.Items[1].ID}, 204, nil)
	watch("RTMP by the studio", began+3)
	call(t, "PUT", path+"/shown", "creator", map[string]string{"publisher": publishers.Items[0].ID}, 204, nil)
	watch("RTSP by the studio", began+4)
	began += 2

	killed := time.Now()
	third.stop()
	watch("RTMP again", began+3)
	t.Logf("the standby took over after %v", time.Since(killed).Round(time.Millisecond))
	if h, _ := a.sessions.Health(id); h.Protocol != "rtmp" {
		t.Errorf("%s is shown", h.Protocol)
	}
	if live := liveOf(t, a.demoData.Channel); len(live) != 1 || live[0].ID != id {
		t.Errorf("broadcasts of the channel: %+v", live)
	}
	if reader.Lost() > 0 {
		t.Errorf("the reader lost %d units", reader.Lost())
	}
	back.stop()
	until(t, "the end after the grace", 10*time.Second, func() bool { return stateOf(t, id) == "ended" })
}
