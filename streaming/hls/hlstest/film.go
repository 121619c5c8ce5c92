package hlstest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/hawkerlive/hawker/streaming"
)

// FilmFor are ffmpeg's arguments for a film of a few seconds with picture (320x568, 30 a second, a key picture every
// two seconds, nothing reordered) and sound.
func FilmFor(seconds string) []string {
	return []string{
		"-f", "lavfi", "-i", "testsrc2=s=320x568:r=30", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", seconds,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "0", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000", "-c:a", "aac", "-b:a", "64k",
	}
}

// Film makes a film by ffmpeg and reads it back as tracks, video first, and units in decode order.
func Film(t testing.TB, args ...string) ([]streaming.Track, []*streaming.Unit) {
	t.Helper()
	type timed struct {
		at float64
		u  *streaming.Unit
	}
	var tracks []streaming.Track
	var all []timed
	// One track at a time: together ffmpeg would shift the pictures by the sound's priming.
	for _, without := range []string{"-an", "-vn"} {
		track, units := readTrack(t, append(append([]string{}, args...), without))
		tracks = append(tracks, track)
		for _, u := range units {
			all = append(all, timed{float64(u.DTS) / float64(track.ClockRate), u})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	out := make([]*streaming.Unit, len(all))
	for i := range all {
		out[i] = all[i].u
	}
	return tracks, out
}

func readTrack(t testing.TB, args []string) (streaming.Track, []*streaming.Unit) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "film.mp4")
	moov := "empty_moov"
	if slices.Contains(args, "libaom-av1") {
		moov = "delay_moov" // the sequence header is known with the first picture
	}
	Run(t, "ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), "-movflags", "frag_keyframe+default_base_moof+"+moov, file)...)
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
	video := streaming.Track{ID: 1, Kind: streaming.Video, ClockRate: streaming.VideoClockRate}
	switch c := init.Tracks[0].Codec.(type) {
	case *codecs.H264:
		video.Codec = streaming.H264
		return video, unitsOf(t, parts, video, [][]byte{c.SPS, c.PPS})
	case *codecs.H265:
		video.Codec = streaming.H265
		return video, unitsOf(t, parts, video, [][]byte{c.VPS, c.SPS, c.PPS})
	case *codecs.AV1:
		video.Codec = streaming.AV1
		return video, unitsOf(t, parts, video, nil)
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		track := streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: c.Config.SampleRate, Config: config}
		return track, unitsOf(t, parts, track, nil)
	case *codecs.Opus:
		track := streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.Opus, ClockRate: streaming.OpusClockRate, Config: []byte{byte(c.ChannelCount)}}
		return track, unitsOf(t, parts, track, nil)
	}
	t.Fatal("a codec that no film has")
	return streaming.Track{}, nil
}

func unitsOf(t testing.TB, parts fmp4.Parts, track streaming.Track, sets [][]byte) (all []*streaming.Unit) {
	t.Helper()
	for _, p := range parts {
		dts := int64(p.Tracks[0].BaseTime)
		for _, s := range p.Tracks[0].Samples {
			u := &streaming.Unit{Track: track.ID, DTS: dts, PTS: dts + int64(s.PTSOffset), Payload: [][]byte{s.Payload}}
			if track.Kind == streaming.Video {
				u.Payload, u.Key = pictureUnits(t, track.Codec, s.Payload)
				if u.Key {
					u.Payload = append(append([][]byte{}, sets...), u.Payload...)
				}
			}
			all = append(all, u)
			dts += int64(s.Duration)
		}
	}
	return all
}

// pictureUnits takes a sample apart into NAL units or OBUs, and tells whether it is a key picture.
func pictureUnits(t testing.TB, codec streaming.Codec, sample []byte) ([][]byte, bool) {
	t.Helper()
	if codec != streaming.AV1 {
		var au h264.AVCC // the same layout for H.265
		if err := au.Unmarshal(sample); err != nil {
			t.Fatal(err)
		}
		if codec == streaming.H265 {
			return au, h265.IsRandomAccess(au)
		}
		return au, h264.IsRandomAccess(au)
	}
	var units av1.Bitstream
	if err := units.Unmarshal(sample); err != nil {
		t.Fatal(err)
	}
	units = slices.DeleteFunc(units, func(obu []byte) bool { return obu[0]>>3&0x0f == byte(av1.OBUTypeTemporalDelimiter) })
	return units, slices.ContainsFunc(units, func(obu []byte) bool { return obu[0]>>3&0x0f == byte(av1.OBUTypeSequenceHeader) })
}

// Run runs a program for at most a minute and returns all that it says.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
