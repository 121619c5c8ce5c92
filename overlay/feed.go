package overlay

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const (
	tick            = 50 * time.Millisecond // what is not urgent leaves at its end
	tickMost        = 4 * tick              // or, in a room with very many readers, at the latest then
	roomKept        = 10 * time.Second      // a room without readers waits this long for the next
	roomReadyWithin = 5 * time.Second       // for the first subscription of a room

	connectionsDefault = 200_000
	perAddressDefault  = 20_000
)

// What the feed refuses.
var (
	ErrFeedOrigin    = errors.New("overlay: a feed that relies on a cookie must be opened from our own pages")
	ErrFeedFull      = errors.New("overlay: this node follows as many feeds as it can")
	ErrFeedAddress   = errors.New("overlay: too many feeds from one address")
	ErrFeedUpgrade   = errors.New("overlay: a feed is a WebSocket, or server-sent events where Accept asks for them")
	ErrFeedHandshake = errors.New("overlay: this is not a WebSocket handshake")
	ErrFeedClosed    = errors.New("overlay: the feed is not running")
	ErrFeedPath      = errors.New("overlay: there is no feed at this address")
)

// Access says who may follow which topic.
type Access interface {
	// MayFollow returns nil, or why not. cookie says that the answer relied on a cookie that the browser sent.
	MayFollow(r *http.Request, topic string) (cookie bool, err error)
}

// FeedLimits bounds the connections. The zero value means the defaults.
type FeedLimits struct {
	Connections int `yaml:"connections"` // on this node; default 200,000
	PerAddress  int `yaml:"per_address"` // from one address (IPv6: one /64); default 20,000
}

// Feed carries topics to everybody who follows: GET /v1/broadcasts/{id}/feed and /v1/shops/{id}/feed, WebSocket
// or server-sent events. Each topic is read from the bus once; its events leave in batches that are encoded once
// and shared. Set the fields, start Run, then serve.
type Feed struct {
	// Required.
	Bus    event.Bus
	Access Access
	Log    *slog.Logger

	// Upstream, if set, takes viewers' messages that no handler takes (Handle); without it they are counted and
	// dropped.
	Upstream Upstream
	// Who, if set, says who opens a feed. cookie says that the answer relied on a cookie; it holds on our own
	// pages only, elsewhere the reader is a guest.
	Who func(r *http.Request, topic string) (c Caller, cookie bool)
	// PublicURL's origin is the one that an upgrade must come from where it relies on a cookie.
	PublicURL string
	Limits    FeedLimits
	// NoLimits lists addresses that the limit per address does not apply to (loopback in demo mode).
	NoLimits func(netip.Addr) bool
	// Address finds the client's address; it defaults to the connection's.
	Address func(*http.Request) netip.Addr
	// Problem answers a refused request; it defaults to a plain text with the fitting status.
	Problem func(w http.ResponseWriter, r *http.Request, err error)
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	mu      sync.Mutex // before room.mu
	running bool
	ctx     context.Context
	rooms   map[string]*room
	shards  []*shard
	addrs   map[netip.Addr]int
	total   int
	turn    atomic.Uint64  // the shard of the next connection
	work    sync.WaitGroup // rooms and connections
	dirtyMu sync.Mutex
	dirty   []*room
	ticking chan struct{}

	handlers map[string]handling          // not changed after Run
	class    func(event.Kind) event.Class // of a test; else the kinds' own
}

// Run carries what the feed owns until ctx ends; then it says goodbye to every reader and returns when all have
// left.
func (f *Feed) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	f.mu.Lock()
	if f.running || f.shards != nil {
		f.mu.Unlock()
		return errors.New("overlay: a feed runs once")
	}
	f.ctx, f.rooms, f.addrs, f.ticking = inner, map[string]*room{}, map[netip.Addr]int{}, make(chan struct{}, 1)
	for range runtime.GOMAXPROCS(0) {
		f.shards = append(f.shards, newShard(f))
	}
	f.running = true
	f.mu.Unlock()

	var own sync.WaitGroup
	for i, s := range f.shards {
		own.Go(func() { s.run(inner, f, i) })
		if s.poll != nil {
			own.Go(func() {
				if err := s.poll.run(s, f.now); err != nil {
					f.Log.Error("feed: a shard is deaf", "error", err)
				}
			})
		}
	}
	own.Go(func() { f.tickRooms(inner) })
	own.Go(func() { f.sweep(inner) })

	<-ctx.Done()
	f.mu.Lock()
	f.running = false
	rooms := make([]*room, 0, len(f.rooms))
	for _, r := range f.rooms {
		rooms = append(rooms, r)
	}
	f.mu.Unlock()
	for _, r := range rooms {
		for _, k := range r.all() {
			k.leave()
		}
		r.stop()
	}
	f.work.Wait()
	cancel()
	for _, s := range f.shards {
		if s.poll != nil {
			_ = s.poll.close()
		}
	}
	own.Wait()
	return nil
}

// ServeHTTP opens a feed.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := f.serve(w, r); err != nil {
		f.Metrics.refused(err)
		if f.Problem != nil {
			f.Problem(w, r, err)
			return
		}
		http.Error(w, err.Error(), statusOf(err))
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrFeedPath), errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrFeedUpgrade):
		return http.StatusUpgradeRequired
	case errors.Is(err, event.ErrBadPosition), errors.Is(err, ErrFeedHandshake):
		return http.StatusBadRequest
	case errors.Is(err, ErrFeedAddress):
		return http.StatusTooManyRequests
	case errors.Is(err, ErrFeedFull), errors.Is(err, ErrFeedClosed):
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}

// request is what a client asked for.
type request struct {
	topic   string
	session string
	caller  Caller
	since   *event.Position
	addr    netip.Addr
	socket  bool
}

// from is who asked, with the address.
func (q request) from() Caller {
	q.caller.Address = q.addr
	return q.caller
}

func (f *Feed) serve(w http.ResponseWriter, r *http.Request) error {
	q, err := f.read(r)
	if err != nil {
		return err
	}
	cookie, err := f.Access.MayFollow(r, q.topic)
	if err != nil {
		return err
	}
	if cookie && !f.ownOrigin(r, q.socket) {
		return ErrFeedOrigin
	}
	accept := ""
	if q.socket {
		if accept, err = handshake(r); err != nil {
			return err
		}
	}
	if f.Who != nil {
		c, cookie := f.Who(r, q.topic)
		if !cookie || f.ownOrigin(r, q.socket) {
			q.caller = c
		} else {
			q.caller = Caller{Grant: c.Grant} // it stood in the address
		}
	}
	if err := f.admit(q.addr); err != nil {
		return err
	}
	if q.socket {
		return f.serveSocket(w, r, q, accept)
	}
	return f.serveEvents(w, r, q)
}

// read parses the request; everything in it is a stranger's.
func (f *Feed) read(r *http.Request) (request, error) {
	query := r.URL.Query()
	q := request{addr: f.address(r), session: strings.Clone(query.Get("session"))} // it outlives the request
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	kind, rest, ok2 := strings.Cut(rest, "/")
	id, tail, ok3 := strings.Cut(rest, "/")
	if !ok || !ok2 || !ok3 || tail != "feed" || id == "" || len(id) > 64 || r.Method != http.MethodGet {
		return q, ErrFeedPath
	}
	switch kind {
	case "broadcasts":
		q.topic = event.BroadcastTopic(id)
	case "shops":
		q.topic = event.ShopTopic(id)
	default:
		return q, ErrFeedPath
	}
	if len(q.session) > 64 {
		q.session = ""
	}
	q.socket = strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if !q.socket && !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return q, ErrFeedUpgrade
	}
	since := query.Get("since")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		since = last
	}
	if since != "" {
		p, err := event.ParsePosition(since)
		if err != nil {
			return q, err
		}
		q.since = &p
	}
	return q, nil
}

// ownOrigin tells whether the browser says that one of our pages asks. Scripts can forge neither header.
func (f *Feed) ownOrigin(r *http.Request, socket bool) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return origin == originOf(f.PublicURL)
	}
	return !socket && r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// originOf keeps scheme://host[:port] of a URL.
func originOf(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

func (f *Feed) address(r *http.Request) netip.Addr {
	var a netip.Addr
	if f.Address != nil {
		a = f.Address(r)
	} else if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// admit counts a connection in, or refuses it.
func (f *Feed) admit(a netip.Addr) error {
	total, per := f.Limits.Connections, f.Limits.PerAddress
	if total == 0 {
		total = connectionsDefault
	}
	if per == 0 {
		per = perAddressDefault
	}
	free := f.NoLimits != nil && f.NoLimits(a)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.running:
		return ErrFeedClosed
	case f.total >= total:
		return ErrFeedFull
	case f.addrs[a] >= per && !free:
		return ErrFeedAddress
	}
	f.total++
	f.addrs[a]++
	f.work.Add(1)
	return nil
}

// release is the other end of admit.
func (f *Feed) release(a netip.Addr) {
	f.mu.Lock()
	f.total--
	if f.addrs[a]--; f.addrs[a] == 0 {
		delete(f.addrs, a)
	}
	f.mu.Unlock()
	f.work.Done()
}

func (f *Feed) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// classOf says how a kind travels.
func (f *Feed) classOf(k event.Kind) event.Class {
	if f.class != nil {
		return f.class(k)
	}
	return k.Class()
}
