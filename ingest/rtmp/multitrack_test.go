package rtmp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
)

// ladder is a show in three sizes.
type ladder struct{ shows []show }

func three(t *testing.T) ladder {
	t.Helper()
	return ladder{[]show{
		plain(t, "640x360"), plain(t, "320x180"),
		film(t, "160x90", "aac", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:pools=1:scenecut=0"),
	}}
}

// pictures of one size.
func (s show) pictures() []*streaming.Unit {
	return slices.DeleteFunc(slices.Clone(s.units), func(u *streaming.Unit) bool { return u.Track != s.video.ID })
}

// said are the messages of all pictures with a number, in the way of multitrack.
func (l ladder) said(way byte, n int, packet byte) [][]byte {
	first := l.shows[0]
	key := n < 0 || first.pictures()[n].Key
	var tracks []rtmptest.Track
	var out [][]byte
	for id, s := range l.shows {
		var data []byte
		switch {
		case packet == rtmptest.SequenceEnd:
		case n < 0:
			packet, data = rtmptest.SequenceStart, rtmptest.Config(s.video, s.first())
		default:
			packet, data = rtmptest.CodedFramesX, rtmptest.Body(s.video, s.pictures()[n])
		}
		t := rtmptest.Track{ID: byte(id), Codec: s.video.Codec, Data: data}
		switch {
		case way == rtmptest.OneTrack && id == 0: // as OBS does: the first one is no part of it
			out = append(out, rtmptest.Enhanced(streaming.Video, packet, key, t.Codec, nil, data))
		case way == rtmptest.OneTrack:
			out = append(out, rtmptest.Tracks(streaming.Video, packet, key, way, nil, t))
		case way == rtmptest.ManyTracks && t.Codec != l.shows[0].video.Codec:
			out = append(out, rtmptest.Tracks(streaming.Video, packet, key, rtmptest.OneTrack, nil, t))
		default:
			tracks = append(tracks, t)
		}
	}
	if len(tracks) > 0 {
		out = append([][]byte{rtmptest.Tracks(streaming.Video, packet, key, way, nil, tracks...)}, out...)
	}
	return out
}

// say publishes the whole film from a stamp on.
func (l ladder) say(t *testing.T, c *rtmptest.Client, way byte, from uint32) {
	t.Helper()
	for _, m := range l.said(way, -1, 0) {
		must(t, c.Send(6, rtmptest.Video, from, 1, m))
	}
	s := l.shows[0]
	must(t, c.Send(4, rtmptest.Audio, from, 1, rtmptest.Legacy(s.audio, nil, s.audio.Config)))
	n := 0
	s.pace(t, func(u *streaming.Unit) {
		if u.Track == s.audio.ID {
			stamp, _, _ := rtmptest.Milliseconds(s.audio, u)
			must(t, c.Send(4, rtmptest.Audio, from+stamp, 1, rtmptest.Legacy(s.audio, u, nil)))
			must(t, c.Send(4, rtmptest.Audio, from+stamp, 1, rtmptest.Tracks(streaming.Audio, rtmptest.CodedFrames, true, rtmptest.OneTrack, nil,
				rtmptest.Track{ID: 1, Codec: streaming.AAC, Data: rtmptest.Body(s.audio, u)})))
			return
		}
		stamp, _, _ := rtmptest.Milliseconds(s.video, u)
		for _, m := range l.said(way, n, 0) {
			must(t, c.Send(6, rtmptest.Video, from+stamp, 1, m))
		}
		n++
	})
}

// rendition reads all that a rendition of a stream has.
func rendition(t *testing.T, s *streaming.Stream, name string) (info streaming.RenditionInfo, units []*streaming.Unit) {
	t.Helper()
	for _, r := range s.Renditions() {
		if info, _ = r.Rendition(); info.Name != name {
			continue
		}
		reader := r.Subscribe(streaming.ReadOptions{Start: streaming.FromOldest})
		defer reader.Close()
		for u := reader.TryNext(); u != nil; u = reader.TryNext() {
			units = append(units, u)
		}
		return info, units
	}
	t.Fatalf("there is no rendition %s", name)
	return info, nil
}

// The tracks of an encoder's multitrack messages, in each of the three ways to write them, are renditions of the
// stream: named by their lines, on the same ticks, with key pictures where the first picture has its own. Sound beyond
// the first is named and left out.
func TestTracksAreRenditions(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]byte{"one track a message": rtmptest.OneTrack, "many tracks": rtmptest.ManyTracks, "many tracks and codings": rtmptest.ManyCodecs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := three(t), start(t, rtmp.Config{})
			c := publisher(t, s, rtmptest.Greeting{CapsEx: 15})
			must(t, c.Metadata(amf0.ECMAArray{
				{Key: "videocodecid", Value: 7.0}, {Key: "audiocodecid", Value: 10.0},
				{Key: "videoTrackIdInfoMap", Value: amf0.Object{{Key: "1", Value: amf0.Object{{Key: "width", Value: 320.0}, {Key: "videodatarate", Value: 400.0}}}}},
			}))
			must(t, c.Send(4, rtmptest.Audio, 0, 1, rtmptest.Tracks(streaming.Audio, rtmptest.SequenceStart, true, rtmptest.OneTrack, nil,
				rtmptest.Track{ID: 1, Codec: streaming.AAC, Data: l.shows[0].audio.Config})))
			l.say(t, c, way, 0)
			stream, err := s.Hub.Stream("broadcast")
			must(t, err)
			for i, want := range []streaming.RenditionInfo{{Name: "180p", Width: 320, Height: 180, Bitrate: 400_000}, {Name: "90p", Width: 160, Height: 90}} {
				var info streaming.RenditionInfo
				var units []*streaming.Unit
				count := len(l.shows[i+1].pictures())
				ingesttest.Eventually(t, "the rendition "+want.Name, func() bool {
					info, units = rendition(t, stream, want.Name)
					return len(units) == count
				})
				if info != want {
					t.Errorf("%+v", info)
				}
				for n, u := range units {
					if u.Generation != 1 || u.DTS != int64(n)*3600 || u.Key != l.shows[i+1].pictures()[n].Key {
						t.Fatalf("%s: picture %d lies at %d of generation %d, key %v", want.Name, n, u.DTS, u.Generation, u.Key)
					}
				}
			}
			h, _ := s.Sessions.Health("broadcast")
			if len(h.Renditions) != 2 || h.Renditions[0].Name != "180p" || !h.Renditions[0].OnAir || h.Renditions[1].Codec != streaming.H265 || h.Width != 640 {
				t.Errorf("health %+v", h)
			}
			if len(h.LeftOut) != 1 || !strings.Contains(h.LeftOut[0], "a further sound (aac, track 1)") {
				t.Errorf("left out: %q", h.LeftOut)
			}
			if got := stream.Generation(); got.Number != 1 || len(got.Tracks) != 2 {
				t.Errorf("generation %+v", got)
			}
		})
	}
}

// A track that ends is gone, and is there again with its next configuration; when the encoder's clock jumps or the
// first picture changes, every rendition goes on in the new generation.
func TestTracksComeAndGo(t *testing.T) {
	t.Parallel()
	l, s := three(t), start(t, rtmp.Config{})
	c := publisher(t, s, rtmptest.Greeting{})
	l.say(t, c, rtmptest.OneTrack, 0)
	stream, err := s.Hub.Stream("broadcast")
	must(t, err)
	ingesttest.Eventually(t, "two renditions", func() bool { return len(stream.Renditions()) == 2 })
	must(t, c.Send(6, rtmptest.Video, 2600, 1, rtmptest.Tracks(streaming.Video, rtmptest.SequenceEnd, false, rtmptest.OneTrack, nil, rtmptest.Track{ID: 2, Codec: streaming.H265})))
	ingesttest.Eventually(t, "one of them to be gone", func() bool { return len(stream.Renditions()) == 1 })

	l.say(t, c, rtmptest.OneTrack, 50_000_000) // 13 hours later
	ingesttest.Eventually(t, "it to be back", func() bool { return len(stream.Renditions()) == 2 })
	if n := stream.Generation().Number; n != 2 {
		t.Errorf("generation %d", n)
	}
	for _, name := range []string{"180p", "90p"} {
		_, units := rendition(t, stream, name)
		second := slices.DeleteFunc(units, func(u *streaming.Unit) bool { return u.Generation != 2 })
		if len(second) == 0 || !second[0].Key || second[0].DTS != 0 {
			t.Errorf("%s has %d pictures of the second generation", name, len(second))
		}
	}

	// The encoder sends its smaller size first from now on, and the larger one as a further track.
	l.shows[0], l.shows[1] = l.shows[1], l.shows[0]
	l.say(t, c, rtmptest.ManyTracks, 50_010_000)
	ingesttest.Eventually(t, "the change", func() bool {
		h, _ := s.Sessions.Health("broadcast")
		return h.Width == 320 && len(h.Renditions) == 2 && h.Renditions[0].Width == 640
	})
	if n := stream.Generation().Number; n < 3 {
		t.Errorf("generation %d", n)
	}
}

// What is too much is left out and named, and the rest goes on: more tracks than allowed, a coding that nobody takes, a
// configuration that no decoder accepts.
func TestTooManyTracksAreLeftOut(t *testing.T) {
	t.Parallel()
	one := plain(t, "160x90")
	l := ladder{}
	for range 12 {
		l.shows = append(l.shows, one)
	}
	s := start(t, rtmp.Config{})
	c := publisher(t, s, rtmptest.Greeting{})
	must(t, c.Send(6, rtmptest.Video, 0, 1, rtmptest.Tracks(streaming.Video, rtmptest.SequenceStart, true, rtmptest.OneTrack, nil, rtmptest.Track{ID: 99, Codec: streaming.H264, Data: []byte{1, 77, 0, 31, 255, 225, 0, 3, 0x67, 0, 0, 1, 0, 1, 0x68}})))
	broken := rtmptest.Tracks(streaming.Video, rtmptest.SequenceStart, true, rtmptest.OneTrack, nil, rtmptest.Track{ID: 98, Codec: streaming.H265, Data: []byte("x")})
	must(t, c.Send(6, rtmptest.Video, 0, 1, []byte(strings.Replace(string(broken), "hvc1", "vvc1", 1))))
	l.say(t, c, rtmptest.OneTrack, 0)
	stream, err := s.Hub.Stream("broadcast")
	must(t, err)
	ingesttest.Eventually(t, "six renditions", func() bool { return len(stream.Renditions()) == 6 })
	var names []string
	for _, r := range stream.Renditions() {
		info, _ := r.Rendition()
		names = append(names, info.Name)
	}
	slices.Sort(names)
	want := []string{"90p", "90p2", "90p3", "90p4", "90p5", "90p6"}
	if !slices.Equal(names, want) {
		t.Errorf("renditions %v, want %v", names, want)
	}
	h, _ := s.Sessions.Health("broadcast")
	told := strings.Join(h.LeftOut, "\n")
	for _, what := range []string{"vvc1", "track 99", "track 11"} {
		if !strings.Contains(told, what) {
			t.Errorf("nobody is told of %s:\n%s", what, told)
		}
	}
	if h.FPS < 20 {
		t.Errorf("the picture does not go on: %+v", h)
	}
}
