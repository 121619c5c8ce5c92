package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
)

// Limits of the publisher.
const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second
	pauseFirst   = 250 * time.Millisecond
	pauseMax     = 5 * time.Second
	lateMax      = 2 * time.Second // a publisher that was held up for longer does not rush after the clock
)

// Publisher loops the clip into an RTMP listener in real time.
type Publisher struct {
	URL string // rtmp://host:port/live/KEY

	// Optional, with defaults.
	Log *slog.Logger     // defaults to discarding
	Now func() time.Time // defaults to time.Now
}

// Run publishes until ctx ends. It connects anew, after a pause that grows to 5 s, whenever it is disconnected.
func (p *Publisher) Run(ctx context.Context) error {
	c, err := readClip(clipFLV)
	if err != nil {
		return err
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return errors.New("demo: the URL to publish to is malformed") // it holds a key and is not repeated
	}
	log := p.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for pause := pauseFirst; ; {
		began := p.now()
		err := p.publish(ctx, u, c)
		if ctx.Err() != nil {
			return nil
		}
		log.Warn("the demo publisher was disconnected", "err", err)
		if p.now().Sub(began) > pauseMax {
			pause = pauseFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, pauseMax)
	}
}

// publish stays connected as long as it can.
func (p *Publisher) publish(ctx context.Context, u *url.URL, c *clip) error {
	dial, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	client := &gortmplib.Client{URL: u, Publish: true}
	if err := client.Initialize(dial); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, client.Close)
	defer func() {
		leave()
		if !stop() {
			<-gone // what AfterFunc closes ends the reader below
			return
		}
		client.Close()
		<-gone
	}()
	go func() { // the listener says little; that it closes is what counts
		defer close(gone)
		defer leave()
		for {
			if _, err := client.Read(); err != nil {
				return
			}
		}
	}()
	video := &gortmplib.Track{Codec: &codecs.H264{SPS: c.sps, PPS: c.pps}}
	audio := &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &c.audio}}
	w := &gortmplib.Writer{Conn: client, Tracks: []*gortmplib.Track{video, audio}}
	if err := w.Initialize(); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return p.play(ctx, &reel{clip: c}, func(s step) error {
		if err := client.NetConn().SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if s.picture != nil {
			return w.WriteH264(video, s.at, s.at, s.picture)
		}
		return w.WriteMPEG4Audio(audio, s.at, s.sound)
	})
}

// play hands the reel's units over when they are due.
func (p *Publisher) play(ctx context.Context, r *reel, write func(step) error) error {
	start := p.now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s := r.next()
		wait := start.Add(s.at).Sub(p.now())
		if wait < -lateMax {
			start = start.Add(-wait)
		}
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := write(s); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
}

func (p *Publisher) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
