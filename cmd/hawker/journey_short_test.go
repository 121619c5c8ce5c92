package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Journey: a short video from the phone to the order. The creator sends a file, lays a product on its seconds 2 to 5 and
// publishes; a viewer sees the card then and not otherwise, and buys; the order names the video.
func TestJourneyShortVideo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dusk.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=360x640:r=30",
		"-f", "lavfi", "-i", "sine=440", "-t", "7", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	still := filepath.Join(t.TempDir(), "still.png")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=480x640", "-frames:v", "1", still).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	type picture struct {
		ID    string
		Width int
		Lasts float64 // hours
	}
	var saw struct {
		Video string
		Feed  struct {
			Terms  map[string]int64
			Videos int
		}
		Hidden     int
		Seen       map[string]int
		BoughtFrom string `json:"bought_from"`
		State      string
		Stills     struct {
			Picture, Story picture
			Slip, Deleted  int
		}
		Faults []string
	}
	browse(t, "short.mjs", &saw, file, still)
	if saw.Video == "" || saw.BoughtFrom != saw.Video || saw.State != "paid" {
		t.Errorf("the order names %q, is %q; the video was %q", saw.BoughtFrom, saw.State, saw.Video)
	}
	if saw.Hidden != 404 {
		t.Errorf("a draft was answered with %d", saw.Hidden)
	}
	if saw.Feed.Terms["fresh"] < 290 || saw.Feed.Videos != 1 {
		t.Errorf("on the first page: %+v", saw.Feed)
	}
	feedSaysWhy(t, saw.Video)
	if len(saw.Seen) != 5 || len(saw.Faults) > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
	// A picture has no end, a story one; what was held down long enough to delete is gone, what was only touched is not.
	stills := saw.Stills
	if stills.Picture.Width != 480 || stills.Picture.Lasts != 0 || stills.Story.Width != 480 || stills.Story.Lasts != 24 || stills.Slip != 200 || stills.Deleted != 404 {
		t.Errorf("pictures: %+v", stills)
	}
	// A day later the story is over.
	a, _ := server(t)
	later := vod.Library{Videos: a.library.Videos, Blobs: a.blobs, Now: func() time.Time { return time.Now().Add(25 * time.Hour) }}
	if err := later.Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	call(t, "GET", "/v1/videos/"+stills.Story.ID, "viewer", nil, 404, nil)
	var own api.VideoBody
	call(t, "GET", "/v1/videos/"+stills.Story.ID, "creator", nil, 200, &own)
	if own.State != vod.StateHidden || own.Kind != vod.KindStory || len(own.Transports) != 0 {
		t.Errorf("a story that is over: %+v", own)
	}
}

// feedSaysWhy looks at the first page with and without following, as somebody and as nobody: what changes is what the
// reason says, and what was seen in the browser and bought is counted.
func feedSaysWhy(t *testing.T, video string) {
	t.Helper()
	find := func(who string) (item api.FeedItem) {
		t.Helper()
		for cursor := ""; ; {
			var page api.FeedPage
			call(t, "GET", "/v1/feed?limit=20&cursor="+cursor, who, nil, 200, &page)
			for _, one := range page.Items {
				if one.ID == video {
					return one
				}
			}
			if cursor = page.Next; cursor == "" {
				t.Fatal("the video is not in the feed")
			}
		}
	}
	points := func(i api.FeedItem, reason string) (n, sum int64) {
		for _, r := range i.Reasons {
			if sum += r.Points; string(r.Reason) == reason {
				n = r.Points
			}
		}
		return n, sum
	}
	stranger := find("")
	if _, sum := points(stranger, ""); sum != stranger.Score || stranger.Video == nil || len(stranger.Transports) != 1 {
		t.Errorf("a stranger gets %+v", stranger)
	}
	follow := "/v1/channels/" + stranger.Video.Channel + "/follow"
	call(t, "DELETE", follow, "viewer", nil, 204, nil)
	before := find("viewer")
	call(t, "PUT", follow, "viewer", nil, 204, nil)
	after := find("viewer")
	call(t, "DELETE", follow, "viewer", nil, 204, nil)
	by, _ := points(after, "follow")
	if bought, _ := points(before, "bought"); by == 0 || after.Score-before.Score < by-2 || after.Score-before.Score > by || bought == 0 {
		t.Errorf("following gives %d points: from %+v to %+v", by, before.Reasons, after.Reasons)
	}
	until(t, "the browser's impression", 30*time.Second, func() bool {
		untried, _ := points(find(""), "untried")
		return untried < 80
	})
	var made api.BoostBody
	boosts := "/v1/shops/" + stranger.Video.Shop + "/boosts"
	call(t, "POST", boosts, "seller", map[string]any{"item": video, "until": time.Now().Add(time.Hour)}, 201, &made)
	call(t, "POST", boosts, "seller", map[string]any{"item": video, "kind": "editorial", "until": time.Now().Add(time.Hour)}, 403, nil)
	call(t, "POST", boosts, "creator", map[string]any{"item": video, "until": time.Now().Add(time.Hour)}, 403, nil)
	call(t, "DELETE", boosts+"/"+made.ID, "seller", nil, 204, nil)
	var kept api.Page[api.BoostBody]
	if call(t, "GET", boosts, "seller", nil, 200, &kept); len(kept.Items) == 0 || kept.Items[0].EndedBy == "" || kept.Items[0].By == "" {
		t.Errorf("what is kept of the boost: %+v", kept)
	}
}
