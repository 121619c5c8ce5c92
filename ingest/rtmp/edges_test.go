package rtmp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
)

// speaker publishes a film with one peculiarity.
type speaker struct {
	client *rtmptest.Client
	film   show
	from   uint32
	before func(t *testing.T)                                           // the first frame
	send   func(stream uint32, kind byte, stamp uint32, b []byte) error // a media message; nil: as usual
	each   func(t *testing.T, n int, u *streaming.Unit) (skip bool)     // before a unit
}

func (s *speaker) say(t *testing.T) {
	t.Helper()
	if s.send == nil {
		s.send = func(stream uint32, kind byte, stamp uint32, b []byte) error {
			return s.client.Send(stream, kind, stamp, 1, b)
		}
	}
	if s.before != nil {
		s.before(t)
	}
	must(t, s.send(6, rtmptest.Video, s.from, rtmptest.Legacy(s.film.video, nil, rtmptest.Config(s.film.video, s.film.first()))))
	must(t, s.send(4, rtmptest.Audio, s.from, rtmptest.Legacy(s.film.audio, nil, s.film.audio.Config)))
	n := 0
	s.film.pace(t, func(u *streaming.Unit) {
		n++
		if s.each != nil && s.each(t, n, u) {
			return
		}
		track, kind, stream := s.film.video, byte(rtmptest.Video), uint32(6)
		if u.Track == s.film.audio.ID {
			track, kind, stream = s.film.audio, rtmptest.Audio, 4
		}
		stamp, _, _ := rtmptest.Milliseconds(track, u)
		must(t, s.send(stream, kind, s.from+stamp, rtmptest.Legacy(track, u, nil)))
	})
}

// What encoders do at the edges of the protocol, one by one on a listening port: all of the film comes on air.
func TestTheEdgesOfTheProtocol(t *testing.T) {
	t.Parallel()
	metadata := func(c *rtmptest.Client, o amf0.ECMAArray) func(t *testing.T) {
		return func(t *testing.T) { must(t, c.Metadata(o)) }
	}
	bomb := func(kind byte) func(s *speaker) {
		return func(s *speaker) {
			s.before = func(t *testing.T) {
				body := append([]byte{2, 0, 10}, "onMetaData"...)
				must(t, s.client.Send(8, kind, 0, 1, append(body, bytes.Repeat([]byte{3, 0, 1, 'a'}, 1<<20)...)))
				must(t, s.client.Send(8, kind, 0, 1, append(body, 10, 0xff, 0xff, 0xff, 0xff, 5, 5, 5)))
				must(t, s.client.Send(8, kind, 0, 1, append(body, bytes.Repeat([]byte{10, 0, 0, 0, 1}, 1<<19)...)))
			}
		}
	}
	for name, odd := range map[string]func(s *speaker){
		"a byte at a time": func(s *speaker) { s.client.Pieces = 1; s.film.units = s.film.units[:60] },
		"seven bytes at a time, by chunks of 1": func(s *speaker) {
			s.before = func(t *testing.T) {
				must(t, s.client.Send(2, rtmptest.SetChunkSize, 0, 0, []byte{0, 0, 0, 1}))
				s.client.ChunkSize, s.client.Pieces = 1, 700
			}
		},
		"chunks of the largest size": func(s *speaker) {
			s.before = func(t *testing.T) {
				must(t, s.client.Send(2, rtmptest.SetChunkSize, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}))
				s.client.ChunkSize = 1<<31 - 1
			}
		},
		"extended stamps, repeated": func(s *speaker) { s.from = 0x01000000 },
		"extended stamps, not repeated": func(s *speaker) {
			s.from, s.client.ChunkSize = 0x01000000, 128
			s.send = func(stream uint32, kind byte, stamp uint32, b []byte) error {
				return s.client.Write(append(rtmptest.Chunks(2, rtmptest.SetChunkSize, 0, 0, []byte{0, 0, 0, 128}, 128, true), rtmptest.Chunks(stream, kind, stamp, 1, b, 128, false)...))
			}
		},
		"chunk streams of two and three bytes": func(s *speaker) {
			s.send = func(stream uint32, kind byte, stamp uint32, b []byte) error {
				return s.client.Send(map[uint32]uint32{6: 300, 4: 65599}[stream], kind, stamp, 1, b)
			}
		},
		"sound between a picture's chunks": func(s *speaker) {
			var held []byte
			s.send = func(stream uint32, kind byte, stamp uint32, b []byte) error {
				raw := rtmptest.Chunks(stream, kind, stamp, 1, b, 4096, true)
				if kind == rtmptest.Audio {
					held = append(held, raw...)
					return nil
				}
				cut := min(len(raw), 12+4096)
				raw, held = slices.Concat(raw[:cut], held, raw[cut:]), nil
				return s.client.Write(raw)
			}
		},
		"a message given up for another": func(s *speaker) {
			s.each = func(t *testing.T, n int, _ *streaming.Unit) bool {
				if n%10 == 0 {
					must(t, s.client.Write(rtmptest.Chunks(6, rtmptest.Video, 0, 1, make([]byte, 9000), 4096, true)[:12+4096]))
				}
				return false
			}
		},
		"metadata that announce what never comes": func(s *speaker) {
			s.before = metadata(s.client, amf0.ECMAArray{{Key: "videocodecid", Value: "none"}, {Key: "width", Value: -1.0}, {Key: "audiocodecid", Value: 1e300}, {Key: "framerate", Value: amf0.Object{}}})
		},
		"metadata that deny the picture": func(s *speaker) { s.before = metadata(s.client, amf0.ECMAArray{{Key: "audiocodecid", Value: 10.0}}) },
		"metadata a thousand deep":       bomb(rtmptest.Data),
		"commands a thousand deep":       bomb(rtmptest.Command),
		"the configuration again and again": func(s *speaker) {
			config := rtmptest.Legacy(s.film.video, nil, rtmptest.Config(s.film.video, s.film.first()))
			s.each = func(t *testing.T, _ int, _ *streaming.Unit) bool {
				must(t, s.client.Send(6, rtmptest.Video, 0, 1, config))
				return false
			}
		},
		"a few malformed media messages": func(s *speaker) {
			s.each = func(t *testing.T, n int, _ *streaming.Unit) bool {
				if n%10 == 0 {
					must(t, s.client.Send(6, rtmptest.Video, 0, 1, [][]byte{{0x17}, {0x17, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1}, {0x97, 0xff}, {0x96, 0x40, 'x'}, {}}[n/10%5]))
				}
				return false
			}
		},
		"messages of kinds that nobody knows": func(s *speaker) {
			s.each = func(t *testing.T, n int, _ *streaming.Unit) bool {
				must(t, s.client.Send(9, []byte{0, 7, 15, 16, 19, 22, 99, 255}[n%8], 0, 1, []byte("what?")))
				return false
			}
		},
		"an abort of nothing, acknowledgements, a window of 1": func(s *speaker) {
			s.before = func(t *testing.T) {
				must(t, s.client.Send(2, 2, 0, 0, []byte{0, 0, 0, 77}))
				must(t, s.client.Send(2, 3, 0, 0, []byte{0, 0}))
				must(t, s.client.Send(2, 5, 0, 0, []byte{0, 0, 64, 0}))
			}
		},
		"over 2^31 milliseconds": func(s *speaker) { s.from = 1<<31 - 1200 },
		"over 2^32 milliseconds": func(s *speaker) { s.from = -1200 & (1<<32 - 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, rtmp.Config{})
			one := &speaker{client: publisher(t, s, rtmptest.Greeting{}), film: plain(t, "320x180")}
			odd(one)
			one.say(t)
			pictures := len(slices.DeleteFunc(slices.Clone(one.film.units), func(u *streaming.Unit) bool { return u.Track != one.film.video.ID }))
			var h struct{ frames, restarts uint64 }
			ingesttest.Eventually(t, "the film", func() bool {
				now, ok := s.Sessions.Health("broadcast")
				h.frames, h.restarts = now.Frames, now.Restarts
				return ok && now.Frames >= uint64(len(one.film.units)-12)
			})
			stream, err := s.Hub.Stream("broadcast")
			must(t, err)
			if h.restarts != 0 || stream.Generation().Number != 1 || pictures == 0 {
				t.Errorf("%d frames, %d restarts", h.frames, h.restarts)
			}
		})
	}
}

// What no encoder does ends the session, and only that.
func TestWhatEndsASession(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{})
	for name, said := range map[string][]byte{
		"a chunk size of 0":        rtmptest.Chunks(2, rtmptest.SetChunkSize, 0, 0, make([]byte, 4), 128, true),
		"a hundred malformed tags": bytes.Repeat(rtmptest.Chunks(6, rtmptest.Video, 0, 1, []byte{0x17, 0, 0}, 128, true), 100),
		"65 chunk streams": func() (out []byte) {
			for id := range uint32(65) {
				out = append(out, rtmptest.Chunks(10+id, rtmptest.Data, 0, 1, []byte("x"), 128, true)...)
			}
			return out
		}(),
		"a message of 16 MB":      binary.BigEndian.AppendUint32([]byte{6, 0, 0, 0, 0xff, 0xff, 0xff, 9}, 1),
		"H.264 of no decoder":     rtmptest.Chunks(6, rtmptest.Video, 0, 1, append(bytes.Repeat([]byte{0x17, 0, 0, 0, 0, 1}, 1), "\x64\x00\x1f\xff\xe1\x00\x02\x67\xff\x01\x00\x01\x68 and more"...), 4096, true),
		"a delta without a stamp": {0x46, 0, 0, 0, 0, 0, 1, 9, 1},
	} {
		c := publisher(t, s, rtmptest.Greeting{})
		must(t, c.Write(said))
		if strings.HasPrefix(name, "H.264") { // it is declared once media come
			for i := range uint32(40) {
				_ = c.Send(6, rtmptest.Video, i*33, 1, []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 1}) // it may be closed at any of them
			}
		}
		for {
			if _, err := c.Status(); err != nil {
				break
			}
		}
		ingesttest.Eventually(t, name+" to end", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
	}
}

// An encoder that sends more than its key allows is told so.
func TestAnEncoderIsToldItsLimits(t *testing.T) {
	t.Parallel()
	s := startWith(t, rtmp.Config{}, ingest.Config{Limits: []ingest.Limit{{Of: "key", PixelsMax: 160 * 90}}})
	one := &speaker{client: publisher(t, s, rtmptest.Greeting{}), film: plain(t, "320x180")}
	one.film.units = one.film.units[:20]
	one.send = func(stream uint32, kind byte, stamp uint32, b []byte) error {
		_ = one.client.Send(stream, kind, stamp, 1, b) // it may be closed already
		return nil
	}
	one.say(t)
	info, err := one.client.Info()
	must(t, err)
	if text, _ := info.GetString("description"); !strings.Contains(text, "picture is larger than allowed") {
		t.Errorf("it hears %v", info)
	}
}

// A thousand wrong keys of one address: the first minute's share is told so, the others are turned away unheard.
func TestAThousandWrongKeys(t *testing.T) {
	t.Parallel()
	s := start(t, rtmp.Config{Failed: 60})
	refused, unheard := 0, 0
	for n := range 1000 {
		_, err := rtmptest.Publish(t.Context(), s.addr, rtmptest.Greeting{Key: fmt.Sprintf("hk_key_%d", n)})
		switch {
		case err == nil:
			t.Fatal("a wrong key was let in")
		case errors.Is(err, rtmptest.ErrRefused):
			refused++
		default:
			unheard++
		}
	}
	if refused < 55 || refused > 65 || unheard < 935 {
		t.Errorf("%d were refused, %d turned away", refused, unheard)
	}
	if told := strings.Count(s.log.String(), "publisher refused"); told != refused {
		t.Errorf("%d lines for %d refusals", told, refused)
	}
}
