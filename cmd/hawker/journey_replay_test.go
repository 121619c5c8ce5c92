package main

import (
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Journey 7: what was live can be watched again the second it ends. Nobody watched it over HLS; the encoder went away and
// came back, which is a discontinuity; a pin is named on its frames; ffmpeg plays it from the beginning to the end.
func TestJourneyWatchAgain(t *testing.T) {
	a, _ := server(t)
	url := "rtmp://" + dialable(a.addresses["rtmp"]) + "/live/" + a.demoData.StreamKey
	encoder := startEncoder(t, url)
	var id string
	until(t, "on air", 15*time.Second, func() bool {
		for _, b := range liveOf(t, a.demoData.Channel) {
			id = b.ID
		}
		return id != "" && stateOf(t, id) == "live"
	})
	pin := "/v1/broadcasts/" + id + "/pins/" + a.demoData.Product
	var placed, removed struct{ From, Until int64 }
	call(t, "PUT", pin, "creator", struct{}{}, 200, &placed)
	// A deal was announced beside it, and runs until the show is over.
	var deal struct{ ID string }
	deals := "/v1/broadcasts/" + id + "/deals"
	call(t, "POST", deals, "creator", map[string]any{"product": a.demoData.Product, "price": map[string]any{"amount": 500, "currency": "EUR"}, "quantity": 3, "countdown_s": 10}, 201, &deal)
	call(t, "POST", deals+"/"+deal.ID+"/start", "creator", struct{}{}, 200, nil)
	segments := func() int {
		_, lines, err := a.replays.Store.Timeline(t.Context(), vod.Video{Source: id})
		if err != nil {
			t.Fatal(err)
		}
		return len(lines)
	}
	until(t, "two segments", 20*time.Second, func() bool { return segments() >= 2 })
	call(t, "DELETE", pin, "creator", nil, 200, &removed)
	encoder.stop()
	until(t, "interrupted", 3*time.Second, func() bool { return stateOf(t, id) == "interrupted" })
	before := segments()
	again := startEncoder(t, url)
	until(t, "two more segments", 20*time.Second, func() bool { return segments() >= before+2 })
	call(t, "POST", "/v1/broadcasts/"+id+"/end", "creator", struct{}{}, 200, nil)

	var b struct{ Transports []api.Transport }
	call(t, "GET", "/v1/broadcasts/"+id, "", nil, 200, &b)
	again.stop()
	if len(b.Transports) != 1 || b.Transports[0].Kind != "hls" || !strings.HasPrefix(b.Transports[0].URL, "/vod/") {
		t.Fatalf("transports of an ended broadcast: %+v", b.Transports)
	}
	base := "http://" + a.addresses["http"]
	list := fetch(t, base+strings.Replace(b.Transports[0].URL, "index", "main", 1))
	for _, want := range []string{"#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-DISCONTINUITY\n", "live.hawker.pin", "#EXT-X-ENDLIST\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is missing in\n%s", want, list)
		}
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", base+b.Transports[0].URL, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg says %v\n%s", err, out)
	}
	until(t, "the recording's picture", 2*time.Minute, func() bool { // a machine that is busy makes it later
		resp, err := http.Get(base + "/v1/broadcasts/" + id + "/poster.jpg")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK && strings.HasPrefix(string(text), "\xff\xd8")
	})
	// What is on air is not deleted.
	call(t, "DELETE", "/v1/broadcasts/"+a.demoData.Broadcast+"/recording", "creator", nil, 409, nil)
	// A viewer who comes by the address plays it, sees the card on its frames after every seek, and reaches the end.
	var saw struct {
		Seen   map[string]bool
		Deal   [][]any
		Over   bool
		Faults []string
	}
	browse(t, "replay.mjs", &saw, id, a.demoData.Product, strconv.FormatInt(placed.From, 10), strconv.FormatInt(removed.Until, 10), a.demoData.Channel)
	if len(saw.Deal) != 1 || saw.Deal[0][0] != "ended" || saw.Deal[0][1] != "The deal is over" || saw.Deal[0][2] != nil {
		t.Errorf("of the deal the viewer saw %v", saw.Deal)
	}
	if len(saw.Seen) != 3 || !saw.Over || len(saw.Faults) > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
	// Its creator deleted it then.
	var gone struct{ Transports []api.Transport }
	call(t, "GET", "/v1/broadcasts/"+id, "", nil, 200, &gone)
	if len(gone.Transports) != 0 {
		t.Errorf("transports of a deleted recording: %v", gone.Transports)
	}
	until(t, "its playlist to be forgotten", time.Minute, func() bool { // playlists are kept for a moment
		resp, err := http.Get(base + b.Transports[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusNotFound
	})
	call(t, "DELETE", "/v1/broadcasts/"+id+"/recording", "creator", nil, 204, nil)
	var live struct{ Transports []api.Transport }
	call(t, "GET", "/v1/broadcasts/"+a.demoData.Broadcast, "", nil, 200, &live)
	if len(live.Transports) != 2 {
		t.Errorf("transports of a live broadcast: %+v", live.Transports)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %.300s", url, resp.StatusCode, err, text)
	}
	return string(text)
}
