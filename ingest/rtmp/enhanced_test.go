package rtmp_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// show is a film of one picture track and one of sound.
type show struct {
	video, audio streaming.Track
	units        []*streaming.Unit
}

// film encodes two seconds and a half of 25 pictures a second, a key picture every 12.
func film(t *testing.T, size string, sound string, video ...string) show {
	t.Helper()
	args := []string{"-f", "lavfi", "-i", "testsrc2=s=" + size + ":r=25", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", "2.5",
		"-c:a", sound, "-g", "12", "-pix_fmt", "yuv420p", "-video_track_timescale", "90000"}
	if sound == "libopus" {
		args = append(args, "-b:a", "64k")
	}
	args = append(args, video...)
	films.Lock()
	defer films.Unlock()
	if known, ok := films.made[strings.Join(args, " ")]; ok {
		return known
	}
	tracks, units := hlstest.Film(t, args...)
	made := show{tracks[0], tracks[1], units}
	films.made[strings.Join(args, " ")] = made
	return made
}

// films are made once; nobody changes their units.
var films = struct {
	sync.Mutex
	made map[string]show
}{made: map[string]show{}}

func (s show) first() *streaming.Unit {
	i := slices.IndexFunc(s.units, func(u *streaming.Unit) bool { return u.Track == s.video.ID && u.Key })
	return s.units[i]
}

func plain(t *testing.T, size string) show {
	return film(t, size, "aac", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-sc_threshold", "0")
}

// vp9 makes a film of VP9, which has no sample format of its own here: out of an IVF file.
func vp9(t *testing.T) show {
	t.Helper()
	s := plain(t, "160x90")
	file := filepath.Join(t.TempDir(), "film.ivf")
	hlstest.Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-t", "2.5", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
		"-auto-alt-ref", "0", "-lag-in-frames", "0", "-g", "12", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.video.Codec = streaming.VP9
	units := slices.DeleteFunc(slices.Clone(s.units), func(u *streaming.Unit) bool { return u.Track == s.video.ID })
	for n := int64(0); len(raw) > 32+12; n++ {
		size := int(binary.LittleEndian.Uint32(raw[32:]))
		data := raw[32+12 : 32+12+size]
		units = append(units, &streaming.Unit{Track: s.video.ID, DTS: n * 3600, PTS: n * 3600, Key: n%12 == 0, Payload: [][]byte{data}})
		raw = raw[12+size:]
	}
	slices.SortStableFunc(units, func(a, b *streaming.Unit) int { return int(at(s, a) - at(s, b)) })
	s.units = units
	return s
}

func at(s show, u *streaming.Unit) time.Duration {
	rate := s.video.ClockRate
	if u.Track == s.audio.ID {
		rate = s.audio.ClockRate
	}
	return time.Duration(u.DTS) * time.Second / time.Duration(rate)
}

// pace calls f for each unit when it is due, a little ahead of time.
func (s show) pace(t *testing.T, f func(u *streaming.Unit)) {
	t.Helper()
	began := time.Now().Add(-200 * time.Millisecond)
	for _, u := range s.units {
		if wait := at(s, u) - time.Since(began); wait > 0 {
			<-time.After(wait)
		}
		f(u)
	}
}

func publisher(t *testing.T, s *station, g rtmptest.Greeting) *rtmptest.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g.Key = ingesttest.GoodKey
	c, err := rtmptest.Publish(ctx, s.addr, g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Every coding that Enhanced RTMP names and we take comes on air to the tick, by the offsets in nanoseconds.
func TestEveryCodingOfEnhancedRTMP(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) show{
		"H.264 and AAC by their four characters": func(t *testing.T) show { return plain(t, "160x90") },
		"H.265 and Opus": func(t *testing.T) show {
			return film(t, "160x90", "libopus", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0:pools=1:scenecut=0")
		},
		"AV1 and Opus": func(t *testing.T) show {
			return film(t, "160x90", "libopus", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-row-mt", "0", "-lag-in-frames", "0")
		},
		"VP9 and AAC": vp9,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			film := make(t)
			s := start(t, rtmp.Config{})
			c := publisher(t, s, rtmptest.Greeting{CapsEx: 15})
			must(t, c.Send(6, rtmptest.Video, 0, 1, rtmptest.Enhanced(streaming.Video, rtmptest.SequenceStart, true, film.video.Codec, nil, rtmptest.Config(film.video, film.first()))))
			must(t, c.Send(4, rtmptest.Audio, 0, 1, rtmptest.Enhanced(streaming.Audio, rtmptest.SequenceStart, true, film.audio.Codec, nil, rtmptest.Config(film.audio, nil))))
			// Colours are told, and a command that nobody needs.
			must(t, c.Send(6, rtmptest.Video, 0, 1, rtmptest.Enhanced(streaming.Video, rtmptest.Metadata, true, film.video.Codec, nil, []byte("\x02\x00\x09colorInfo\x03\x00\x00\x09"))))
			must(t, c.Send(6, rtmptest.Video, 0, 1, []byte{0xd1, 0}))
			var reader *streaming.Reader
			var got []*streaming.Unit
			take := func() {
				if stream, err := s.Hub.Stream("broadcast"); reader == nil && err == nil {
					reader = stream.Subscribe(streaming.ReadOptions{Start: streaming.FromOldest})
				}
				for u := (*streaming.Unit)(nil); reader != nil; {
					if u = reader.TryNext(); u == nil {
						return
					}
					got = append(got, u)
				}
			}
			film.pace(t, func(u *streaming.Unit) {
				track, kind, stream := film.video, byte(rtmptest.Video), uint32(6)
				if u.Track == film.audio.ID {
					track, kind, stream = film.audio, rtmptest.Audio, 4
				}
				stamp, _, nanos := rtmptest.Milliseconds(track, u)
				packet, data := rtmptest.Coded(track, u)
				must(t, c.Send(stream, kind, stamp, 1, rtmptest.Enhanced(track.Kind, packet, u.Key, track.Codec, [][]byte{rtmptest.Nanoseconds(nanos)}, data)))
				take()
			})
			count := func(id int) (n int) {
				for _, u := range film.units {
					if u.Track == id {
						n++
					}
				}
				return n
			}
			seen := func(id int) (out []*streaming.Unit) {
				for _, u := range got {
					if u.Track == id {
						out = append(out, u)
					}
				}
				return out
			}
			ingesttest.Eventually(t, "all units", func() bool { take(); return len(seen(1)) == count(film.video.ID) })
			defer reader.Close()
			for i, u := range seen(1) {
				if want := int64(i) * 3600; u.DTS-seen(1)[0].DTS < want-1 || u.DTS-seen(1)[0].DTS > want+1 {
					t.Fatalf("picture %d lies at tick %d", i, u.DTS-seen(1)[0].DTS)
				}
			}
			h, _ := s.Sessions.Health("broadcast")
			if h.VideoCodec != film.video.Codec || h.AudioCodec != film.audio.Codec || h.Dropped != 0 || h.Restarts != 0 || len(h.LeftOut) != 0 || h.BFrames {
				t.Errorf("health %+v", h)
			}
			if n := len(seen(2)); n < count(film.audio.ID)-6 {
				t.Errorf("%d units of sound, want %d", n, count(film.audio.ID))
			}
		})
	}
}

func TestCapabilitiesAreNegotiated(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	c := publisher(t, s, rtmptest.Greeting{CapsEx: 3, Connect: amf0.Object{
		{Key: "fourCcList", Value: amf0.StrictArray{"av01", 7.0, nil}},
		{Key: "videoFourCcInfoMap", Value: amf0.Object{{Key: "*", Value: 4.0}, {Key: "hvc1", Value: "x"}}},
		{Key: "audioFourCcInfoMap", Value: amf0.ECMAArray{{Key: "Opus", Value: 2.0}}},
	}})
	if caps, _ := c.Answer.GetFloat64("capsEx"); caps != 15 {
		t.Errorf("capsEx %v", caps)
	}
	for key, want := range map[string][]string{"videoFourCcInfoMap": {"avc1", "hvc1", "av01", "vp09", "vp08"}, "audioFourCcInfoMap": {"mp4a", "Opus"}} {
		v, _ := c.Answer.Get(key)
		o, _ := v.(amf0.Object)
		for _, name := range want {
			if bits, _ := o.GetFloat64(name); bits != 4 {
				t.Errorf("%s says %v of %s", key, bits, name)
			}
		}
	}
	if list, _ := c.Answer.Get("fourCcList"); len(list.(amf0.StrictArray)) != 7 {
		t.Errorf("fourCcList %v", list)
	}
}

// An encoder that can is asked to connect again: by the studio at another address, and when the server stops, which
// reads on until it has gone.
func TestEncodersAreAskedToConnectAgain(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Drain: time.Minute})
	able := publisher(t, s, rtmptest.Greeting{CapsEx: 1})
	all := s.Sessions.OfChannel("channel")
	if len(all) != 1 {
		t.Fatalf("%d sessions", len(all))
	}
	if found, asked := s.Sessions.Reconnect("channel", all[0].ID, "rtmp://other.example/live"); !found || !asked {
		t.Fatal("it was not asked")
	}
	info, err := able.Info()
	must(t, err)
	code, _ := info.GetString("code")
	level, _ := info.GetString("level")
	to, _ := info.GetString("tcUrl")
	if code != "NetConnection.Connect.ReconnectRequest" || level != "status" || to != "rtmp://other.example/live" {
		t.Errorf("it hears %v", info)
	}
	publisher(t, s, rtmptest.Greeting{})
	ingesttest.Eventually(t, "the second", func() bool { return len(s.Sessions.OfChannel("channel")) == 2 })
	unable := s.Sessions.OfChannel("channel")[1].ID
	if found, asked := s.Sessions.Reconnect("channel", unable, ""); !found || asked {
		t.Error("an encoder was asked what it does not know")
	}
	if found, _ := s.Sessions.Reconnect("other", unable, ""); found {
		t.Error("a session of another channel was found")
	}
	s.stop()
	info, err = able.Info()
	must(t, err)
	if _, named := info.Get("tcUrl"); named {
		t.Errorf("on stopping it hears %v", info)
	}
	ingesttest.Eventually(t, "the other to be closed", func() bool { return len(s.Sessions.OfChannel("channel")) == 1 })
	// The server still listens to the first.
	must(t, able.Send(4, rtmptest.Audio, 0, 1, []byte{0xaf, 0, 0x11, 0x90}))
	must(t, able.Command("FCUnpublish", 9, nil, "x"))
	ingesttest.Eventually(t, "the encoder to have left", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
}
