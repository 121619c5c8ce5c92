package relay

import (
	"sync"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/streaming"
)

// keptUnits is how many units' packets a show remembers: about as many as a player is behind another.
const keptUnits = 512

// show is one stretch of a broadcast with the same tracks: what its players share.
type show struct {
	stream *streaming.Stream
	rtsp   *gortsplib.ServerStream
	tracks []*track
	users  int // under the server's lock

	mu    sync.Mutex // of the packets, and of the encoders that make them
	made  map[*streaming.Unit][]*rtp.Packet
	order [keptUnits]*streaming.Unit
	next  int
}

// newShow describes what a generation's players get.
func newShow(server *gortsplib.Server, s *streaming.Stream, g *streaming.Generation) (*show, error) {
	out := &show{stream: s, made: map[*streaming.Unit][]*rtp.Packet{}}
	desc := &description.Session{Title: "Hawker"}
	for _, kind := range []streaming.Kind{streaming.Video, streaming.Audio} {
		t, ok := g.First(kind)
		if !ok {
			continue
		}
		one, err := newTrack(t)
		if err != nil && kind == streaming.Audio && len(out.tracks) > 0 {
			continue // better without sound than not at all
		}
		if err != nil {
			return nil, err
		}
		out.tracks = append(out.tracks, one)
		desc.Medias = append(desc.Medias, one.media)
	}
	if len(out.tracks) == 0 {
		return nil, ErrCodec
	}
	out.rtsp = &gortsplib.ServerStream{Server: server, Desc: desc}
	return out, out.rtsp.Initialize()
}

// goesOn tells whether the generation's tracks are this show's.
func (s *show) goesOn(g *streaming.Generation) bool {
	for _, t := range s.tracks {
		now, ok := g.First(t.Kind)
		if !ok || !same(t.Track, now) {
			return false
		}
	}
	video, _ := g.First(streaming.Video)
	return video.ID == 0 || s.track(video.ID) != nil
}

func (s *show) track(id int) *track {
	for _, t := range s.tracks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// packets returns a unit's packets. Nobody changes them: each player sends copies of the headers.
func (s *show) packets(t *track, u *streaming.Unit) ([]*rtp.Packet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.made[u]; ok {
		return p, nil
	}
	p, err := t.cut(u)
	if err != nil {
		return nil, err
	}
	delete(s.made, s.order[s.next])
	s.order[s.next] = u
	s.next = (s.next + 1) % keptUnits
	s.made[u] = p
	return p, nil
}
