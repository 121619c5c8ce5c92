package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/hawkerlive/hawker/ingest"
)

const callWithin = 3 * time.Second

// Remote is a listener that we call to fetch what it sends.
type Remote struct {
	Address    netip.AddrPort
	StreamID   string
	Passphrase string // empty: not encrypted

	// Optional, with defaults.
	Latency time.Duration // defaults to 120 ms
	Idle    time.Duration // time without media that ends it; defaults to 15 s
	Log     *slog.Logger  // defaults to discarding
}

// Pull calls a listener and hands over what it sends, to the sink that admit gives once it has answered, until ctx ends
// or it does.
func Pull(ctx context.Context, r Remote, admit ingest.Admit) (cause error) {
	defer func() {
		if p := recover(); p != nil {
			cause = fmt.Errorf("srt: a panic in the transport stream: %v", p)
		}
	}()
	conn, err := call(r)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it tells the sender, and cannot fail
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	sink, err := admit(ingest.Request{Protocol: "srt", Moduli: []int64{clockWraps}})
	if err != nil {
		return err
	}
	idle := or(r.Idle, idleDefault)
	silence := time.AfterFunc(idle, func() { cancel(ingest.ErrSilent) })
	defer silence.Stop()
	log := r.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	in := &intake{ctx: ctx, session: sink, refused: func(what error) { log.Warn("a track is left out", "why", what) }}
	err = pump(conn, sink, in, func() { silence.Reset(idle) }, func(int) {})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func call(r Remote) (gosrt.Conn, error) {
	c := gosrt.DefaultConfig()
	c.StreamId, c.Passphrase = r.StreamID, r.Passphrase
	c.ReceiverLatency = or(r.Latency, latencyDefault)
	c.PeerIdleTimeout, c.ConnectionTimeout = peerIdle, callWithin
	conn, err := gosrt.Dial("srt", r.Address.String(), c)
	if err == nil {
		return conn, nil
	}
	for _, mark := range []string{"BADSECRET", "UNSECURE", "UNAUTHORIZED", "FORBIDDEN"} {
		if strings.Contains(err.Error(), mark) {
			return nil, ingest.ErrCredentials
		}
	}
	if strings.Contains(err.Error(), "NOTFOUND") {
		return nil, ingest.ErrNoSuchMedia
	}
	return nil, fmt.Errorf("%w: %w", errCall, err)
}

var errCall = errors.New("srt: the listener does not answer, or refuses")

// Reader turns an MPEG transport stream that came by other ways into tracks and frames. One goroutine uses it.
type Reader struct {
	stream *transport
	in     *intake
}

// NewReader makes a reader. refused is told about what is left out.
func NewReader(ctx context.Context, sink ingest.Sink, refused func(what error)) *Reader {
	r := &Reader{in: &intake{ctx: ctx, session: sink, refused: refused}}
	r.stream = &transport{onProgram: r.in.program, onPES: r.in.packet}
	return r
}

// Push takes bytes as they come. An error is final.
func (r *Reader) Push(b []byte) error { return r.stream.push(b) }

// Flush hands on the pictures that only the next one would complete: at the end of a piece.
func (r *Reader) Flush() error {
	for pid, a := range r.stream.streams {
		if a.open && a.want == 0 {
			if err := r.stream.finish(pid, a); err != nil {
				return err
			}
		}
	}
	return nil
}
