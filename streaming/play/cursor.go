package play

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// cursor is one player's way through a stream.
type cursor struct {
	server *Server
	player *player
	stream *streaming.Stream
	reel   *reel
	reader *streaming.Reader
	leg    Leg // nil where the sound goes as it is

	generation   *streaming.Generation
	video, audio streaming.Track // of the generation, as they are sent; the zero track for none
	base         mediatime.Time  // what the player calls zero
	begun        bool
	looked       mediatime.Time // when it was last found out whether the player keeps up, in media time
}

func (c *cursor) close() {
	if c.reader != nil {
		c.reader.Close()
	}
	if c.leg != nil {
		c.leg.Close()
	}
	c.server.reels.give(c.stream, c.reel)
}

func (c *cursor) run(ctx context.Context) error {
	g := c.stream.Generation()
	if err := c.tracks(g); err != nil {
		return err
	}
	if err := c.player.Sink.Accept(); err != nil {
		return err
	}
	c.reader = c.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	for {
		u, err := c.reader.Next(ctx)
		if errors.Is(err, streaming.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		if u, err = c.keepUp(u); err != nil {
			return err
		}
		if err := c.send(u); err != nil {
			return err
		}
		for c.leg != nil {
			sound := c.leg.TryNext()
			if sound == nil {
				break
			}
			if err := c.sound(sound); err != nil {
				return err
			}
		}
	}
}

// tracks chooses what of a generation is sent.
func (c *cursor) tracks(g *streaming.Generation) error {
	if g == nil {
		return streaming.ErrOffAir
	}
	video, _ := g.First(streaming.Video)
	audio, _ := g.First(streaming.Audio)
	if video.ID != 0 && video.Codec != streaming.H264 && video.Codec != streaming.H265 {
		return ErrCodec
	}
	if audio.Codec == streaming.Opus && !c.player.Opus {
		audio = streaming.Track{}
	}
	if video.ID == 0 && audio.ID == 0 {
		return ErrCodec
	}
	c.generation, c.video, c.audio = g, video, audio
	return nil
}

// keepUp brings a player that is too far behind to the newest key picture.
func (c *cursor) keepUp(u *streaming.Unit) (*streaming.Unit, error) {
	at, ok := c.time(u)
	if !ok || !c.begun || at-c.looked < mediatime.Of(lookEvery) && at >= c.looked {
		return u, nil
	}
	c.looked = at
	if c.stream.Last()-at < mediatime.Of(behindMax) {
		return u, nil
	}
	newest := c.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	key := newest.TryNext()
	if key == nil || !key.Key {
		newest.Close()
		return u, nil
	}
	if there, ok := c.time(key); !ok || there <= at {
		newest.Close() // it is in the newest group of pictures already
		return u, nil
	}
	c.skip(key)
	c.reader = newest
	return key, nil
}

// skip leaves out what lies between the player and a key picture.
func (c *cursor) skip(to *streaming.Unit) {
	c.server.Metrics.Skipped()
	if c.player.Skipped != nil {
		n := c.reader.Lost() + 1
		for u := c.reader.TryNext(); u != nil && u != to; u = c.reader.TryNext() {
			n++
		}
		c.player.Skipped(n)
	}
	c.reader.Close()
}

// time is a unit's media time.
func (c *cursor) time(u *streaming.Unit) (mediatime.Time, bool) {
	g, ok := c.stream.GenerationOf(u.Generation)
	if !ok {
		return 0, false
	}
	t, ok := g.Track(u.Track)
	return t.Time(u.DTS), ok
}

// send writes one unit of the stream, and before the first of a generation what it is made of.
func (c *cursor) send(u *streaming.Unit) error {
	if !c.begun || u.Generation != c.generation.Number {
		if c.begun && !u.Key {
			return nil // of a generation that begins with its next key picture here
		}
		if err := c.begin(u); err != nil {
			return err
		}
	}
	t := c.video
	switch u.Track {
	case c.video.ID:
	case c.audio.ID:
		t = c.audio
	default:
		return nil
	}
	return c.unit(t, u)
}

func (c *cursor) unit(t streaming.Track, u *streaming.Unit) error {
	at := t.Time(u.DTS) - c.base
	if at < 0 {
		return nil // sound of before the first picture
	}
	late := (t.Time(u.PTS) - t.Time(u.DTS)).Duration().Milliseconds()
	body, err := c.reel.message(t, u, late)
	if err != nil {
		return ErrChanged
	}
	kind := byte(TypeAudio)
	if t.Kind == streaming.Video {
		kind = TypeVideo
	}
	c.server.Metrics.Sent(len(body))
	return c.player.Sink.Send(kind, c.stamp(at+c.base), body)
}

// begin tells the player what comes from here on.
func (c *cursor) begin(u *streaming.Unit) error {
	g, ok := c.stream.GenerationOf(u.Generation)
	if !ok {
		g = c.generation
	}
	if err := c.tracks(g); err != nil {
		return ErrChanged
	}
	at, _ := c.time(u)
	if !c.begun {
		c.base, c.begun, c.looked = at, true, at
	}
	c.bridge(g, at)
	stamp := c.stamp(at)
	sound := c.audio
	if c.leg != nil {
		sound = streaming.Track{ID: legTrack, Kind: streaming.Audio, Codec: streaming.AAC} // its configuration comes with it
	}
	if err := c.player.Sink.Send(TypeData, stamp, metadata(c.video, sound)); err != nil {
		return err
	}
	for _, t := range []streaming.Track{c.video, c.audio} {
		if t.ID == 0 {
			continue
		}
		if err := c.config(t, stamp); err != nil {
			return err
		}
	}
	return nil
}

// stamp is what the player calls a media time.
func (c *cursor) stamp(at mediatime.Time) uint32 {
	return uint32(max(0, at-c.base).Duration() / time.Millisecond)
}

func (c *cursor) config(t streaming.Track, stamp uint32) error {
	body, err := configTag(t)
	if err != nil {
		return ErrChanged
	}
	kind := byte(TypeAudio)
	if t.Kind == streaming.Video {
		kind = TypeVideo
	}
	return c.player.Sink.Send(kind, stamp, body)
}

// bridge opens the way to AAC where the generation's sound is Opus and the player knows none.
func (c *cursor) bridge(g *streaming.Generation, from mediatime.Time) {
	source, _ := g.First(streaming.Audio)
	need := source.Codec == streaming.Opus && !c.player.Opus
	if need == (c.leg != nil) || need && c.server.Sound == nil {
		return
	}
	if !need {
		c.leg.Close()
		c.leg = nil
		return
	}
	leg, err := c.server.Sound.Open(c.stream, from)
	if err != nil {
		c.server.log().Warn("a player hears nothing", "broadcast", c.stream.ID, "err", err)
		return
	}
	c.leg = leg
}

// sound writes a unit of the leg.
func (c *cursor) sound(u *streaming.Unit) error {
	t, ok := c.leg.Track(u.Generation)
	if !ok || u.Generation != c.generation.Number {
		return nil
	}
	if c.audio.ID == 0 { // the first one: its track was not known before
		if err := c.config(t, c.stamp(t.Time(u.DTS))); err != nil {
			return err
		}
		c.audio = t
		c.audio.ID = legTrack
	}
	return c.unit(t, u)
}

// legTrack is the number of a track that is not the stream's own.
const legTrack = -1
