package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/ingest"
)

const dialsMax = 4 // redirects included

// Remote is a camera or a server whose stream we play. Its packets come interleaved in the connection: the only address
// that is spoken to is the one that was dialled.
type Remote struct {
	URL  *url.URL // rtsp:// or rtsps://, with user and password where it asks for them
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Optional, with defaults.
	Idle time.Duration // time without media that ends it; defaults to 15 s
	Log  *slog.Logger  // defaults to discarding
}

// Pull plays a stream into the sink that admit gives once the other side has agreed, until ctx ends or the stream does.
func Pull(ctx context.Context, r Remote, admit ingest.Admit) (cause error) {
	defer func() {
		if p := recover(); p != nil {
			cause = fmt.Errorf("rtsp: a panic in the connection: %v", p)
		}
	}()
	log := r.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	u, err := base.ParseURL(r.URL.String())
	if err != nil {
		return fmt.Errorf("rtsp: %w", ingest.ErrNoSuchMedia)
	}
	p := &publisher{log: log, idle: or(r.Idle, idleDefault), inbox: make(chan event, inboxMax), gone: make(chan struct{})}
	c := r.client(p)
	if err := c.Start2(); err != nil {
		return rejection(err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
		_ = c.Wait() // it was told to end
	}()
	if err := p.play(c, u); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	sink, err := admit(ingest.Request{Protocol: "rtsp"})
	if err != nil {
		return err
	}
	p.sink = sink
	p.hear(c)
	if _, err := c.Play(nil); err != nil {
		return rejection(err)
	}
	go func() {
		defer close(p.gone)
		_ = c.Wait() // why it ended does not matter: it is asked again
	}()
	err = p.loop(ctx, nil)
	c.Close()
	<-p.gone
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errSilent) {
		err = ingest.ErrSilent
	}
	return err
}

func (r Remote) client(p *publisher) *gortsplib.Client {
	tcp := gortsplib.TransportTCP
	dials := 0
	return &gortsplib.Client{
		Scheme: r.URL.Scheme, Host: r.URL.Host, Transport: &tcp, UserAgent: "Hawker", TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials > dialsMax {
				return nil, ingest.ErrNoSuchMedia
			}
			return r.Dial(ctx, network, address)
		},
		OnPacketsLost: func(lost uint64) { p.lost.Add(lost) },
	}
}

// play asks what there is and sets up what can be taken.
func (p *publisher) play(c *gortsplib.Client, u *base.URL) error {
	d, _, err := c.Describe(u)
	if err != nil {
		return rejection(err)
	}
	if err := p.tracks(d); err != nil {
		return err
	}
	for _, t := range []*track{p.video, p.audio} {
		if t == nil {
			continue
		}
		if _, err := c.Setup(d.BaseURL, t.media, 0, 0); err != nil {
			return rejection(err)
		}
	}
	return nil
}

// hear asks for the packets, before the first of them.
func (p *publisher) hear(c *gortsplib.Client) {
	for _, t := range []*track{p.video, p.audio} {
		if t == nil {
			continue
		}
		c.OnPacketRTP(t.media, t.format, func(packet *rtp.Packet) {
			p.put(event{track: t, at: time.Now(), packet: packet})
		})
		c.OnPacketRTCP(t.media, func(packet rtcp.Packet) {
			if report, ok := packet.(*rtcp.SenderReport); ok {
				p.put(event{track: t, at: time.Now(), report: report})
			}
		})
	}
}

// rejection names why a source does not give the stream. What it said of itself is not repeated.
func rejection(err error) error {
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) {
		switch status.Code {
		case base.StatusUnauthorized, base.StatusForbidden:
			return ingest.ErrCredentials
		case base.StatusNotFound, base.StatusGone:
			return ingest.ErrNoSuchMedia
		}
		return fmt.Errorf("rtsp: the source answers %d", status.Code)
	}
	return err
}
