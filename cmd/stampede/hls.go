package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type hlsCommand struct {
	target
	Players  int           `help:"Players." default:"100"`
	Duration time.Duration `help:"How long." default:"10s"`
}

// Run plays and prints what the players saw.
func (c *hlsCommand) Run(ctx context.Context) error {
	if err := c.fill(&c.Broadcast); err != nil {
		return err
	}
	p := play(ctx, c.URL+"/hls/"+c.Broadcast+"/", c.Players, c.Duration)
	fmt.Println(p)
	return nil
}

// played is what players saw.
type played struct {
	playlists, parts, bytes, failed atomic.Int64
	waits                           times // from asking for a part's playlist to having the part
	took                            time.Duration
	players                         int
}

func (p *played) String() string {
	requests := p.playlists.Load() + p.parts.Load()
	return fmt.Sprintf("%d players: %.0f requests/s (%.1f each), %.1f Mbit/s, %d parts, %d failed, a part comes %s after it is asked for",
		p.players, float64(requests)/p.took.Seconds(), float64(requests)/p.took.Seconds()/float64(p.players),
		float64(p.bytes.Load())*8/1e6/p.took.Seconds(), p.parts.Load(), p.failed.Load(), &p.waits)
}

// play lets players follow the live edge: the playlist of the next part, which waits until there is one, and the part.
func play(ctx context.Context, base string, players int, d time.Duration) *played {
	c := client(2 * players)
	defer c.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	p := &played{players: players}
	began := time.Now()
	var all sync.WaitGroup
	for range players {
		all.Go(func() { p.one(ctx, c, base) })
	}
	all.Wait()
	p.took = time.Since(began)
	return p
}

func (p *played) one(ctx context.Context, c *http.Client, base string) {
	next, last, leaves := "main.m3u8", "", time.Now().Add(visit())
	for ctx.Err() == nil {
		asked := time.Now()
		if asked.After(leaves) { // and comes back
			next, last, leaves = "main.m3u8", "", asked.Add(visit())
		}
		text, ok := p.get(ctx, c, base+next)
		if !ok {
			return
		}
		p.playlists.Add(1)
		part, msn, index := edge(text)
		next = fmt.Sprintf("main.m3u8?_HLS_msn=%d&_HLS_part=%d", msn, index)
		if part == "" || part == last {
			continue
		}
		last = part
		if _, ok := p.get(ctx, c, base+part); ok {
			p.parts.Add(1)
			p.waits.add(time.Since(asked))
		}
	}
}

func (p *played) get(ctx context.Context, c *http.Client, url string) (string, bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", false
	}
	resp, err := c.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			p.failed.Add(1)
		}
		return "", false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	p.bytes.Add(int64(len(text)))
	if resp.StatusCode != http.StatusOK || err != nil {
		if ctx.Err() == nil {
			p.failed.Add(1)
		}
		return "", false
	}
	return string(text), true
}

// edge finds the newest part of a playlist, and the number of the one that comes next.
func edge(playlist string) (part string, msn, index int) {
	for line := range strings.Lines(playlist) {
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"):
			_, _ = fmt.Sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%d", &msn)
		case strings.HasPrefix(line, "#EXTINF:"):
			msn, index = msn+1, 0
		case strings.HasPrefix(line, "#EXT-X-PART:"):
			if _, uri, ok := strings.Cut(line, `URI="`); ok {
				part, _, _ = strings.Cut(uri, `"`)
				index++
			}
		}
	}
	return part, msn, index
}

// hammer asks for one address over and over and returns the answers.
func hammer(ctx context.Context, url string, connections int, d time.Duration) (answers int64, body string, err error) {
	c := client(connections)
	defer c.CloseIdleConnections()
	var p played
	body, ok := p.get(ctx, c, url)
	if !ok {
		return 0, "", fmt.Errorf("%s cannot be read", url)
	}
	var all sync.WaitGroup
	end := time.Now().Add(d)
	for range connections {
		all.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				if _, ok := p.get(ctx, c, url); ok {
					p.playlists.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := p.failed.Load(); n > 0 {
		err = fmt.Errorf("%s: %d requests failed", url, n)
	}
	return p.playlists.Load(), body, err
}
