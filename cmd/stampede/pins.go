package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	pinMark   = `"kind":"pin.`
	pinWithin = 10 * time.Second // for everybody to have it
)

type pinsCommand struct {
	target
	Product   string        `help:"Product that is pinned and unpinned."`
	Creator   string        `help:"Token of the creator." env:"STAMPEDE_CREATOR"`
	Followers int           `help:"Feeds that are open." default:"10000"`
	Count     int           `help:"Pins and unpins." default:"60"`
	Every     time.Duration `help:"Time between two." default:"400ms"`
}

// Run pins and unpins, and prints how long each took from the call to the last follower's reading it.
func (c *pinsCommand) Run(ctx context.Context) error {
	if err := c.fill(&c.Broadcast); err != nil {
		return err
	}
	if c.Ready != "" {
		if err := c.demo(); err != nil {
			return err
		}
	}
	if c.Product == "" || c.Creator == "" {
		return errors.New("name a product and its creator's token, or a ready file")
	}
	crowd := &pinned{}
	defer crowd.close()
	if err := crowd.follow(ctx, strings.Replace(c.URL, "http", "ws", 1)+"/v1/broadcasts/"+c.Broadcast+"/feed", c.Followers); err != nil {
		return err
	}
	web := client(1)
	defer web.CloseIdleConnections()
	var all, calls times
	pace := time.NewTicker(c.Every)
	defer pace.Stop()
	for i := range c.Count {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		method := http.MethodPut
		if i%2 == 1 {
			method = http.MethodDelete
		}
		began := time.Now()
		if err := c.pin(ctx, web, method); err != nil {
			return err
		}
		calls.add(time.Since(began))
		took, err := crowd.wait(ctx, began, int64(i+1)*int64(c.Followers))
		if err != nil {
			return err
		}
		all.add(took)
	}
	fmt.Printf("%d pins and unpins to %d followers: the last one had it after %s; the call took %s\n", c.Count, c.Followers, &all, &calls)
	return nil
}

// demo reads from the ready file what only this command needs.
func (c *pinsCommand) demo() error {
	text, err := os.ReadFile(c.Ready)
	if err != nil {
		return err
	}
	var file struct {
		Demo struct {
			Product string
			Tokens  map[string]string
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("read %s: %w", c.Ready, err)
	}
	c.Product, c.Creator = file.Demo.Product, file.Demo.Tokens["creator"]
	return nil
}

func (c *pinsCommand) pin(ctx context.Context, web *http.Client, method string) error {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/v1/broadcasts/"+c.Broadcast+"/pins/"+c.Product, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Creator)
	resp, err := web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s of a pin was answered with %s: %.200s", method, resp.Status, text)
	}
	return nil
}

// pinned are followers who count pins.
type pinned struct {
	conns []net.Conn
	all   sync.WaitGroup
	seen  atomic.Int64
	last  atomic.Int64 // when the newest was seen, Unix ns
}

func (p *pinned) follow(ctx context.Context, url string, n int) error {
	for range n {
		conn, greeting, _, err := ws.Dial(ctx, url)
		if err != nil {
			return fmt.Errorf("open feed %d: %w", len(p.conns)+1, err)
		}
		if greeting != nil {
			ws.PutReader(greeting) // it holds nothing that counts
		}
		p.conns = append(p.conns, conn)
		p.all.Go(func() { p.read(conn) })
	}
	return nil
}

func (p *pinned) read(conn net.Conn) {
	buffer := make([]byte, 2048)
	rest := 0 // bytes of the last read that may begin a mark
	for {
		n, err := conn.Read(buffer[rest:])
		if err != nil {
			return
		}
		text := buffer[:rest+n]
		if found := bytes.Count(text, []byte(pinMark)); found > 0 {
			p.last.Store(time.Now().UnixNano())
			p.seen.Add(int64(found))
			text = text[bytes.LastIndex(text, []byte(pinMark))+len(pinMark):]
		}
		rest = copy(buffer, text[max(0, len(text)-len(pinMark)+1):])
	}
}

// wait waits until so many pins were seen, and tells how long after began the last one was.
func (p *pinned) wait(ctx context.Context, began time.Time, want int64) (time.Duration, error) {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for p.seen.Load() < want {
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if time.Since(began) > pinWithin {
			return 0, fmt.Errorf("%d of %d have it after %s", p.seen.Load(), want, pinWithin)
		}
	}
	return time.Unix(0, p.last.Load()).Sub(began), nil
}

func (p *pinned) close() {
	for _, c := range p.conns {
		c.Close()
	}
	p.all.Wait()
}
