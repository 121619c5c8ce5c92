package relay

import (
	"context"
	"errors"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	reportEvery = time.Second
	behindMax   = 3 * time.Second // beyond what the newest key picture asks for
	lookEvery   = 250 * time.Millisecond
	queuePause  = 4 * time.Millisecond // for a full queue to empty a little
	burstMax    = 16                   // packets over UDP before a pause: receivers' buffers are small
	burstPause  = 4 * time.Millisecond
)

// cursor is one player's way through a show.
type cursor struct {
	player  *Player
	show    *show
	session *gortsplib.ServerSession
	udp     bool
	now     func() time.Time

	reader     *streaming.Reader
	generation *streaming.Generation
	lines      []*line
	begun      bool
	base       mediatime.Time // of the first picture: what lies before it is not sent
	looked     mediatime.Time
	burst      int
	burstAt    time.Time
}

// line is one track of a player: its own numbers.
type line struct {
	*track
	current  streaming.Track // of the generation, for its Zero
	zero     int64           // ticks of the track's clock at media time zero of its tick 0
	sequence uint16
	ssrc     uint32
	packets  uint32
	octets   uint32
	reported time.Time
	stamp    uint32         // of the newest unit
	at       mediatime.Time // and its media time
}

func (c *cursor) run(ctx context.Context) error {
	ready := c.session.SetuppedMedias()
	stats := c.show.rtsp.Stats()
	for _, t := range c.show.tracks {
		for _, m := range ready {
			if m == t.media {
				c.lines = append(c.lines, &line{track: t, sequence: uint16(random()), ssrc: stats.Medias[m].Formats[t.format].LocalSSRC})
			}
		}
	}
	c.reader = c.show.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer func() { c.reader.Close() }()
	for {
		u, err := c.reader.Next(ctx)
		if errors.Is(err, streaming.ErrEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		u = c.keepUp(u)
		if err := c.send(ctx, u); err != nil {
			return err
		}
	}
}

// keepUp brings a player that is too far behind to the newest key picture.
func (c *cursor) keepUp(u *streaming.Unit) *streaming.Unit {
	at, ok := c.time(u)
	if !ok || !c.begun || at-c.looked < mediatime.Of(lookEvery) && at >= c.looked {
		return u
	}
	c.looked = at
	if c.show.stream.Last()-at < mediatime.Of(behindMax) {
		return u
	}
	newest := c.show.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	key := newest.TryNext()
	there := mediatime.Time(0)
	if key != nil {
		there, ok = c.time(key)
	}
	if key == nil || !key.Key || !ok || there <= at { // it is in the newest group of pictures already
		newest.Close()
		return u
	}
	c.reader.Close()
	c.reader = newest
	c.player.server.Metrics.Skipped()
	return key
}

// time is a unit's media time.
func (c *cursor) time(u *streaming.Unit) (mediatime.Time, bool) {
	g, ok := c.show.stream.GenerationOf(u.Generation)
	if !ok {
		return 0, false
	}
	t, ok := g.Track(u.Track)
	return t.Time(u.DTS), ok
}

func (c *cursor) send(ctx context.Context, u *streaming.Unit) error {
	if c.generation == nil || u.Generation != c.generation.Number {
		g, ok := c.show.stream.GenerationOf(u.Generation)
		if !ok {
			return nil
		}
		if !c.show.goesOn(g) {
			return ErrChanged
		}
		c.generation = g
		for _, l := range c.lines {
			l.current, _ = g.Track(l.ID)
			l.zero = l.current.Zero.Ticks(l.ClockRate)
		}
	}
	at, _ := c.time(u)
	if !c.begun {
		c.begun, c.base, c.looked = true, at, at
	}
	for _, l := range c.lines {
		if l.ID == u.Track && at >= c.base {
			return c.unit(ctx, l, u)
		}
	}
	return nil
}

// unit sends one unit's packets, and a report where one is due.
func (c *cursor) unit(ctx context.Context, l *line, u *streaming.Unit) error {
	packets, err := c.show.packets(l.track, u)
	if err != nil {
		return nil // an access unit that RTP cannot carry is left out
	}
	l.stamp = l.base + uint32(l.zero+u.PTS)
	l.at = l.current.Time(u.PTS)
	if now := c.now(); now.Sub(l.reported) >= reportEvery {
		l.reported = now
		if err := c.session.WritePacketRTCP(l.media, l.report(c.generation)); err != nil && !full(err) {
			return err
		}
	}
	for _, shared := range packets {
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, Marker: shared.Marker, PayloadType: shared.PayloadType, SequenceNumber: l.sequence, Timestamp: l.stamp,
		}, Payload: shared.Payload}
		if err := c.packet(ctx, l, p); err != nil {
			return err
		}
		l.sequence++
		l.packets++
		l.octets += uint32(len(p.Payload))
		c.player.server.Metrics.Sent(len(p.Payload))
	}
	return nil
}

// packet queues one packet, and waits while the queue is full: the stream's ring goes on without us.
func (c *cursor) packet(ctx context.Context, l *line, p *rtp.Packet) error {
	if c.udp {
		if err := c.pace(ctx); err != nil {
			return err
		}
	}
	for {
		err := c.session.WritePacketRTP(l.media, p)
		if !full(err) {
			return err
		}
		if err := pause(ctx, queuePause); err != nil {
			return err
		}
	}
}

// pace keeps a burst, such as the first group of pictures, from filling a receiver's buffer.
func (c *cursor) pace(ctx context.Context) error {
	now := c.now()
	if now.Sub(c.burstAt) >= burstPause {
		c.burst, c.burstAt = 0, now
	}
	if c.burst++; c.burst <= burstMax {
		return nil
	}
	c.burst, c.burstAt = 1, now.Add(burstPause)
	return pause(ctx, burstPause)
}

func full(err error) bool {
	var queue liberrors.ErrServerWriteQueueFull
	return errors.As(err, &queue)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// report ties the newest unit's stamp to the wall clock that the publisher's clock was anchored to.
func (l *line) report(g *streaming.Generation) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: l.ssrc, NTPTime: ntp(g.Anchor.Date(l.at)), RTPTime: l.stamp, PacketCount: l.packets, OctetCount: l.octets,
	}
}

// goodbye tells the player, over UDP too, that nothing more comes.
func (c *cursor) goodbye() {
	for _, l := range c.lines {
		_ = c.session.WritePacketRTCP(l.media, &rtcp.Goodbye{Sources: []uint32{l.ssrc}}) // best effort: it may have gone
	}
}

// ntp is a wall time as RTCP writes it: seconds since 1900 and their fraction.
func ntp(t time.Time) uint64 {
	const from1900 = 2208988800
	seconds := uint64(t.Unix()) + from1900
	return seconds<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}
