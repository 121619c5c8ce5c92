package obs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/obs"
)

const goodKey = "hk_key_good"

type keys struct{}

func (keys) AuthorizePublish(_ context.Context, key, _ string) (ingest.Grant, error) {
	if key != goodKey {
		return ingest.Grant{}, ingest.ErrRefused
	}
	return ingest.Grant{ChannelID: "c"}, nil
}

func handler(endpoints ...obs.Endpoint) *obs.Handler {
	h := &obs.Handler{
		Authorizer: keys{}, Endpoints: func(string) []obs.Endpoint { return endpoints }, Origin: func(host string) string { return "https://" + host },
	}
	h.Init()
	return h
}

var door = obs.Endpoint{Protocol: "RTMP", URLTemplate: "rtmp://live.example:1935/live/{stream_key}"}

// asked is what OBS 31 sends, with more fields than we read.
func asked(key, more string) string {
	return `{"service":"Custom","schema_version":"2024-06-04","authentication":"` + key + `","client":{"name":"obs-studio","version":"31.0.3","supported_codecs":["h264","av1"]},` +
		`"capabilities":{"cpu":{"physical_cores":8,"logical_cores":16,"speed":3600,"name":"x"},"memory":{"total":1,"free":1},"system":{"version":"10","name":"Windows","build":1,"release":"x","revision":1,"bits":64,"arm":false,"armEmulation":false},` +
		`"gpu":[{"model":"x","vendor_id":4318,"device_id":1,"dedicated_video_memory":1,"shared_system_memory":1}]},` +
		`"preferences":{"vod_track_audio":false,"width":1920,"height":1080,"framerate":{"numerator":60,"denominator":1},"canvas_width":1920,"canvas_height":1080` + more + `}}`
}

type told struct {
	Meta struct {
		ConfigID string `json:"config_id"`
	}
	Status struct {
		Result string
		HTML   string `json:"html_en_us"`
	}
	Endpoints []obs.Endpoint                          `json:"ingest_endpoints"`
	Tracks    []obs.Track                             `json:"encoder_configurations"`
	Audio     struct{ Live []struct{ Codec string } } `json:"audio_configurations"`
}

func ask(t *testing.T, h *obs.Handler, body string) (told, int) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/obs/multitrack", strings.NewReader(body)))
	var out told
	if w.Code == 200 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
	}
	return out, w.Code
}

func TestOBSIsToldItsTracks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"a graphics card":     {asked(goodKey, ""), "obs_nvenc_h264_tex 1920x1080@60 9000, 1280x720@60 4500, 854x480@30 1200"},
		"few bits":            {asked(goodKey, `,"maximum_aggregate_bitrate":6000`), "obs_nvenc_h264_tex 1920x1080@60 6000"},
		"bits, not kilobits":  {asked(goodKey, `,"maximum_aggregate_bitrate":14000000`), "obs_nvenc_h264_tex 1920x1080@60 9000, 1280x720@60 4500"},
		"one track":           {asked(goodKey, `,"maximum_video_tracks":1`), "obs_nvenc_h264_tex 1920x1080@60 9000"},
		"more than we take":   {asked(goodKey, `,"maximum_video_tracks":4000000000`), "obs_nvenc_h264_tex 1920x1080@60 9000, 1280x720@60 4500, 854x480@30 1200"},
		"upright":             {strings.NewReplacer(`"width":1920,"height":1080`, `"width":1080,"height":1920`).Replace(asked(goodKey, "")), "obs_nvenc_h264_tex 1080x1920@60 9000, 720x1280@60 4500, 480x854@30 1200"},
		"no graphics card":    {strings.Replace(asked(goodKey, ""), "4318", "1", 1), "obs_x264 1920x1080@60 9000, 1280x720@60 4500, 854x480@30 1200"},
		"a small machine":     {strings.NewReplacer("4318", "1", `"logical_cores":16`, `"logical_cores":4`).Replace(asked(goodKey, "")), "obs_x264 1920x1080@60 9000"},
		"a Mac":               {strings.Replace(asked(goodKey, ""), "Windows", "macOS", 1), "com.apple.videotoolbox.videoencoder.ave.avc 1920x1080@60 9000, 1280x720@60 4500, 854x480@30 1200"},
		"an impossible rate":  {strings.Replace(asked(goodKey, ""), `"denominator":1`, `"denominator":0`, 1), "obs_nvenc_h264_tex 1920x1080@30 6000, 1280x720@30 3000, 854x480@30 1200"},
		"nothing but the key": {`{"authentication":"` + goodKey + `"}`, "obs_x264 1280x720@30 3000"},
		"an odd size":         {strings.NewReplacer("1920", "1000", "1080", "999").Replace(asked(goodKey, "")), "obs_nvenc_h264_tex 1000x998@60 6243, 720x720@60 4500, 480x480@30 1200"},
		"canvases of later":   {`{"authentication":"` + goodKey + `","preferences":{"canvases":[{"width":640,"height":360}]}}`, "obs_x264 640x360@30 700"},
	} {
		got, code := ask(t, handler(door), c.body)
		var all []string
		for i, track := range got.Tracks {
			prefix := ""
			if i == 0 {
				prefix = track.Type + " "
			}
			all = append(all, fmt.Sprintf("%s%dx%d@%d %v", prefix, track.Width, track.Height, track.Framerate.Numerator/track.Framerate.Denominator, track.Settings["bitrate"]))
		}
		if text := strings.Join(all, ", "); code != 200 || text != c.want {
			t.Errorf("%s: %d\n got %s\nwant %s", name, code, text, c.want)
		}
		if got.Status.Result != "success" || got.Meta.ConfigID == "" || len(got.Endpoints) != 1 || got.Endpoints[0] != door || len(got.Audio.Live) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatOBSIsRefused(t *testing.T) {
	t.Parallel()
	h := handler(door)
	if got, code := ask(t, h, asked("hk_key_wrong", "")); code != 200 || got.Status.Result != "error" || got.Status.HTML == "" || len(got.Endpoints)+len(got.Tracks) != 0 {
		t.Errorf("a wrong key: %d %+v", code, got)
	}
	for body, want := range map[string]int{"garbage": 400, "": 400, strings.Repeat(" ", 70<<10): 413, `{"preferences":{"width":-1}}`: 400} {
		if _, code := ask(t, h, body); code != want {
			t.Errorf("%.20q: %d", body, code)
		}
	}
	if got, _ := ask(t, handler(), asked(goodKey, "")); got.Status.Result != "error" {
		t.Errorf("without RTMP: %+v", got.Status)
	}
	limited := 0
	for range 100 {
		if _, code := ask(t, h, asked("hk_key_wrong", "")); code == 429 {
			limited++
		}
	}
	if limited < 30 {
		t.Errorf("%d of 100 wrong keys were held back", limited)
	}
}

func TestTheServiceEntryPointsHere(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/obs/services.json", nil)
	r.Host = "live.example"
	handler(door).ServeHTTP(w, r)
	for _, want := range []string{`"multitrack_video_configuration_url":"https://live.example/obs/multitrack"`, `"url":"rtmp://live.example:1935/live"`, `"keyint":2`, `"format_version":5`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is missing in %s", want, w.Body)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(asked(goodKey, `,"maximum_video_tracks":9,"composition_gpu_index":7`))
	f.Add(`{"preferences":{"framerate":{"numerator":4294967295,"denominator":4294967295},"canvases":[{"width":16384,"height":144}],"maximum_aggregate_bitrate":1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var r obs.Request
		if json.Unmarshal([]byte(body), &r) != nil {
			return
		}
		limits := ingest.Config{}.WithDefaults()
		tracks := obs.Plan(r, limits)
		if len(tracks) > 5 {
			t.Fatalf("%d tracks", len(tracks))
		}
		for _, track := range tracks {
			if track.Width < 2 || track.Height < 2 || track.Width%2+track.Height%2 != 0 || track.Width*track.Height > limits.PixelsMax ||
				track.Framerate.Denominator == 0 || track.Framerate.Numerator > 61*track.Framerate.Denominator {
				t.Fatalf("%+v", track)
			}
		}
	})
}
