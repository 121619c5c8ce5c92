package rtmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib"

	"github.com/hawkerlive/hawker/ingest"
)

const (
	callWithin       = 10 * time.Second
	eventPingRequest = 6 // of user control messages (RTMP 1.0, 7.1.7)
	eventPingAnswer  = 7
)

// Remote is a server whose stream we play.
type Remote struct {
	URL  *url.URL // rtmp://host/app/name, rtmps://…; with user and password where it asks for them
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  func(ctx context.Context, network, address string) (net.Conn, error) // the same, encrypted

	// Optional, with defaults.
	Idle time.Duration // time without media that ends it; defaults to 15 s
	Log  *slog.Logger  // defaults to discarding
}

// Pull plays a stream into the sink that admit gives once the server has agreed, until ctx ends or the stream does.
func Pull(ctx context.Context, r Remote, admit ingest.Admit) (cause error) {
	defer func() {
		if p := recover(); p != nil {
			cause = fmt.Errorf("rtmp: a panic in the connection: %v", p)
		}
	}()
	idle := or(r.Idle, idleDefault)
	net, wire, err := r.call(ctx, idle)
	if err != nil {
		return err
	}
	defer func() { _ = net.Close() }() // both sides are done with it
	defer context.AfterFunc(ctx, net.stop)()
	sink, err := admit(ingest.Request{Protocol: "rtmp", Moduli: moduli})
	if err != nil {
		return err
	}
	log := r.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	wire.chunks.trusted = true
	in := &intake{session: ingest.Layers(sink), refused: func(err error) { log.Warn("a track is left out", "why", err) }}
	net.until = time.Now().Add(idle)
	for {
		m, err := wire.next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ingest.ErrSilent
		case err != nil:
			return err
		}
		switch m.kind {
		case typeAudio, typeVideo:
			net.until = time.Now().Add(idle)
		case typeUserControl:
			if err := answerPing(net, m.body); err != nil {
				return err
			}
			continue
		case typeCommandAMF0:
			if strings.Contains(string(m.body), "UnpublishNotify") {
				return errOver
			}
			continue
		}
		if err := in.take(ctx, m); err != nil {
			return err
		}
	}
}

var errOver = errors.New("rtmp: the stream has ended there")

// answered is a connection that hands gortmplib whole commands only, as our own listener does.
type answered struct {
	*deadlineConn
	wire     *wire
	commands plainCommands
}

func (a *answered) Read(p []byte) (int, error) { return a.commands.Read(p) }

// call dials and asks for the stream.
func (r Remote) call(ctx context.Context, idle time.Duration) (*deadlineConn, *wire, error) {
	u, err := remoteURL(r.URL)
	if err != nil {
		return nil, nil, err
	}
	var out *answered
	c := &gortmplib.Client{URL: u, DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dial := r.Dial
		if u.Scheme == "rtmps" {
			dial = r.TLS
		}
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		out = &answered{deadlineConn: &deadlineConn{Conn: raw, idle: idle}}
		out.wire = newWire(out.deadlineConn)
		out.commands.wire = out.wire
		return out, nil
	}}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	if err := c.Initialize(ctx); err != nil {
		return nil, nil, refusal(err)
	}
	return out.deadlineConn, out.wire, nil
}

// remoteURL puts the name of the stream where gortmplib wants it: behind the app, as a fragment.
func remoteURL(u *url.URL) (*url.URL, error) {
	path := strings.Trim(u.Path, "/")
	at := strings.LastIndexByte(path, '/')
	if path == "" || u.Host == "" {
		return nil, ingest.ErrNoSuchMedia
	}
	out := &url.URL{Scheme: u.Scheme, Host: u.Host, User: u.User, Path: "/" + path}
	if at >= 0 {
		out.Path, out.Fragment = "/"+path[:at], path[at+1:]
	}
	if u.RawQuery != "" {
		out.Fragment += "?" + u.RawQuery
	}
	return out, nil
}

// refusal names why a server does not give the stream. What it said of itself is not repeated.
func refusal(err error) error {
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ingest.ErrSilent
	case strings.HasPrefix(text, "bad result"):
		if strings.Contains(text, "auth") {
			return ingest.ErrCredentials
		}
		return ingest.ErrNoSuchMedia
	case strings.Contains(text, "authentication"), strings.Contains(text, "credentials"):
		return ingest.ErrCredentials
	}
	return err
}

// answerPing keeps the connection: some servers close one that does not answer.
func answerPing(c net.Conn, body []byte) error {
	if len(body) < 6 || body[0] != 0 || body[1] != eventPingRequest {
		return nil
	}
	raw := append([]byte{2, 0, 0, 0, 0, 0, 6, typeUserControl, 0, 0, 0, 0, 0, eventPingAnswer}, body[2:6]...)
	_, err := c.Write(raw)
	return err
}
