package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
)

// A browser that sends its picture in several sizes: each is a rendition, and the next one steps in while the largest sleeps.
func TestJourneyABrowsersLayersAreRenditions(t *testing.T) {
	type seen struct {
		Width      int
		Renditions string
		Codec      string
		LeftOut    []string `json:"left_out"`
	}
	var saw struct {
		Together, Asleep, Awake seen
		Faults                  []string
	}
	a, _ := server(t)
	call(t, "POST", "/v1/channels/"+a.demoData.Channel+"/broadcasts", "creator", map[string]string{"title": "Several sizes"}, 201, nil)
	browse(t, "simulcast.mjs", &saw)
	if saw.Together.Codec != "h264" || saw.Awake.Renditions != "180p" || saw.Asleep.Width != 320 || len(saw.Awake.LeftOut)+len(saw.Faults) > 0 {
		t.Errorf("%+v", saw)
	}
	until(t, "the end after the grace", 45*time.Second, func() bool { return len(liveOf(t, a.demoData.Channel)) == 0 })
}

// OBS asks how to send several pictures, with its key and without; an encoder that knows how is asked to connect again.
func TestJourneyAnEncoderIsToldWhatToDo(t *testing.T) {
	a, _ := server(t)
	ask := func(key string) (out struct {
		Status    struct{ Result string }
		Endpoints []struct {
			URL string `json:"url_template"`
		} `json:"ingest_endpoints"`
		Tracks []struct{ Width int } `json:"encoder_configurations"`
	}) {
		t.Helper()
		body, _ := json.Marshal(map[string]any{"authentication": key, "capabilities": map[string]any{"gpu": []any{map[string]any{"vendor_id": 0x10de}}}})
		res, err := http.Post("http://"+dialable(a.addresses["http"])+"/obs/multitrack", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %v", res.StatusCode, err)
		}
		return out
	}
	if told := ask("hk_key_wrong"); told.Status.Result != "error" || len(told.Tracks) > 0 {
		t.Errorf("with a wrong key OBS is told %+v", told)
	}
	told := ask(a.demoData.StreamKey)
	if told.Status.Result != "success" || len(told.Tracks) < 2 || len(told.Endpoints) == 0 {
		t.Fatalf("OBS is told %+v", told)
	}
	call(t, "POST", "/v1/channels/"+a.demoData.Channel+"/broadcasts", "creator", map[string]string{"title": "Moving house"}, 201, nil)
	c, err := rtmptest.Publish(t.Context(), dialable(a.addresses["rtmp"]), rtmptest.Greeting{CapsEx: 1, Key: a.demoData.StreamKey + "?clientConfigId=x"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var publishers struct {
		Items []struct{ ID, Protocol string }
	}
	path := "/v1/channels/" + a.demoData.Channel + "/publishers"
	call(t, "GET", path, "creator", nil, 200, &publishers)
	id := ""
	for _, p := range publishers.Items {
		if p.Protocol == "rtmp" {
			id = p.ID
		}
	}
	call(t, "POST", path+"/reconnect", "viewer", map[string]string{"publisher": id}, 404, nil)
	call(t, "POST", path+"/reconnect", "creator", map[string]string{"publisher": "nobody"}, 422, nil)
	call(t, "POST", path+"/reconnect", "creator", map[string]string{"publisher": id, "to": "http://x"}, 422, nil)
	call(t, "POST", path+"/reconnect", "creator", map[string]string{"publisher": id, "to": "rtmp://other.example/live"}, 202, nil)
	if code, err := c.Status(); err != nil || code != "NetConnection.Connect.ReconnectRequest" {
		t.Errorf("the encoder hears %s, %v", code, err)
	}
}
