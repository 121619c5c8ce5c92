package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// players are the ways in which ffmpeg watches, by their arguments.
func players(t *testing.T, broadcast, secret string) map[string][]string {
	t.Helper()
	a, _ := server(t)
	query := ""
	if secret != "" {
		query = "?grant=" + secret
	}
	rtsp := "rtsp://" + dialable(a.addresses["rtsp"]) + "/live/" + broadcast + query
	return map[string][]string{
		"rtsp over TCP": {"-rtsp_transport", "tcp", "-i", rtsp},
		"rtsp over UDP": {"-rtsp_transport", "udp", "-i", rtsp},
		"rtmp":          {"-i", "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/" + broadcast + query},
	}
}

// TestPlayersDecodeTenSecondsWithoutAnError lets ffmpeg watch the show in each way, picture and sound.
func TestPlayersDecodeTenSecondsWithoutAnError(t *testing.T) {
	a, _ := server(t)
	for name, args := range players(t, a.demoData.Broadcast, "") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-v", "warning", "-xerror", "-progress", "pipe:1"},
				append(args, "-map", "0:v", "-map", "0:a", "-t", "10", "-f", "null", "-")...)...)
			var out, errs strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil {
				t.Fatalf("ffmpeg: %v\n%s\n%s", err, errs.String(), bootLog)
			}
			if errs.Len() > 0 {
				t.Errorf("ffmpeg warns: %s", errs.String())
			}
			frames := 0
			for line := range strings.Lines(out.String()) {
				if n, ok := strings.CutPrefix(line, "frame="); ok {
					frames, _ = strconv.Atoi(strings.TrimSpace(n))
				}
			}
			if took := time.Since(began).Round(time.Millisecond); frames < 290 || frames > 310 {
				t.Errorf("%d pictures of ten seconds in %v", frames, took)
			}
		})
	}
}

// probed is what ffprobe says of a stream.
type probed struct {
	Streams []struct {
		Kind  string `json:"codec_type"`
		Codec string `json:"codec_name"`
		Width int
		Rate  string `json:"sample_rate"`
	}
}

// TestPlayersNeedTheGrantToo watches what is for those with a link, with and without one, and is put out.
func TestPlayersNeedTheGrantToo(t *testing.T) {
	a, _ := server(t)
	d := a.demoData
	var show listed
	call(t, "POST", "/v1/channels/"+d.Channel+"/broadcasts", "creator", map[string]string{"title": "For the press", "access": "token"}, 201, &show)
	e := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+d.StreamKey)
	until(t, "on air", 15*time.Second, func() bool { return stateOfAs(t, show.ID, "creator") == "live" })
	var link struct{ ID, Token string }
	call(t, "POST", "/v1/broadcasts/"+show.ID+"/viewing-tokens", "creator", map[string]any{"expires_in": 3600}, 201, &link)

	probe := func(args []string) (p probed, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		text, err := exec.CommandContext(ctx, "ffprobe", append([]string{"-v", "error", "-of", "json", "-show_streams"}, args...)...).Output()
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		return p, err
	}
	for name, args := range players(t, show.ID, "") {
		if p, err := probe(args); err == nil {
			t.Errorf("%s without a link shows %+v", name, p)
		}
	}
	var gone []chan error
	for name, args := range players(t, show.ID, link.Token) {
		p, err := probe(args)
		if err != nil || len(p.Streams) != 2 || p.Streams[0].Codec != "h264" || p.Streams[0].Width != 320 || p.Streams[1].Codec != "aac" || p.Streams[1].Rate != "44100" {
			t.Errorf("%s with the link: %v %+v", name, err, p)
		}
		cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-nostdin", "-v", "quiet"}, args...), "-f", "null", "-")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		gone = append(gone, ended)
	}
	until(t, "all to watch", 15*time.Second, func() bool { return a.play.Viewers(show.ID) == 1 && a.relay.Viewers(show.ID) == 2 })
	call(t, "DELETE", "/v1/broadcasts/"+show.ID+"/viewing-tokens/"+link.ID, "creator", nil, 204, nil)
	until(t, "all to be out", within, func() bool { return a.play.Viewers(show.ID)+a.relay.Viewers(show.ID) == 0 })
	for _, ended := range gone {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("a player goes on")
		}
	}
	call(t, "POST", "/v1/broadcasts/"+show.ID+"/end", "creator", nil, 200, nil)
	e.stop()
}
