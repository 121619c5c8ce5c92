package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

type feedCommand struct {
	target
	Followers int           `help:"Feeds that are open." default:"500"`
	Rate      int           `help:"Events per second." default:"10"`
	Duration  time.Duration `help:"How long." default:"10s"`
}

// Run follows and prints what arrived.
func (c *feedCommand) Run(ctx context.Context) error {
	if err := c.fill(&c.Token, &c.Broadcast); err != nil {
		return err
	}
	f, err := follow(ctx, strings.Replace(c.URL, "http", "ws", 1)+"/v1/broadcasts/"+c.Broadcast+"/feed", c.Followers)
	if err != nil {
		return err
	}
	defer f.close()
	sent, err := publish(ctx, c.target, c.Rate, c.Duration)
	f.settle()
	fmt.Printf("%d events to %d followers: %d arrived of %d, %s\n", sent, c.Followers, f.marks.Load(), sent*c.Followers, &f.late)
	return err
}

// mark is in every event that is counted, with the moment of its making.
const mark = `"stampede":`

// followers are open feeds. They count marks and bytes; the protocol's frames are of no concern to them.
type followers struct {
	conns []net.Conn
	all   sync.WaitGroup
	quit  chan struct{}
	marks atomic.Int64
	bytes atomic.Int64
	late  times
}

// follow opens feeds: a ws:// URL, or tcp://host:port of a limit.
func follow(ctx context.Context, url string, n int) (*followers, error) {
	f := &followers{quit: make(chan struct{})}
	for range n {
		var conn net.Conn
		var err error
		if address, ok := strings.CutPrefix(url, "tcp://"); ok {
			conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
		} else {
			conn, _, _, err = ws.Dial(ctx, url)
		}
		if err != nil {
			f.close()
			return nil, fmt.Errorf("open feed %d: %w", len(f.conns)+1, err)
		}
		f.conns = append(f.conns, conn)
		f.all.Go(func() { f.read(conn) })
	}
	if strings.HasPrefix(url, "ws") {
		f.all.Go(f.live)
	}
	return f, nil
}

// live tells the server now and then that the followers are there.
func (f *followers) live() {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-f.quit:
			return
		case <-tick.C:
			for _, c := range f.conns {
				_ = ws.WriteFrame(c, ws.MaskFrameInPlace(ws.NewPongFrame(nil))) // its reader sees that it is gone
			}
		}
	}
}

func (f *followers) read(conn net.Conn) {
	buffer := make([]byte, 4096)
	rest := 0 // bytes of the last read that may begin a mark
	for {
		n, err := conn.Read(buffer[rest:])
		f.bytes.Add(int64(n))
		text := buffer[:rest+n]
		for {
			i := bytes.Index(text, []byte(mark))
			if i < 0 || len(text) < i+len(mark)+13 {
				if i < 0 {
					i = max(0, len(text)-len(mark)+1)
				}
				rest = copy(buffer, text[i:])
				break
			}
			text = text[i+len(mark):]
			var at int64
			for _, c := range text[:13] {
				at = at*10 + int64(c-'0')
			}
			if f.marks.Add(1)%16 == 0 {
				f.late.add(time.Since(time.UnixMilli(at)))
			}
		}
		if err != nil {
			return
		}
	}
}

// settle waits until nothing arrives any more.
func (f *followers) settle() {
	for before := int64(-1); before != f.marks.Load(); {
		before = f.marks.Load()
		time.Sleep(300 * time.Millisecond)
	}
}

func (f *followers) close() {
	close(f.quit)
	for _, c := range f.conns {
		c.Close()
	}
	f.all.Wait()
}

// payload is an event's data of the size that a card has.
func payload(now time.Time) string {
	return fmt.Sprintf(`{%s%d,"text":%q}`, mark, now.UnixMilli(), strings.Repeat("x", 120))
}

// publish sends events at a steady rate and returns how many were taken.
func publish(ctx context.Context, t target, rate int, d time.Duration) (sent int, err error) {
	c := client(4)
	defer c.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		body, err := json.Marshal(map[string]any{"kind": "x.stampede", "data": json.RawMessage(payload(time.Now()))})
		if err != nil {
			return sent, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"/v1/broadcasts/"+t.Broadcast+"/events", bytes.NewReader(body))
		if err != nil {
			return sent, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+t.Token)
		resp, err := c.Do(req)
		if err != nil {
			return sent, err
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			return sent, fmt.Errorf("an event was answered with %s: %.200s", resp.Status, text)
		}
		sent++
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
	return sent, nil
}
