package main

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/api"
)

// What lay on the picture when the show ended becomes a clip as what was removed does: nobody unpins the last product.
func TestWhatIsPinnedToTheEndIsAClip(t *testing.T) {
	a, _ := server(t)
	encoder := startEncoder(t, "rtmp://"+dialable(a.addresses["rtmp"])+"/live/"+a.demoData.StreamKey)
	var show string
	until(t, "on air", 15*time.Second, func() bool {
		for _, b := range liveOf(t, a.demoData.Channel) {
			show = b.ID
		}
		return show != "" && stateOf(t, show) == "live"
	})
	var placed struct{ From int64 }
	call(t, "PUT", "/v1/broadcasts/"+show+"/pins/"+a.demoData.Product, "creator", struct{}{}, 200, &placed)
	until(t, "five seconds", 20*time.Second, func() bool {
		now, ok := a.hub.Now(show)
		return ok && int64(now) > placed.From+5_300_000
	})
	call(t, "POST", "/v1/broadcasts/"+show+"/end", "creator", struct{}{}, 200, nil)
	encoder.stop()
	b, err := a.broadcasts.Get(t.Context(), show)
	if err != nil {
		t.Fatal(err)
	}
	var clip api.VideoItem
	until(t, "the clip", time.Minute, func() bool {
		var list api.Page[api.VideoItem]
		call(t, "GET", "/v1/videos?channel="+a.demoData.Channel+"&kind=clip", "creator", nil, 200, &list)
		for _, one := range list.Items {
			if one.Broadcast == show {
				clip = one
			}
		}
		return clip.ID != ""
	})
	end := int64(clip.From + clip.Duration)
	if lead := placed.From - int64(clip.From); lead < 0 || lead > 2_000_000 || end <= placed.From+5_000_000 || end > int64(b.Length) {
		t.Errorf("the clip is %+v; the pin lay from %d to the end at %d", clip, placed.From, b.Length)
	}
	var body api.VideoBody
	call(t, "GET", "/v1/videos/"+clip.ID, "creator", nil, 200, &body)
	if len(body.Tags) != 1 || body.Tags[0].Product != a.demoData.Product {
		t.Errorf("its products are %+v", body.Tags)
	}
}
