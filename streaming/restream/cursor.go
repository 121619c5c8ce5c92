package restream

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/play"
)

const (
	behindMost = 3 * time.Second // a target further behind goes on at the newest key picture
	legTrack   = -1              // the number of a track that is not the stream's own
)

// output is a protocol's end of a push. One goroutine uses it.
type output interface {
	// begin says what comes from here on: at the start and with each generation. The sound may be the zero track.
	begin(video, audio streaming.Track) error
	write(t streaming.Track, u *streaming.Unit) error
}

// cursor is a push's way through a stream, for protocols that take units.
type cursor struct {
	push   *push
	out    output
	sound  Sound           // the way to the coding that the protocol wants
	want   streaming.Codec // of the sound
	reader *streaming.Reader
	leg    play.Leg // nil where the sound goes as it is

	generation   *streaming.Generation
	video, audio streaming.Track
	lost         uint64 // that the reader told of
}

func (c *cursor) close() {
	if c.reader != nil {
		c.reader.Close()
	}
	if c.leg != nil {
		c.leg.Close()
	}
}

func (c *cursor) run(ctx context.Context) error {
	c.reader = c.push.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	for {
		u, err := c.reader.Next(ctx)
		if err != nil {
			return err
		}
		if u, err = c.keepUp(u); err != nil {
			return err
		}
		if err := c.unit(u); err != nil {
			return err
		}
		for c.leg != nil {
			sound := c.leg.TryNext()
			if sound == nil {
				break
			}
			if err := c.heard(sound); err != nil {
				return err
			}
		}
	}
}

// keepUp brings a target that is too far behind to the newest key picture, and counts what it does not get.
func (c *cursor) keepUp(u *streaming.Unit) (*streaming.Unit, error) {
	c.push.dropped(c.reader.Lost() - c.lost)
	c.lost = c.reader.Lost()
	at, ok := c.time(u)
	if !ok || c.push.stream.Last()-at < mediatime.Of(behindMost) {
		return u, nil
	}
	newest := c.push.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	key := newest.TryNext()
	there, ok := mediatime.Time(0), false
	if key != nil && key.Key {
		there, ok = c.time(key)
	}
	if !ok || there <= at {
		newest.Close()
		return u, nil
	}
	skipped := uint64(1)
	for one := c.reader.TryNext(); one != nil && one != key; one = c.reader.TryNext() {
		skipped++
	}
	c.push.dropped(skipped)
	c.reader.Close()
	c.reader, c.lost = newest, 0
	return key, nil
}

func (c *cursor) time(u *streaming.Unit) (mediatime.Time, bool) {
	g, ok := c.push.stream.GenerationOf(u.Generation)
	if !ok {
		return 0, false
	}
	t, ok := g.Track(u.Track)
	return t.Time(u.DTS), ok
}

// unit writes one unit of the stream, and before the first of a generation what it is made of.
func (c *cursor) unit(u *streaming.Unit) error {
	if c.generation == nil || u.Generation != c.generation.Number {
		if !u.Key {
			return nil // a generation begins with its key picture
		}
		g, ok := c.push.stream.GenerationOf(u.Generation)
		if !ok {
			return nil
		}
		if err := c.begin(g, u); err != nil {
			return err
		}
	}
	switch u.Track {
	case c.video.ID:
		return c.out.write(c.video, u)
	case c.audio.ID:
		return c.out.write(c.audio, u)
	}
	return nil
}

// begin says what a generation is made of.
func (c *cursor) begin(g *streaming.Generation, u *streaming.Unit) error {
	c.generation = g
	c.video, _ = g.First(streaming.Video)
	c.audio, _ = g.First(streaming.Audio)
	if c.leg != nil {
		c.leg.Close()
		c.leg = nil
	}
	announced := c.audio
	if c.audio.ID != 0 && c.audio.Codec != c.want {
		announced, c.audio = streaming.Track{}, streaming.Track{}
		if c.sound != nil {
			at, _ := c.time(u)
			if leg, err := c.sound.Open(c.push.stream, at); err == nil {
				c.leg = leg
				announced = streaming.Track{ID: legTrack, Kind: streaming.Audio, Codec: c.want}
				if t, ok := leg.Track(g.Number); ok {
					announced.Config, announced.ClockRate = t.Config, t.ClockRate
				}
			} else {
				c.push.service.log().Warn("a target hears nothing", "target", c.push.target.ID, "error", err)
			}
		}
	}
	if c.video.ID == 0 && announced.ID == 0 {
		return play.ErrCodec
	}
	return c.out.begin(c.video, announced)
}

// heard writes a unit of the leg.
func (c *cursor) heard(u *streaming.Unit) error {
	t, ok := c.leg.Track(u.Generation)
	if !ok || u.Generation != c.generation.Number {
		return nil
	}
	t.ID = legTrack
	return c.out.write(t, u)
}
