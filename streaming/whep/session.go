package whep

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// credentials are one ICE generation of a session: ours, and the viewer's user name fragment.
type credentials struct {
	ufrag, pwd string
	remote     string
}

func newCredentials(remote string) credentials {
	return credentials{ufrag: secret(9), pwd: secret(24), remote: remote}
}

// secret returns n random bytes in the alphabet of ICE.
func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawStdEncoding.EncodeToString(b)
}

// path is where a viewer can be reached: a UDP address, or a TCP connection.
type path struct {
	addr netip.AddrPort
	tcp  *tcpConn
}

func (p path) valid() bool { return p.tcp != nil || p.addr.IsValid() }

func (p path) transport() string {
	if p.tcp != nil {
		return "tcp"
	}
	return "udp"
}

// session is one viewer. What its lock guards is named; the rest does not change once the session is known.
type session struct {
	server       *Server
	id           string
	broadcast    string
	client       netip.Addr // that the limits count
	bearer       string     // what it may watch by, for Recheck
	offer        *offer
	fingerprints []fingerprint
	fan          *rtpfan.Fan
	release      func()
	created      time.Time
	cname        string

	consent atomic.Int64 // when the viewer last passed a check; Unix nanoseconds

	mu        sync.Mutex
	now       credentials
	before    *credentials // until a check with the restarted ones arrives
	etag      string
	paths     []path // that have passed a check, newest last
	route     path   // of the last valid nominated check: media goes there and nowhere else
	counted   string // transport that the metrics count
	home      *shard // that owns the viewer; set by the first valid check and not changed
	shaking   bool   // the handshake has begun
	pipe      *pipe  // below the DTLS; nil when that has served
	conn      *dtls.Conn
	ripe      bool      // conn is about to be replaced
	alert     []byte    // the last one that came for conn
	left      *farewell // by this
	viewer    *rtpfan.Viewer
	decrypt   *srtp.Context
	plain     []byte // scratch of decrypt
	packets   budget // of SRTCP
	missing   budget // packets asked for again
	keys      budget // key pictures asked for
	connected time.Time
	picked    string        // encoding that the viewer stays with; empty: chosen for it
	follower  chan struct{} // closed when another one follows the events
	closed    bool

	done   chan struct{} // closed at the end, after reason was set
	reason string
}

func newSession(s *Server, broadcast string, client netip.Addr, o *offer) *session {
	id := make([]byte, 16)
	rand.Read(id)
	v := &session{
		server: s, id: hex.EncodeToString(id), broadcast: broadcast, client: client, offer: o,
		fingerprints: o.fingerprints, created: s.now(), cname: secret(12),
		now: newCredentials(o.ufrag), etag: newETag(), done: make(chan struct{}),
	}
	v.consent.Store(v.created.UnixNano())
	v.pipe = newPipe(v)
	return v
}

func newETag() string {
	b := make([]byte, 8)
	rand.Read(b)
	return `"` + hex.EncodeToString(b) + `"`
}

// register makes the session known.
func (s *Server) register(v *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return false
	}
	s.sessions[v.id] = v
	s.byUfrag[v.now.ufrag] = v
	return true
}

func (s *Server) session(broadcast, id string) *session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.sessions[id]; v != nil && v.broadcast == broadcast {
		return v
	}
	return nil
}

// over tells why the session has to end now, if it has to.
func (v *session) over(now time.Time) string {
	v.mu.Lock()
	connected, viewer, conn := !v.connected.IsZero(), v.viewer, v.route.tcp
	if connected && now.Sub(v.connected) > servedAfter {
		v.served()
	}
	v.mu.Unlock()
	if !connected {
		if now.Sub(v.created) > handshakeTimeout {
			return "handshake timeout"
		}
		return ""
	}
	if now.Sub(time.Unix(0, v.consent.Load())) > consentTimeout {
		return "consent expired"
	}
	if conn != nil && conn.lost(now) {
		return "connection lost"
	}
	if viewer.Lost() {
		return "fell behind"
	}
	switch err := v.fan.Err(); {
	case !v.follows():
		return CodeCodec
	case err == nil, errors.Is(err, rtpfan.ErrNotReady): // a new generation whose key picture is on its way
		return ""
	case errors.Is(err, streaming.ErrEnded):
		return "ended"
	default:
		return unplayable(err).code
	}
}

// follows tells whether the viewer negotiated the present video format. One without video follows all.
func (v *session) follows() bool {
	f, ok := v.fan.Format()
	if !ok {
		return true
	}
	for _, m := range v.offer.media {
		if m.kind == "video" && !m.inactive {
			return slices.ContainsFunc(m.codecs, func(c codec) bool { return c.format == f })
		}
	}
	return true
}

// close ends the session. It may be called more than once; the first reason counts.
func (v *session) close(reason string) {
	s := v.server
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return
	}
	v.closed, v.reason = true, reason
	close(v.done)
	conn, viewer, connected, paths, counted := v.conn, v.viewer, v.connected, v.paths, v.counted
	p, left, route, home := v.pipe, v.left, v.route, v.home
	now, before := v.now, v.before
	v.mu.Unlock()

	s.mu.Lock()
	delete(s.sessions, v.id)
	delete(s.byUfrag, now.ufrag)
	if before != nil {
		delete(s.byUfrag, before.ufrag)
	}
	for _, p := range paths {
		if s.byAddr[p.addr] == v {
			delete(s.byAddr, p.addr)
		}
	}
	s.mu.Unlock()

	if viewer != nil {
		home.egress.Remove(viewer)
	}
	if home != nil {
		home.viewers.Add(-1)
	}
	if conn != nil {
		_ = conn.Close() // says close_notify
	}
	if p != nil {
		_ = p.Close()
	}
	if left != nil {
		s.send(route, left.notify)
	}
	for _, p := range paths {
		if p.tcp != nil {
			p.tcp.close()
		}
	}
	v.release()
	s.leave(v.client, v.broadcast, !connected.IsZero())
	s.Metrics.end(reason)
	if connected.IsZero() {
		return
	}
	if counted != "" {
		s.Metrics.viewer(counted, -1)
	}
	s.Log.Debug("viewer left", "broadcast", v.broadcast, "session", v.id, "reason", reason)
	if s.OnViewer != nil {
		at := s.now()
		s.OnViewer(ViewerEvent{
			Broadcast: v.broadcast, Session: v.id, At: at, Watched: at.Sub(connected), Reason: reason,
			Stats: viewer.Stats(),
		})
	}
}

// restart begins a new ICE generation. The old one goes on until a check with the new credentials arrives.
func (v *session) restart(remote string) (credentials, string, bool) {
	s := v.server
	fresh := newCredentials(remote)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return credentials{}, "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.before == nil {
		old := v.now
		v.before = &old
	} else {
		delete(s.byUfrag, v.now.ufrag) // a restart that nobody used
	}
	v.now, v.etag = fresh, newETag()
	s.byUfrag[fresh.ufrag] = v
	return fresh, v.etag, true
}
