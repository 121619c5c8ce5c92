package main

import (
	"archive/zip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
)

// A pin that lay on the picture for five seconds is a clip half a minute later at the latest: it begins with the key
// picture at or before the pin, holds the product, plays in a browser's player as in ffmpeg, comes as a file of its very
// frames, and is public when its creator says so.
func TestJourneyClip(t *testing.T) {
	a, _ := server(t)
	show, product := a.demoData.Broadcast, a.demoData.Product
	until(t, "on air", 15*time.Second, func() bool { return stateOf(t, show) == "live" })
	// A clip from the first key picture on would have nothing before it.
	until(t, "the second key picture", 20*time.Second, func() bool {
		now, ok := a.hub.Now(show)
		return ok && int64(now) > 4_000_000
	})
	pin := "/v1/broadcasts/" + show + "/pins/" + product
	var placed, removed struct{ From, Until int64 }
	call(t, "PUT", pin, "creator", struct{}{}, 200, &placed)
	until(t, "five seconds", 20*time.Second, func() bool {
		now, ok := a.hub.Now(show)
		return ok && int64(now) > placed.From+5_300_000
	})
	call(t, "DELETE", pin, "creator", nil, 200, &removed)
	began := time.Now()
	var clip api.VideoItem // other pins of the show have made others
	until(t, "the clip", 30*time.Second, func() bool {
		var list api.Page[api.VideoItem] // a new one: what is absent from JSON keeps what was there
		call(t, "GET", "/v1/videos?channel="+a.demoData.ShowChannel+"&kind=clip", "creator", nil, 200, &list)
		for _, one := range list.Items {
			if int64(one.From+one.Duration) == removed.Until {
				clip = one
			}
		}
		return clip.Poster != ""
	})
	t.Logf("a clip %v after the unpin", time.Since(began).Round(time.Millisecond))
	lead := placed.From - int64(clip.From)
	if clip.State != "draft" || clip.Broadcast != show || lead < 0 || lead > 2_000_000 || int64(clip.From+clip.Duration) != removed.Until {
		t.Errorf("the clip is %+v; the pin lay from %d to %d", clip, placed.From, removed.Until)
	}
	call(t, "GET", "/v1/videos/"+clip.ID, "", nil, 404, nil)
	var public api.VideoBody
	call(t, "PUT", "/v1/videos/"+clip.ID+"/publication", "creator", struct{}{}, 200, nil)
	call(t, "GET", "/v1/videos/"+clip.ID, "", nil, 200, &public)
	if public.State != "published" || len(public.Tags) != 1 || public.Tags[0].Product != product || len(public.Transports) != 1 {
		t.Fatalf("published: %+v", public)
	}
	base := "http://" + a.addresses["http"]
	if poster := fetch(t, base+public.Poster); !strings.HasPrefix(poster, "\xff\xd8") {
		t.Error("the poster is no JPEG")
	}
	plays(t, base+public.Transports[0].URL)
	var file api.DownloadBody
	call(t, "POST", "/v1/broadcasts/"+show+"/downloads", "creator", map[string]int64{"from": placed.From, "until": removed.Until}, 201, &file)
	if got := int64(file.Duration) - (removed.Until - placed.From); got < -40_000 || got > 40_000 {
		t.Errorf("the file lasts %d µs, the pin %d", file.Duration, removed.Until-placed.From)
	}
	plays(t, base+file.URL)
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", base+file.URL).Output()
	frames, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	if want := int(file.Duration) * 30 / 1_000_000; err != nil || frames < want-2 || frames > want+2 {
		t.Errorf("%d pictures in %d µs, %v", frames, file.Duration, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", base+file.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=0-99")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent || resp.ContentLength != 100 {
		t.Error("a range of the file:", resp.Status)
	}
	var kept api.RecordingBody
	call(t, "GET", "/v1/broadcasts/"+show+"/recording", "creator", nil, 200, &kept)
	if len(kept.Stretches) == 0 || kept.Bytes == 0 || len(kept.Renditions) == 0 || kept.Renditions[0] != "main" {
		t.Errorf("the recording: %+v", kept)
	}
	var cut api.VideoBody
	call(t, "POST", "/v1/broadcasts/"+show+"/clips", "creator", map[string]any{"from": placed.From + 1_000_000, "until": removed.Until, "title": "By hand"}, 201, &cut)
	if cut.Title != "By hand" || cut.State != "draft" || int64(cut.From) > placed.From+1_000_000 {
		t.Errorf("by hand: %+v", cut)
	}
	captioned(t, a, show, clip.ID, placed.From)
	exportedAndPlayed(t, a, clip.ID, product)
	// The creator sees it all in the studio.
	var saw struct {
		Clip           string
		Played, Length float64
		Kept, Deleted  int
		Faults         []string
	}
	browse(t, "recordings.mjs", &saw, a.demoData.ShowChannel, show, strconv.FormatInt(int64(placed.From), 10))
	if saw.Clip == "" || saw.Played == 0 || saw.Length < 4.9 || saw.Kept != 200 || saw.Deleted != 404 || len(saw.Faults) > 0 {
		t.Errorf("the studio shows %+v", saw)
	}
	call(t, "PUT", "/v1/channels/"+a.demoData.ShowChannel+"/clips", "creator", api.ClipModeBody{Mode: "publish"}, 200, nil)
	call(t, "PUT", "/v1/channels/"+a.demoData.ShowChannel+"/clips", "viewer", api.ClipModeBody{Mode: "off"}, 404, nil)
}

// plays has ffmpeg play something from its beginning to its end.
func plays(t *testing.T, url string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg says %v\n%s", err, out)
	}
}

// fetchAs reads something with one of the demo's tokens.
func fetchAs(t *testing.T, a *app, path, who string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+a.addresses["http"]+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token := a.demoData.Tokens[who]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %.300s", path, resp.StatusCode, err, text)
	}
	return string(text)
}

// exportedAndPlayed puts a video's package on a site of its own and opens it there.
func exportedAndPlayed(t *testing.T, a *app, id, product string) {
	t.Helper()
	text := fetchAs(t, a, "/v1/videos/"+id+"/export", "creator")
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer site.Close()
	plays(t, filepath.Join(dir, "hls", "index.m3u8"))
	plays(t, filepath.Join(dir, "video.mp4"))
	var saw struct {
		Product, Href, Text string
		Cue                 struct {
			Text, Language string
			From           int64
		}
		Over                      bool
		Captions, Foreign, Faults []string
	}
	browse(t, "package.mjs", &saw, site.URL+"/", "en")
	if saw.Cue.Text != "Is it linen?" || saw.Cue.Language != "en" || saw.Cue.From < 900 || saw.Cue.From > 1100 || len(saw.Captions) != 1 || len(saw.Foreign) > 0 {
		t.Errorf("what is said on another site: %+v", saw)
	}
	if saw.Product != product || !saw.Over || !strings.Contains(saw.Href, "/v/"+id) || len(saw.Faults) > 0 {
		t.Errorf("on another site: %+v", saw)
	}
}

// captioned gives a show captions, of which a clip has its own part.
func captioned(t *testing.T, a *app, show, clip string, from int64) {
	t.Helper()
	at := func(us int64) string { return cueTime(time.Duration(us) * time.Microsecond) }
	var body api.VideoBody
	call(t, "GET", "/v1/videos/"+clip, "creator", nil, 200, &body)
	begin := int64(body.From)
	file := "WEBVTT\n\n00:00.000 --> 00:00.001\nLong before\n\n" + at(begin+1_000_000) + " --> " + at(begin+4_000_000) + "\nIs it linen?\n"
	put := func(who, text string, status int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+a.addresses["http"]+"/v1/broadcasts/"+show+"/captions?language=en&label=English", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/vtt")
		req.Header.Set("Authorization", "Bearer "+a.demoData.Tokens[who])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if said, _ := io.ReadAll(resp.Body); resp.StatusCode != status {
			t.Errorf("captions of %s: %d, want %d: %.300s", who, resp.StatusCode, status, said)
		}
	}
	put("viewer", file, 404)
	put("creator", "<html>", 422)
	put("creator", file, 200)
	var list struct{ Items []api.CaptionBody }
	call(t, "GET", "/v1/videos/"+clip+"/captions", "", nil, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Label != "English" {
		t.Fatalf("the clip is captioned in %+v", list.Items)
	}
	if from < begin {
		t.Errorf("the clip begins at %d, behind its pin at %d", begin, from)
	}
	until(t, "the clip's captions", 60*time.Second, func() bool {
		resp, err := http.Get("http://" + a.addresses["http"] + list.Items[0].URL)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode == http.StatusOK && strings.Contains(string(text), "00:00:01.000 --> 00:00:04.000\nIs it linen?") && !strings.Contains(string(text), "before")
	})
}
