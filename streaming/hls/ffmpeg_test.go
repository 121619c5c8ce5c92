package hls

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// encode makes a film with picture and sound by ffmpeg and reads it back as tracks and units in decode order.
func encode(t *testing.T, args ...string) ([]streaming.Track, []*streaming.Unit) {
	t.Helper()
	tracks, all := readFilm(t, append(args, "-an"))
	sound, more := readFilm(t, append(args, "-vn"))
	all = append(all, more...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	out := make([]*streaming.Unit, len(all))
	for i := range all {
		out[i] = all[i].u
	}
	return append(tracks, sound...), out
}

// readFilm makes one track. Together ffmpeg would shift the pictures by the sound's priming.
func readFilm(t *testing.T, args []string) ([]streaming.Track, []timed) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "film.mp4")
	run(t, "ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), "-movflags", "frag_keyframe+empty_moov+default_base_moof", file)...)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	at, end := bytes.Index(b, []byte("moof"))-4, bytes.LastIndex(b, []byte("mfra"))-4
	var parts fmp4.Parts
	if err := parts.Unmarshal(b[at:end]); err != nil {
		t.Fatal(err)
	}
	switch c := init.Tracks[0].Codec.(type) {
	case *codecs.H264:
		return []streaming.Track{videoTrack()}, unitsOf(t, parts, videoTrack(), [][]byte{c.SPS, c.PPS})
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		track := streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: c.Config.SampleRate, Config: config}
		return []streaming.Track{track}, unitsOf(t, parts, track, nil)
	}
	t.Fatal("neither H.264 nor AAC")
	return nil, nil
}

func unitsOf(t *testing.T, parts fmp4.Parts, track streaming.Track, sets [][]byte) (all []timed) {
	t.Helper()
	for _, p := range parts {
		dts := int64(p.Tracks[0].BaseTime)
		for _, s := range p.Tracks[0].Samples {
			u := &streaming.Unit{Track: track.ID, DTS: dts, PTS: dts + int64(s.PTSOffset), Payload: [][]byte{s.Payload}}
			if track.Kind == streaming.Video {
				var au h264.AVCC
				if err := au.Unmarshal(s.Payload); err != nil {
					t.Fatal(err)
				}
				u.Payload, u.Key = au, h264.IsRandomAccess(au)
				if u.Key {
					u.Payload = append(append([][]byte{}, sets...), au...)
				}
			}
			all = append(all, timed{float64(dts) / float64(track.ClockRate), u})
			dts += int64(s.Duration)
		}
	}
	return all
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var film = []string{
	"-f", "lavfi", "-i", "testsrc2=s=320x568:r=30", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "8",
	"-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000", "-c:a", "aac", "-b:a", "64k",
}

// The second judges: what we make of a real encoder's picture and sound must probe, play and decode without a word.
func TestFFmpegPlaysIt(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		sound func(u *streaming.Unit) bool
	}{
		"no reordered pictures": {args: []string{"-bf", "0"}},
		"reordered pictures":    {args: []string{"-preset", "veryfast", "-bf", "3"}},
		"sound with a hole":     {args: []string{"-bf", "0"}, sound: func(u *streaming.Unit) bool { return u.PTS < 3*48000 || u.PTS > 5*48000 }},
		"44.1 kHz, mono":        {args: []string{"-bf", "0", "-ar", "44100", "-ac", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			tracks, units := encode(t, append(append([]string{}, film...), c.args...)...)
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
			probed := run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", url)
			if !strings.Contains(probed, "h264,320,568") || !strings.Contains(probed, "aac") || strings.Count(probed, "\n") > 6 {
				t.Errorf("ffprobe says:\n%s", probed)
			}
			if out := run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-t", "5", "-f", "null", "-"); out != "" {
				t.Errorf("ffmpeg says:\n%s", out)
			}
			packets := run(t, "ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", url)
			if n, err := strconv.Atoi(strings.TrimSpace(strings.Split(packets, "\n")[0])); err != nil || n != 240 {
				t.Errorf("%d of 240 pictures arrived: %v", n, err)
			}
		})
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
		out := run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "s16le", "-")
		if len(out) == 0 || strings.Trim(out, "\x00") != "" {
			t.Errorf("%d: %d bytes, not all silent: %.200q", configuration, len(out), strings.Trim(out, "\x00"))
		}
	}
}
