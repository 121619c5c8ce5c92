package restream

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	gosrt "github.com/datarhei/gosrt"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/play"
)

const (
	callWithin  = 3 * time.Second
	datagram    = 7 * 188
	peerIdle    = 5 * time.Second
	tablesEvery = 500 * time.Millisecond
	queuePause  = 2 * time.Millisecond
)

// srt pushes an MPEG transport stream to a listener that we call.
func (p *push) srt(ctx context.Context, u *url.URL, key string) error {
	address, err := p.service.Guard.ResolvePort(ctx, u.Host, ports["srt"])
	if err != nil {
		return err
	}
	q := u.Query()
	c := gosrt.DefaultConfig()
	c.StreamId, c.Passphrase = q.Get("streamid"), q.Get("passphrase")
	if c.StreamId == "" {
		c.StreamId = key
	}
	c.ConnectionTimeout, c.PeerIdleTimeout = callWithin, peerIdle
	conn, err := gosrt.Dial("srt", address.String(), c)
	if err != nil {
		return srtRefusal(err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reading := make(chan struct{})
	go func() { // nothing comes, but that the listener has gone
		defer close(reading)
		b := make([]byte, gosrt.MAX_MSS_SIZE)
		for {
			if _, err := conn.Read(b); err != nil {
				stop(errGone)
				return
			}
		}
	}()
	defer func() { <-reading }()
	defer func() { _ = conn.Close() }() // it tells the listener, and cannot fail
	cursor := &cursor{push: p, out: &tsOutput{push: p, to: &datagrams{conn: conn, patience: or(p.service.Config.Patience, patienceDefault)}}, sound: p.service.AAC, want: streaming.AAC}
	defer cursor.close()
	err = cursor.run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, streaming.ErrEnded) {
		return cause
	}
	return err
}

// srtRefusal names why a listener does not take the stream.
func srtRefusal(err error) error {
	for _, mark := range []string{"BADSECRET", "UNSECURE", "UNAUTHORIZED", "FORBIDDEN"} {
		if strings.Contains(err.Error(), mark) {
			return errCredentials
		}
	}
	if strings.Contains(err.Error(), "rejected") {
		return errRefused
	}
	return err
}

// datagrams gathers transport packets seven by seven.
type datagrams struct {
	conn     gosrt.Conn
	patience time.Duration
	held     []byte
	sent     int
}

func (d *datagrams) Write(b []byte) (int, error) {
	d.held = append(d.held, b...)
	for len(d.held) >= datagram {
		if err := d.send(d.held[:datagram]); err != nil {
			return 0, err
		}
		d.held = append(d.held[:0], d.held[datagram:]...)
	}
	return len(b), nil
}

func (d *datagrams) flush() error {
	if len(d.held) == 0 {
		return nil
	}
	err := d.send(d.held)
	d.held = d.held[:0]
	return err
}

// send waits for a place in gosrt's queue, which itself never waits.
func (d *datagrams) send(b []byte) error {
	for until := time.Now().Add(d.patience); ; {
		if _, err := d.conn.Write(b); err == nil {
			d.sent += len(b)
			return nil
		}
		if time.Now().After(until) {
			return errSlow
		}
		time.Sleep(queuePause)
	}
}

// tsOutput writes units as a transport stream.
type tsOutput struct {
	push         *push
	to           *datagrams
	writer       *mpegts.Writer
	video, audio *mpegts.Track
	tables       mediatime.Time // when they were written
}

func (o *tsOutput) begin(video, audio streaming.Track) error {
	o.writer, o.video, o.audio = &mpegts.Writer{W: o.to}, nil, nil
	switch {
	case video.ID == 0:
	case video.Codec == streaming.H264:
		o.video = &mpegts.Track{Codec: &codecs.H264{}}
	case video.Codec == streaming.H265:
		o.video = &mpegts.Track{Codec: &codecs.H265{}}
	default:
		return play.ErrCodec
	}
	if audio.ID != 0 {
		config := mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2}
		if len(audio.Config) > 0 {
			if err := config.Unmarshal(audio.Config); err != nil {
				return play.ErrCodec
			}
		}
		o.audio = &mpegts.Track{Codec: &codecs.MPEG4Audio{Config: config}}
	}
	for _, t := range []*mpegts.Track{o.video, o.audio} {
		if t != nil {
			o.writer.Tracks = append(o.writer.Tracks, t)
		}
	}
	o.tables = 0
	return o.writer.Initialize()
}

func (o *tsOutput) write(t streaming.Track, u *streaming.Unit) error {
	at := t.Time(u.DTS)
	if o.tables == 0 || at-o.tables > mediatime.Of(tablesEvery) {
		o.tables = at
		if _, err := o.writer.WriteTables(); err != nil {
			return err
		}
	}
	dts := at.Ticks(streaming.VideoClockRate)
	pts := t.Time(u.PTS).Ticks(streaming.VideoClockRate)
	o.to.sent = 0
	var err error
	switch {
	case t.Kind == streaming.Audio && o.audio != nil:
		err = o.writer.WriteMPEG4Audio(o.audio, pts, u.Payload)
	case t.Kind == streaming.Video && t.Codec == streaming.H264:
		err = o.writer.WriteH264(o.video, pts, dts, u.Payload)
	case t.Kind == streaming.Video:
		err = o.writer.WriteH265(o.video, pts, dts, u.Payload)
	default:
		return nil
	}
	if err == nil {
		err = o.to.flush()
	}
	if err == nil {
		o.push.wrote(o.to.sent)
	}
	return err
}
