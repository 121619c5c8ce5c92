package rtsp

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Player serves those who come to watch.
type Player interface {
	// Open lets a viewer in, or says why not: ingest.ErrRefused, streaming.ErrNotFound, streaming.ErrOffAir or
	// another error.
	Open(ctx context.Context, server *gortsplib.Server, r ingest.PlayRequest) (Viewing, error)
}

// Viewing is one viewer's stay. It is closed when its connection or session ends.
type Viewing interface {
	Stream() *gortsplib.ServerStream
	Play(s *gortsplib.ServerSession, udp bool) error
	Close()
}

const appName = "live"

// asked is a connection that has asked for a stream and not set it up yet.
type asked struct {
	target, secret string
	viewing        Viewing
}

// OnDescribe tells a viewer what there is to watch.
func (h *handler) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	v, refusal, err := h.open(c.Conn, c.Request, c.Path, c.Query)
	if v == nil {
		return refusal, nil, err
	}
	return answer(base.StatusOK), v.Stream(), nil
}

// open lets a viewer in, once per connection and what it asks for.
func (h *handler) open(conn *gortsplib.ServerConn, r *base.Request, path, query string) (Viewing, *base.Response, error) {
	s := h.server
	ctx := s.context()
	if ctx == nil {
		return nil, answer(base.StatusServiceUnavailable), ingest.ErrStopping
	}
	if s.Player == nil {
		return nil, answer(base.StatusNotImplemented), errPlay
	}
	target, secret := playTarget(r, path, query)
	if a, _ := conn.UserData().(*asked); a != nil {
		if a.target == target && a.secret == secret && a.viewing != nil {
			return a.viewing, nil, nil
		}
		a.drop()
	}
	limited, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	v, err := s.Player.Open(limited, s.rtsp, ingest.PlayRequest{
		Protocol: "rtsp", Broadcast: target, Secret: secret, RemoteAddr: conn.NetConn().RemoteAddr().String(),
	})
	if err == nil {
		conn.SetUserData(&asked{target, secret, v})
		return v, nil, nil
	}
	guard, _ := conn.NetConn().(*guarded) // the door made it
	switch {
	case errors.Is(err, ingest.ErrRefused) && secret == "":
		guard.excuse() // players ask first without
		return nil, answer(base.StatusUnauthorized), liberrors.ErrServerAuth{}
	case errors.Is(err, ingest.ErrRefused):
		guard.mustFail()
		return nil, answer(base.StatusUnauthorized), err // one attempt per connection
	case errors.Is(err, streaming.ErrNotFound), errors.Is(err, streaming.ErrOffAir):
		guard.excuse()
		return nil, answer(base.StatusNotFound), err
	}
	guard.excuse()
	s.Log.Warn("viewer refused", "protocol", "rtsp", "broadcast", target, "why", err)
	return nil, answer(base.StatusServiceUnavailable), err
}

func (a *asked) drop() {
	if a.viewing != nil {
		a.viewing.Close()
		a.viewing = nil
	}
}

// setup gives the connection's viewing to its session.
func (h *handler) setup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if v := viewingOf(c.Session); v != nil {
		h.turn.take(c.Conn)
		return answer(base.StatusOK), v.Stream(), nil
	}
	if c.Transport == gortsplib.TransportUDPMulticast {
		return answer(base.StatusUnsupportedTransport), nil, nil
	}
	v, refusal, err := h.open(c.Conn, c.Request, c.Path, c.Query)
	if v == nil {
		return refusal, nil, err
	}
	if a, _ := c.Conn.UserData().(*asked); a != nil {
		a.viewing = nil // the session's from here on
	}
	c.Session.SetUserData(v)
	h.turn.take(c.Conn)
	return answer(base.StatusOK), v.Stream(), nil
}

// OnResponse ends a viewer's turn: the library has taken the SETUP in.
func (h *handler) OnResponse(c *gortsplib.ServerConn, _ *base.Response) { h.turn.giveBack(c) }

// turn lets one viewer at a time set a track up, from our answer until the library's. In between it writes down what
// the session has set up, without a lock, where a SETUP of another session on the same stream reads it.
type turn struct {
	mu     sync.Mutex
	holder atomic.Pointer[gortsplib.ServerConn]
}

func (t *turn) take(c *gortsplib.ServerConn) {
	t.mu.Lock()
	t.holder.Store(c)
}

func (t *turn) giveBack(c *gortsplib.ServerConn) {
	if t.holder.CompareAndSwap(c, nil) {
		t.mu.Unlock()
	}
}

// OnPlay lets the packets flow.
func (h *handler) OnPlay(c *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	v := viewingOf(c.Session)
	if v == nil {
		return answer(base.StatusBadRequest), errOrder
	}
	if err := v.Play(c.Session, *c.Session.SetuppedTransport() == gortsplib.TransportUDP); err != nil {
		return answer(base.StatusServiceUnavailable), err
	}
	if guard, ok := c.Conn.NetConn().(*guarded); ok {
		guard.admit()
		guard.records()
	}
	return answer(base.StatusOK), nil
}

// OnConnClose ends what a connection asked for and never set up.
func (h *handler) OnConnClose(c *gortsplib.ServerHandlerOnConnCloseCtx) {
	if a, _ := c.Conn.UserData().(*asked); a != nil {
		a.drop()
	}
}

func viewingOf(s *gortsplib.ServerSession) Viewing {
	v, _ := s.UserData().(Viewing)
	return v
}

// playTarget finds what a viewer asks for: rtsp://host/live/{broadcast}, the grant or viewing token as password, or in
// the query.
func playTarget(r *base.Request, path, query string) (broadcast, secret string) {
	broadcast = strings.Trim(path, "/")
	if rest, ok := strings.CutPrefix(broadcast, appName+"/"); ok {
		broadcast = rest
	}
	if strings.Contains(broadcast, "/") {
		broadcast = ""
	}
	var a headers.Authorization
	if err := a.Unmarshal(r.Header["Authorization"]); err == nil && a.Method == headers.AuthMethodBasic && a.BasicPass != "" {
		return bounded(broadcast), bounded(a.BasicPass)
	}
	values, _ := url.ParseQuery(strings.TrimSuffix(query, "/")) // what cannot be read says nothing
	for _, name := range []string{"grant", "token"} {
		if v := values.Get(name); v != "" {
			return bounded(broadcast), bounded(v)
		}
	}
	return bounded(broadcast), ""
}
