package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
)

const (
	comesWithin  = 20 * time.Second // connection and publish command
	writesWithin = 5 * time.Second  // of one message: a server that takes none for so long has lost the publisher
	late         = time.Second
)

// target is where the names are published.
type target struct{ address, app, stream string }

func readTarget(text string) (target, error) {
	u, err := url.Parse(strings.ReplaceAll(text, "%KEY%", "KEY-STANDS-HERE"))
	if err != nil || u.Scheme != "rtmp" || u.Host == "" {
		return target{}, errors.New("the URL is to be rtmp://host[:port]/app/%KEY%")
	}
	app, stream, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !ok || app == "" || !strings.Contains(stream, "KEY-STANDS-HERE") {
		return target{}, errors.New("the URL is to be rtmp://host[:port]/app/%KEY%")
	}
	out := target{address: u.Host, app: app, stream: stream}
	if u.Port() == "" {
		out.address = net.JoinHostPort(u.Hostname(), "1935")
	}
	return out, nil
}

func (t target) of(name string) string { return strings.ReplaceAll(t.stream, "KEY-STANDS-HERE", name) }

// crowd is all publishers of a run.
type crowd struct {
	clip        *clip
	target      target
	names       []string
	ramp, lasts time.Duration

	came, lost, pictures, messages, tardy atomic.Int64
	worst                                 atomic.Int64 // nanoseconds behind the clock
	why                                   atomic.Pointer[error]
}

// figures are what a run leaves.
type figures struct {
	Publishers   int     `json:"publishers"` // that came
	Lost         int     `json:"lost"`       // that did not come, or were put out
	Seconds      float64 `json:"seconds"`    // for which all were there
	Pictures     int64   `json:"pictures"`
	Messages     int64   `json:"messages"`
	BitsEach     int     `json:"bits_per_second_each"`
	Late         int64   `json:"late"` // messages that were written a second after their time, or later
	WorstMillis  int64   `json:"worst_ms"`
	Why          string  `json:"why,omitempty"` // one publisher was lost
	Interrupted  bool    `json:"interrupted,omitempty"`
	ClipPictures int     `json:"clip_pictures"`
	ClipSeconds  float64 `json:"clip_seconds"`
}

// publish lets all come, evenly over the ramp, and go together. Each begins its round elsewhere in time, so that the
// key pictures of the crowd do not fall together.
func (c *crowd) publish(ctx context.Context) figures {
	began := time.Now()
	end := began.Add(c.ramp + c.lasts)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	var all sync.WaitGroup
	for n, name := range c.names {
		all.Go(func() {
			if !pause(ctx, c.ramp*time.Duration(n)/time.Duration(len(c.names))) {
				return
			}
			if err := c.one(ctx, name); err != nil && ctx.Err() == nil {
				c.lost.Add(1)
				c.why.CompareAndSwap(nil, &err)
			}
		})
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	out := figures{
		Publishers: int(c.came.Load()), Lost: int(c.lost.Load()), Seconds: max(0, seconds-c.ramp.Seconds()),
		Pictures: c.pictures.Load(), Messages: c.messages.Load(), Late: c.tardy.Load(),
		WorstMillis: time.Duration(c.worst.Load()).Milliseconds(), Interrupted: time.Now().Before(end),
		BitsEach:     int(float64(c.clip.bytes) * 8 * 1000 / float64(c.clip.loop)),
		ClipPictures: c.clip.pictures, ClipSeconds: float64(c.clip.loop) / 1000,
	}
	if e := c.why.Load(); e != nil {
		out.Why = (*e).Error()
	}
	return out
}

// pause waits; false: the run is over.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// one is a publisher from its connection to the end of the run.
func (c *crowd) one(ctx context.Context, name string) error {
	coming, cancel := context.WithTimeout(ctx, comesWithin)
	defer cancel()
	client, err := rtmptest.Publish(coming, c.target.address, rtmptest.Greeting{App: c.target.app, Key: c.target.of(name)})
	if err != nil {
		return fmt.Errorf("come: %w", err)
	}
	c.came.Add(1)
	conn := client.Conn
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // acknowledgements; an end is seen by the writer
	defer reading.Wait()
	defer func() { _ = conn.Close() }() // the run is over, or the publisher is lost
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := client.Send(2, rtmptest.SetChunkSize, 0, 0, binary.BigEndian.AppendUint32(nil, chunkSize)); err != nil {
		return err
	}
	for _, m := range c.clip.begin {
		if err := c.write(conn, m, 0); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	return c.play(ctx, conn)
}

// play sends the clip round and round, each message at its time.
func (c *crowd) play(ctx context.Context, conn net.Conn) error {
	began := time.Now()
	for round := uint32(0); ; round++ {
		for _, m := range c.clip.messages {
			stamp := round*c.clip.loop + m.stamp
			due := began.Add(time.Duration(stamp) * time.Millisecond)
			if !pause(ctx, time.Until(due)) {
				return nil
			}
			if err := c.write(conn, m, stamp); err != nil {
				return fmt.Errorf("after %v: %w", time.Since(began).Round(time.Second), err)
			}
			c.count(m, time.Since(due))
		}
	}
}

func (c *crowd) write(conn net.Conn, m message, stamp uint32) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writesWithin)); err != nil {
		return err
	}
	head := m.head(stamp)
	whole := net.Buffers{head[:], m.body}
	_, err := whole.WriteTo(conn)
	return err
}

func (c *crowd) count(m message, behind time.Duration) {
	c.messages.Add(1)
	if m.kind == flvVideo {
		c.pictures.Add(1)
	}
	if behind >= late {
		c.tardy.Add(1)
	}
	for old := c.worst.Load(); int64(behind) > old && !c.worst.CompareAndSwap(old, int64(behind)); old = c.worst.Load() {
	}
}
