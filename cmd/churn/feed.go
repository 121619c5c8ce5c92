package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gobwas/ws"
)

// feedWays are the ways in which a follower leaves.
const feedWays = 4

// followFeed is a viewer's feed: opened, greeted, spoken to, and left in one of several ways: with a goodbye, with half
// a frame, without a word, and as server-sent events.
func followFeed(s *server) (cycle, error) {
	host := strings.TrimPrefix(s.url, "http://")
	path := "/v1/broadcasts/" + s.broadcast + "/feed"
	return func(ctx context.Context, n int) error {
		if n%feedWays == feedWays-1 {
			return listen(ctx, s.url+path)
		}
		conn, greeting, _, err := (ws.Dialer{}).Dial(ctx, "ws://"+host+path)
		if err != nil {
			return err
		}
		defer conn.Close()
		if end, ok := ctx.Deadline(); ok {
			_ = conn.SetDeadline(end)
		}
		if greeting == nil {
			greeting = bufio.NewReader(conn)
		} else {
			defer ws.PutReader(greeting)
		}
		if f, err := ws.ReadFrame(greeting); err != nil || f.Header.OpCode != ws.OpText {
			return fmt.Errorf("greeted by %v: %w", f.Header.OpCode, err)
		}
		if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewTextFrame([]byte(`{"kind":"heartbeat"}`)))); err != nil {
			return err
		}
		switch n % feedWays {
		case 0:
			return goodbye(conn, greeting)
		case 1:
			_, err = conn.Write([]byte{0x81})
		}
		return err
	}, nil
}

// goodbye closes as the protocol has it, whatever comes before the answer.
func goodbye(conn net.Conn, r io.Reader) error {
	if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))); err != nil {
		return err
	}
	for {
		f, err := ws.ReadFrame(r)
		if err != nil {
			return fmt.Errorf("instead of a goodbye: %w", err)
		}
		if f.Header.OpCode == ws.OpClose {
			return nil
		}
	}
}

// listen reads the first event of a stream on a connection of its own.
func listen(ctx context.Context, url string) error {
	own := &http.Client{Transport: &http.Transport{}}
	defer own.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := own.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "id: ") {
		return errors.Join(fmt.Errorf("the stream was answered with %s and begins with %q", resp.Status, line), err)
	}
	return nil
}
