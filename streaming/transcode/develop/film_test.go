package develop_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
)

// TestTheLadderFitsTheFile makes ladders of files as cameras and phones make them, and looks at what came out.
func TestTheLadderFitsTheFile(t *testing.T) {
	tools := &develop.Tools{Limits: develop.Limits{Niceness: 1}, Ladder: []develop.Rung{{Lines: 240, Rate: 28, MaxRate: 600_000}, {Lines: 120, Rate: 30, MaxRate: 200_000}}}
	picture := []string{"-f", "lavfi", "-i", "testsrc2=s=180x320:r=30"}
	tone := []string{"-f", "lavfi", "-i", "sine"}
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast"}
	for name, c := range map[string]struct {
		args   []string
		file   string
		sizes  [][2]int
		sound  bool
		rate   float64
		length time.Duration
	}{
		"portrait MP4": {slices.Concat(picture, tone, []string{"-t", "5"}, x264), "a.mp4", [][2]int{{180, 320}, {120, 214}}, true, 30, 5 * time.Second},
		"landscape MKV without sound": {
			slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-t", "3"}, x264), "a.mkv", [][2]int{{426, 240}, {214, 120}}, false, 25, 3 * time.Second,
		},
		"WebM": {slices.Concat(picture, tone, []string{"-t", "2", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"}), "a.webm", [][2]int{{180, 320}, {120, 214}}, true, 30, 2 * time.Second},
		"MOV of 29.97": {
			slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=96x96:r=30000/1001"}, []string{"-t", "2"}, x264), "a.mov", [][2]int{{96, 96}}, false, 30000.0 / 1001, 2 * time.Second,
		},
		"varying cadence": {
			slices.Concat(picture, []string{"-vf", "select='not(mod(n\\,3))+lt(n\\,30)'", "-vsync", "vfr", "-t", "4"}, x264), "v.mp4", [][2]int{{180, 320}, {120, 214}}, false, 30, 4 * time.Second,
		},
		"HDR": {
			slices.Concat(picture, []string{"-t", "2", "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"}),
			"h.mp4", [][2]int{{180, 320}, {120, 214}}, false, 30, 2 * time.Second,
		},
		"HLG in a MOV of HEVC": {
			slices.Concat(picture, tone, []string{"-t", "2", "-c:v", "libx265", "-tag:v", "hvc1", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc", "-x265-params", "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"}),
			"h.mov", [][2]int{{180, 320}, {120, 214}}, true, 30, 2 * time.Second,
		},
		"square pixels it has not": {
			slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=160x320:r=30,setsar=9/8"}, []string{"-t", "2"}, x264), "s.mp4", [][2]int{{180, 320}, {120, 214}}, false, 30, 2 * time.Second,
		},
		"interlaced": {
			slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=320x240:r=50", "-vf", "interlace", "-flags", "+ilme+ildct", "-t", "2"}, x264, []string{"-x264-params", "tff=1"}), "i.mp4", [][2]int{{320, 240}, {160, 120}}, false, 25, 2 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			ffmpeg(t, append(c.args, path)...)
			check(t, tools, path, c.sizes, c.sound, c.rate, c.length)
		})
	}
	for angle, sizes := range map[string][][2]int{"90": {{180, 320}, {120, 214}}, "180": {{320, 180}, {214, 120}}, "270": {{180, 320}, {120, 214}}} {
		t.Run("turned by its metadata by "+angle, func(t *testing.T) {
			dir := t.TempDir()
			ffmpeg(t, slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-t", "2"}, x264, []string{filepath.Join(dir, "flat.mp4")})...)
			ffmpeg(t, "-i", filepath.Join(dir, "flat.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate="+angle, filepath.Join(dir, "turned.mp4"))
			check(t, tools, filepath.Join(dir, "turned.mp4"), sizes, false, 30, 2*time.Second)
		})
	}
}

func check(t *testing.T, tools *develop.Tools, path string, sizes [][2]int, sound bool, rate float64, length time.Duration) {
	t.Helper()
	f, err := tools.Probe(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Sound != sound || f.Rate.Float() < rate-0.01 || f.Rate.Float() > rate+0.01 {
		t.Errorf("%+v", f)
	}
	dir := t.TempDir()
	told := 0
	made, err := tools.Film(t.Context(), path, dir, f, func(n int) { told = max(told, n) })
	if err != nil {
		t.Fatal(err)
	}
	var sizesMade [][2]int
	var cuts [][]int64
	for _, r := range made {
		s, err := develop.SplitFile(r.Path)
		if err != nil {
			t.Fatal(r.Name, err)
		}
		last := s.Segments[len(s.Segments)-1]
		whole := time.Duration(last.From)*time.Microsecond + last.Duration
		if apart := whole - length; apart > 150*time.Millisecond || apart < -150*time.Millisecond {
			t.Errorf("%s lasts %v, the file %v", r.Name, whole, length)
		}
		at := int64(0)
		var from []int64
		for _, one := range s.Segments {
			if one.From != at {
				t.Errorf("%s: a segment begins at %d, the one before ended at %d", r.Name, one.From, at)
			}
			at = one.From + one.Duration.Microseconds()
			from = append(from, one.From)
		}
		if r.Name == "audio" {
			if s.Codecs != "mp4a.40.2" {
				t.Error(s.Codecs)
			}
			continue
		}
		if got, want := coded(t, r.Path), fmt.Sprintf("h264,%d,%d,1:1,yuv420p,sdr,upright", r.Width, r.Height); got != want {
			t.Errorf("%s is %s, not %s", r.Name, got, want)
		}
		sizesMade, cuts = append(sizesMade, [2]int{r.Width, r.Height}), append(cuts, from)
	}
	if !slices.Equal(sizesMade, sizes) {
		t.Errorf("sizes %v, want %v", sizesMade, sizes)
	}
	for _, one := range cuts[1:] {
		if !slices.Equal(one, cuts[0]) {
			t.Errorf("key frames at %v and at %v", cuts[0], one)
		}
	}
	if hasSound := made[len(made)-1].Name == "audio"; hasSound != sound {
		t.Errorf("sound: %v", hasSound)
	}
	poster, sheet, err := tools.Stills(t.Context(), made, length, dir)
	if err != nil || poster.Width != sizes[0][0] || sheet.Count < 1 {
		t.Errorf("%+v %+v %v", poster, sheet, err)
	}
	if told == 0 {
		t.Error("nobody was told how far it was")
	}
}

// coded is how the pictures of a file are coded, and whether anything asks a player to brighten or to turn them.
func coded(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
		"stream=codec_name,width,height,sample_aspect_ratio,pix_fmt,color_transfer:stream_side_data=rotation", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Streams []struct {
			Name          string `json:"codec_name"`
			Width, Height int
			Shape         string                   `json:"sample_aspect_ratio"`
			Pixels        string                   `json:"pix_fmt"`
			Transfer      string                   `json:"color_transfer"`
			Side          []struct{ Rotation int } `json:"side_data_list"`
		}
	}
	if err := json.Unmarshal(out, &p); err != nil || len(p.Streams) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	s := p.Streams[0]
	light, way := "sdr", "upright"
	if s.Transfer != "" && s.Transfer != "bt709" && s.Transfer != "unknown" {
		light = s.Transfer
	}
	for _, one := range s.Side {
		if one.Rotation != 0 {
			way = "turned"
		}
	}
	return fmt.Sprintf("%s,%d,%d,%s,%s,%s,%s", s.Name, s.Width, s.Height, s.Shape, s.Pixels, light, way)
}

// FuzzSniff and FuzzSplit read what strangers and ffmpeg wrote: whatever it is, they return.
func FuzzSniff(f *testing.F) {
	for _, seed := range []string{"", "#EXTM3U", "\x00\x00\x00\x18ftypisom", "\x1a\x45\xdf\xa3", "\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\x08\x00\x00\x00", "RIFF....WEBP"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		kind, err := develop.Sniff(head)
		if (err == nil) != (kind == develop.Movie || kind == develop.Web || kind == develop.Picture) {
			t.Fatal(kind, err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08moov\x00\x00\x00\x08moof\x00\x00\x00\x08mdat"))
	f.Add([]byte("\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := develop.SplitFile(path); err == nil && len(s.Segments) == 0 {
			t.Fatal("no segments and no error")
		}
	})
}
