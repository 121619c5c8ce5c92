package streaming

import (
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	cadencePictures = 31                    // a second of most shows
	stampRounding   = mediatime.Time(1_000) // RTMP stamps whole milliseconds: so little after a picture is the picture
	cadenceReach    = 2 * time.Second       // further on a cadence says nothing of single pictures
)

// Frame is the time of the picture that is shown at a time or next after it: the newest one's, carried on by the cadence
// of those before it. What is placed in the near future by the server is placed there, so that every player finds the
// same picture for it however finely it rounds. Where the newest generation has no two pictures yet, or they are far
// away, it is the time itself.
func (s *Stream) Frame(at mediatime.Time) mediatime.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g := s.generation
	if g == nil {
		return at
	}
	video, ok := g.First(Video)
	if !ok {
		return at
	}
	var newest, oldest *Unit
	pictures := 0
	for seq := s.next; seq > s.first && pictures < cadencePictures; {
		seq--
		u := s.at(seq)
		if u.Generation != g.Number {
			break
		}
		if u.Track != video.ID {
			continue
		}
		if newest == nil {
			newest = u
		}
		oldest = u
		pictures++
	}
	if pictures < 2 {
		return at
	}
	span := video.Time(newest.DTS) - video.Time(oldest.DTS)
	from, steps := video.Time(newest.PTS), mediatime.Time(pictures-1)
	if away := at - from; span <= 0 || away > mediatime.Of(cadenceReach) || away < -mediatime.Of(cadenceReach) {
		return at
	}
	n := (at - from - stampRounding) * steps / span // towards zero
	if at-from > stampRounding {
		n++
	}
	return from + n*span/steps
}
