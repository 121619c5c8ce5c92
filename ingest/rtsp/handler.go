package rtsp

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	admitTimeout = 5 * time.Second
	keyBytesMax  = 256
	encoderMax   = 64
)

// handler answers the requests that gortsplib has read. Its methods run on the goroutines of connections and sessions.
type handler struct {
	server *Server
	turn   turn // of viewers that set up
}

var (
	_ gortsplib.ServerHandlerOnAnnounce     = (*handler)(nil)
	_ gortsplib.ServerHandlerOnSetup        = (*handler)(nil)
	_ gortsplib.ServerHandlerOnRecord       = (*handler)(nil)
	_ gortsplib.ServerHandlerOnDescribe     = (*handler)(nil)
	_ gortsplib.ServerHandlerOnResponse     = (*handler)(nil)
	_ gortsplib.ServerHandlerOnPlay         = (*handler)(nil)
	_ gortsplib.ServerHandlerOnConnClose    = (*handler)(nil)
	_ gortsplib.ServerHandlerOnSessionClose = (*handler)(nil)
	_ gortsplib.ServerHandlerOnPacketsLost  = (*handler)(nil)
)

// OnAnnounce admits a publisher.
func (h *handler) OnAnnounce(c *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	s := h.server
	ctx := s.context()
	if ctx == nil {
		return answer(base.StatusServiceUnavailable), ingest.ErrStopping
	}
	guard, _ := c.Conn.NetConn().(*guarded) // the door made it
	query, _ := url.ParseQuery(c.Query)     // what cannot be read says nothing
	key := streamKey(c.Request, query)
	if key == "" {
		guard.excuse() // most encoders ask first without
		return answer(base.StatusUnauthorized), liberrors.ErrServerAuth{}
	}
	remote := c.Conn.NetConn().RemoteAddr().String()
	log := s.Log.With("protocol", "rtsp", "remote", remote)
	p := &publisher{
		rtsp: c.Session, metrics: s.Metrics, log: log, idle: or(s.Config.Idle, idleDefault),
		inbox: make(chan event, inboxMax), gone: make(chan struct{}),
	}
	if err := p.tracks(c.Description); err != nil {
		log.Warn("publisher refused", "why", err)
		return answer(base.StatusUnsupportedMediaType), err
	}
	limited, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	session, err := s.Sessions.Admit(limited, ingest.Request{
		Protocol: "rtsp", StreamKey: key, RemoteAddr: remote, Encoder: encoder(c.Request), Backup: query.Get("backup") == "1",
	})
	switch {
	case errors.Is(err, ingest.ErrRefused):
		guard.mustFail()
		return answer(base.StatusUnauthorized), err // one attempt per connection
	case errors.Is(err, streaming.ErrResting):
		guard.excuse()
		return answer(base.StatusForbidden), err
	case err != nil:
		guard.excuse()
		log.Warn("publisher refused", "why", err)
		return answer(base.StatusServiceUnavailable), err
	}
	guard.admit()
	p.ingest, p.sink = session, session
	c.Session.SetUserData(p)
	if !s.start(p) {
		session.End(ingest.ErrStopping)
		session.Close()
		c.Session.SetUserData(nil)
		return answer(base.StatusServiceUnavailable), ingest.ErrStopping
	}
	return answer(base.StatusOK), nil
}

// OnSetup lets publishers set their tracks up, and viewers what they want of the stream.
func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if publisherOf(c.Session) == nil {
		return h.setup(c)
	}
	return answer(base.StatusOK), nil, nil
}

var (
	errPlay  = errors.New("rtsp: this server plays no RTSP")
	errOrder = errors.New("rtsp: RECORD without ANNOUNCE, or PLAY without SETUP")
)

// OnRecord opens the way for the packets.
func (h *handler) OnRecord(c *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	p := publisherOf(c.Session)
	if p == nil {
		return answer(base.StatusBadRequest), errOrder
	}
	if guard, ok := c.Conn.NetConn().(*guarded); ok {
		guard.records()
	}
	p.listen(c.Session)
	return answer(base.StatusOK), nil
}

// OnSessionClose tells the publisher's loop that nothing more will come, or that the viewer has left.
func (h *handler) OnSessionClose(c *gortsplib.ServerHandlerOnSessionCloseCtx) {
	if v := viewingOf(c.Session); v != nil {
		v.Close()
	}
	if p := publisherOf(c.Session); p != nil {
		close(p.gone)
	}
}

// OnPacketsLost counts.
func (h *handler) OnPacketsLost(c *gortsplib.ServerHandlerOnPacketsLostCtx) {
	if p := publisherOf(c.Session); p != nil {
		p.lost.Add(c.Lost)
	}
}

func publisherOf(s *gortsplib.ServerSession) *publisher {
	p, _ := s.UserData().(*publisher)
	return p
}

func answer(status base.StatusCode) *base.Response { return &base.Response{StatusCode: status} }

// streamKey finds the stream key: the password, or the key parameter of the URL.
func streamKey(r *base.Request, query url.Values) string {
	var a headers.Authorization
	if err := a.Unmarshal(r.Header["Authorization"]); err == nil && a.Method == headers.AuthMethodBasic && a.BasicPass != "" {
		return bounded(a.BasicPass)
	}
	return bounded(query.Get("key"))
}

func bounded(s string) string {
	if len(s) > keyBytesMax {
		return ""
	}
	return s
}

// encoder bounds what a stranger says of itself.
func encoder(r *base.Request) string {
	said := r.Header["User-Agent"]
	if len(said) == 0 {
		return ""
	}
	out := []rune(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, said[0]))
	return string(out[:min(len(out), encoderMax)])
}
