package hls

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// The second judges: what we make of a real encoder's picture and sound must probe, play and decode without a word.
func TestFFmpegPlaysIt(t *testing.T) {
	h265 := []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=60:min-keyint=60:bframes=0:open-gop=0", "-tag:v", "hvc1"}
	av1 := []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-row-mt", "1", "-keyint_min", "60", "-b:v", "300k"}
	opus := []string{"-c:a", "libopus", "-strict", "experimental"}
	for name, c := range map[string]struct {
		args   []string
		sound  func(u *streaming.Unit) bool
		probed []string // h264,320,568 and aac where it is empty
		named  string   // in CODECS
	}{
		"H.265":                 {args: h265, probed: []string{"hevc,320,568", "aac"}, named: "hvc1.1.6.L"},
		"H.265, reordered":      {args: append(slices.Clone(h265), "-x265-params", "log-level=none:keyint=60:min-keyint=60:bframes=3:open-gop=0"), probed: []string{"hevc,320,568", "aac"}, named: "hvc1.1.6.L"},
		"H.265 with Opus":       {args: append(slices.Clone(h265), opus...), probed: []string{"hevc,320,568", "opus"}, named: ",opus"},
		"AV1":                   {args: av1, probed: []string{"av1,320,568", "aac"}, named: "av01.0.0"},
		"AV1 with Opus":         {args: append(slices.Clone(av1), opus...), probed: []string{"av1,320,568", "opus"}, named: ",opus"},
		"H.264 with Opus":       {args: append([]string{"-bf", "0"}, opus...), probed: []string{"h264,320,568", "opus"}, named: ",opus"},
		"no reordered pictures": {args: []string{"-bf", "0"}},
		"reordered pictures":    {args: []string{"-preset", "veryfast", "-bf", "3"}},
		"sound with a hole":     {args: []string{"-bf", "0"}, sound: func(u *streaming.Unit) bool { return u.PTS < 3*48000 || u.PTS > 5*48000 }},
		"44.1 kHz, mono":        {args: []string{"-bf", "0", "-ar", "44100", "-ac", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			tracks, units := hlstest.Film(t, append(hlstest.FilmFor("8"), c.args...)...)
			a, base := onNet(t, &Server{}, false)
			pub, err := a.hub.Publish(t.Context(), "b", tracks)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range units {
				if u.Track == 2 && c.sound != nil && !c.sound(u) {
					continue
				}
				if u.Track == 1 {
					a.wall = epochDate.Add(time.Duration(u.DTS) * time.Second / 90000)
				}
				if err := pub.Write(u); err != nil {
					t.Fatal(err)
				}
			}
			v := &hlstest.Validator{Get: func(uri string) ([]byte, error) { return fetch(t, a.web.Client(), base+"/hls/b/"+uri), nil }}
			text := string(fetch(t, a.web.Client(), base+"/hls/b/main.m3u8"))
			if err := v.Playlist(text); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			a.hub.End("b")
			url := base + "/hls/b/index.m3u8"
			probed := hlstest.Run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", url)
			want := c.probed
			if want == nil {
				want = []string{"h264,320,568", "aac"}
			}
			if !strings.Contains(probed, want[0]) || !strings.Contains(probed, want[1]) || strings.Count(probed, "\n") > 6 {
				t.Errorf("ffprobe says:\n%s", probed)
			}
			index := string(fetch(t, a.web.Client(), base+"/hls/b/index.m3u8"))
			if err := hlstest.Multivariant(index); err != nil || !strings.Contains(index, c.named) {
				t.Errorf("%v\n%s", err, index)
			}
			players := []string{url}
			if !strings.Contains(index, "av01") {
				players = append(players, base+"/hls/b/ts/index.m3u8")
			} else if r, err := a.web.Client().Get(base + "/hls/b/ts/index.m3u8"); err != nil || r.StatusCode != 409 || r.Body.Close() != nil {
				t.Errorf("AV1 as MPEG-TS: %v", err)
			}
			for _, url := range players {
				playsWhole(t, url)
			}
		})
	}
}

// playsWhole has ffmpeg decode everything, and ffprobe count it.
func playsWhole(t *testing.T, url string) {
	t.Helper()
	if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", "5", "-f", "null", "-"); out != "" {
		t.Errorf("%s: ffmpeg says:\n%s", url, out)
	}
	packets := hlstest.Run(t, "ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", url)
	if n, err := strconv.Atoi(strings.TrimSpace(strings.Split(packets, "\n")[0])); err != nil || n != 240 {
		t.Errorf("%s: %d of 240 pictures arrived: %v", url, n, err)
	}
	if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "warning", "-i", url, "-c", "copy", "-f", "null", "-"); strings.Contains(out, "ontinuity") || strings.Contains(out, "orrupt") {
		t.Errorf("%s: ffmpeg warns:\n%s", url, out)
	}
}

// Silence must decode to nothing heard, for every channel configuration.
func TestSilenceDecodes(t *testing.T) {
	for configuration := 1; configuration <= 7; configuration++ {
		frame := aacSilence(configuration)
		var packets mpeg4audio.ADTSPackets
		for range 20 {
			packets = append(packets, &mpeg4audio.ADTSPacket{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: uint8(configuration), AU: frame,
			})
		}
		b, err := packets.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "silence.aac")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "s16le", "-")
		if len(out) == 0 || strings.Trim(out, "\x00") != "" {
			t.Errorf("%d: %d bytes, not all silent: %.200q", configuration, len(out), strings.Trim(out, "\x00"))
		}
	}
}
