package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/overlay/likes"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
)

// Authenticator turns a session or API token into who it belongs to. *account.Service is one.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string) (*account.Principal, error)
}

// Replays remembers answers under idempotency keys. *account.Service is one.
type Replays interface {
	// BeginReplay returns the stored answer, or nil to whoever must now act and then End or Drop.
	BeginReplay(ctx context.Context, k account.ReplayKey) ([]byte, error)
	EndReplay(ctx context.Context, k account.ReplayKey, answer []byte) error
	DropReplay(ctx context.Context, k account.ReplayKey)
}

// Server holds the services behind the routes. Fill the fields, then call Handler once.
type Server struct {
	// Required.
	Log      *slog.Logger
	Accounts *account.Service

	// Broadcasts is what is, was and will be on air.
	Broadcasts Broadcasts
	// Access decides who may watch what is not for everybody; without it only the channel's people may.
	Access *access.Service
	// Audience counts viewers; without it nobody watches.
	Audience Audience
	// Recordings knows what can be watched again; without it nothing can.
	Recordings Recordings
	// Rewinds tells whether a broadcast on air can be wound back; without it none can.
	Rewinds func(broadcast string) bool
	// Health knows the publishers; without it their state is not told.
	Health Health
	// Ladders makes smaller pictures of broadcasts; without it there are none.
	Ladders Ladders
	// Publishers knows who publishes on a channel and who stands by; without it there is nobody.
	Publishers Publishers
	// Sources are fetched, Targets are pushed to; without them there are no routes for it.
	Sources Sources
	Targets Targets

	// Videos are what was uploaded or cut out; without them there are no routes for it. VideoProgress, if set, tells how
	// far the making of one is; Reviews, if set, lets shops review first.
	Videos Videos
	// Exports, if set, makes packages of videos.
	Exports Exports
	// Receipts, if set, makes video receipts.
	Receipts Receipts
	// Clips, if set, cuts clips out of recordings and makes files of them.
	Clips         Clips
	VideoProgress func(ctx context.Context, id string) (*VideoProgress, error)
	Reviews       Reviews

	// Shop, Checkout and Instruments sell; without them there are no routes for it.
	Shop        *shop.Service
	Checkout    *checkout.Allocator
	Instruments *payment.Instruments

	// Overlay, Views and Sales are what lies over the picture, who watches, and what it sells; without them there
	// are no routes for it.
	Overlay *overlay.Service
	// Claims, if set, finds claims of fair deals.
	Claims DealClaims
	Views  *views.Service
	Sales  *dashboard.Service
	// VideoSales, if set, tells what was bought from each of some videos and recordings.
	VideoSales func(ctx context.Context, ids []string) (map[string]dashboard.VideoSales, error)

	// Chat and Likes are what viewers say and tap; without them there are no routes for it.
	Chat  *chat.Service
	Likes *likes.Service

	// FeedPages orders the first page; without it there are no routes for it.
	FeedPages *feed.Service

	// LiveBroadcast finds the broadcast that is on air on a channel, "" for none. Without it nothing is.
	LiveBroadcast func(ctx context.Context, channel string) (string, error)
	// Doors say where publishers reach us.
	Doors Doors
	// Auth and Replays default to Accounts.
	Auth    Authenticator
	Replays Replays

	// PublicURL is where browsers find us (scheme://host[:port]). Its scheme decides the cookie, its origin is
	// the one that state-changing requests with a cookie must have. It defaults to http://localhost:8080.
	PublicURL string
	// TrustedProxies may name the client's address in X-Forwarded-For. None by default.
	TrustedProxies []netip.Prefix
	// Demo lifts the limits per address for loopback.
	Demo bool
	// Limits per address; the zero value means the defaults.
	Limits Limits
	// SharedLimits, if set, counts for all nodes.
	SharedLimits *SharedLimits
	// Turnstile, if set, keeps the connections over which integrators order.
	Turnstile *Turnstile
	// Metrics may be nil.
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	declare func(*router) // routes of a test's own
	once    sync.Once
	door    *door
	sold    sources // what purchases come from
	origin  string
	secure  bool
}

// door is what Handler builds once.
type door struct {
	engine    *gin.Engine
	fast      func(http.ResponseWriter, *http.Request) bool // POST /v1/checkout; nil where nothing is sold
	turnstile *Turnstile
	api       huma.API
	routes    []Route
	failed    *limiter // failed log-ins per address
	signups   *limiter
	watches   *limiter
	tokens    *limiter // viewing tokens that are none, per address
	members   *limiter // people looked up by e-mail
	reports   *limiter // messages reported
	taps      *limiter // likes without a WebSocket
	spec      []byte
}

// routes declares every resource; one line each.
func (s *Server) routes(r *router) {
	s.routesAccounts(r)
	s.routesSessions(r)
	s.routesMe(r)
	s.routesTokens(r)
	s.routesShops(r)
	s.routesChannels(r)
	s.routesPublish(r)
	s.routesPublishers(r)
	s.routesLadder(r)
	if s.Sources != nil {
		s.routesSources(r)
	}
	if s.Targets != nil {
		s.routesTargets(r)
	}
	s.routesMembers(r)
	s.routesChat(r)
	s.routesBroadcasts(r)
	if s.Access != nil {
		s.routesAccess(r)
	}
	if s.Shop != nil {
		s.routesProducts(r)
		s.routesCheckout(r)
		s.routesWaits(r)
		s.routesOrders(r)
		s.routesPayments(r)
	}
	if s.Overlay != nil {
		s.routesPins(r)
		s.routesSets(r)
		s.routesDeals(r)
		s.routesScene(r)
		s.routesEvents(r)
		s.describeFeeds(r)
	}
	if s.Videos != nil && s.Overlay != nil {
		s.routesVideos(r)
		s.routesCaptions(r)
		if s.Clips != nil {
			s.routesClips(r)
		}
		if s.Exports != nil {
			s.routesExports(r)
		}
	}
	if s.VideoSales != nil && s.Videos != nil {
		s.routesVideoSales(r)
	}
	if s.FeedPages != nil {
		s.routesFeedPage(r)
	}
	if s.Receipts != nil {
		s.routesReceipts(r)
	}
	if s.Views != nil {
		s.routesViews(r)
	}
	if s.Sales != nil {
		s.routesSales(r)
	}
}

// Handler is the whole of /v1, with its own problems for unknown paths and methods. cmd puts it behind the media
// paths.
func (s *Server) Handler() http.Handler {
	s.build()
	return s.door
}

// Routes lists every registered route with what it needs.
func (s *Server) Routes() []Route {
	s.build()
	return s.door.routes
}

var quietGin sync.Once

func (s *Server) build() {
	s.once.Do(func() {
		// gin prints its routes to stdout in any other mode; the mode is a global of its own.
		quietGin.Do(func() { gin.SetMode(gin.ReleaseMode) })
		if s.Now == nil {
			s.Now = time.Now
		}
		if s.PublicURL == "" {
			s.PublicURL = "http://localhost:8080"
		}
		s.origin, s.secure = originOf(s.PublicURL)
		limits := s.Limits.withDefaults()
		d := &door{
			failed:  newLimiter(limits.FailedLogins, limits.Window),
			signups: newLimiter(limits.SignUps, limits.Window),
			watches: newLimiter(limits.Watches, limits.Window),
			tokens:  newLimiter(limits.FailedTokens, limits.Window),
			members: newLimiter(limits.Members, limits.Window),
			reports: newLimiter(reportsPerWindow, limits.Window),
			taps:    newLimiter(tapsPerWindow, limits.Window),
		}
		for name, l := range map[string]*limiter{"failed": d.failed, "signups": d.signups, "watches": d.watches, "members": d.members} {
			l.name, l.shared = name, s.SharedLimits
		}
		s.door = d
		e := gin.New()
		e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
		e.Use(s.observe, s.recover, headers)
		e.NoRoute(func(c *gin.Context) {
			s.write(c, problemFor(http.StatusNotFound, "not-found", "There is nothing at this address."))
		})
		e.NoMethod(func(c *gin.Context) {
			s.write(c, problemFor(http.StatusMethodNotAllowed, "method-not-allowed", "This address does not know the method."))
		})
		if s.Shop != nil {
			d.fast, d.turnstile = s.buyFast, s.Turnstile
			if d.turnstile != nil {
				d.turnstile.server = s
			}
		}
		d.engine, d.api = e, humagin.New(e, humaConfig())
		r := &router{server: s, api: d.api, owners: map[Kind]OwnerFunc{}}
		s.routes(r)
		if s.declare != nil {
			s.declare(r)
		}
		r.check()
		d.routes = r.declared
		d.spec = mustSpec(d.api)
		e.GET("/v1/openapi.json", func(c *gin.Context) {
			c.Header("Cache-Control", "public, max-age=300")
			c.Data(http.StatusOK, "application/openapi+json", d.spec)
		})
	})
}

func originOf(public string) (origin string, secure bool) {
	u, err := url.Parse(public)
	if err != nil || u.Host == "" {
		return "", false
	}
	return u.Scheme + "://" + u.Host, u.Scheme == "https"
}

// safeHeaders are on every answer of the API, which is never a page.
var safeHeaders = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

func headers(c *gin.Context) {
	h := c.Writer.Header()
	for name, value := range safeHeaders {
		h.Set(name, value)
	}
	c.Next()
}
