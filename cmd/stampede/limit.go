package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// limitCommand holds the limits of this machine: what the same work costs when nothing is around it. Each is a
// process of its own, so that its processor time can be read like the server's. They print an address, or figures.
type limitCommand struct {
	Naive  limitNaive  `cmd:""`
	Send   limitSend   `cmd:"" help:"Write messages to everybody who connects: one write for each."`
	Static limitStatic `cmd:"" help:"Serve a text by net/http."`
	Commit limitCommit `cmd:"" help:"Take orders into SQLite, without HTTP: many to a transaction, or one."`
	Seal   limitSeal   `cmd:"" help:"Encrypt packets and hand them to the kernel, many to a call."`
	Fan    limitFan    `cmd:"" help:"Not a limit but what is held against limit seal: our fan and egress, without WebRTC around them."`
}

type limitSend struct {
	Rate int `default:"10"`
	Size int `default:"300" help:"Bytes of a message."`
}

// Run sends until it is told to stop.
func (l *limitSend) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var conns []net.Conn
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	})
	fmt.Println("tcp://" + listener.Addr().String())
	tick := time.NewTicker(time.Second / time.Duration(l.Rate))
	defer tick.Stop()
	message := make([]byte, l.Size)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			copy(message, payload(time.Now()))
			mu.Lock()
			now := conns
			mu.Unlock()
			for _, c := range now {
				_, _ = c.Write(message) // who is gone is gone
			}
		}
	}
	err = listener.Close()
	all.Wait()
	for _, c := range conns {
		c.Close()
	}
	return err
}

type limitStatic struct{}

// Run serves the text until it is told to stop.
func (l *limitStatic) Run(ctx context.Context) error {
	body := os.Getenv(staticBody)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/vnd.apple.mpegurl")
		h.Set("Cache-Control", "public, max-age=1")
		h.Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write([]byte(body))
	})}
	var all sync.WaitGroup
	all.Go(func() { <-ctx.Done(); _ = s.Close() })
	fmt.Println("http://" + listener.Addr().String() + "/")
	_ = s.Serve(listener) // ends by Close
	all.Wait()
	return nil
}

// staticBody is the variable that holds what limit static serves.
const staticBody = "STAMPEDE_STATIC_BODY"
