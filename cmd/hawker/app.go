package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/dashboardsql"
	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/dashboard/views/viewssql"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/ingest/srt"
	"github.com/hawkerlive/hawker/ingest/upload"
	"github.com/hawkerlive/hawker/ingest/whip"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/overlay/likes"
	"github.com/hawkerlive/hawker/overlay/overlaysql"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/audio"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/play"
	"github.com/hawkerlive/hawker/streaming/relay"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
	"github.com/hawkerlive/hawker/streaming/transcode"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
	"github.com/hawkerlive/hawker/streaming/whep"
	"github.com/hawkerlive/hawker/web"
)

// How long stopping may take in all, and what of it each stage leaves for every one that stops after it. A stage that
// is done early leaves its time to the rest: doors that close at once give checkout four seconds to finish.
const (
	stopWithin = 4500 * time.Millisecond
	stopShare  = 600 * time.Millisecond
	chargesEnd = 1500 * time.Millisecond // charges under way; what takes longer is asked for again at the next start
)

// app is the whole program, wired. It is the only place where rooms meet.
type app struct {
	config config.Config
	log    *slog.Logger
	demo   bool

	addresses map[string]string // by the name of their setting, when started
	listeners map[string]net.Listener

	certificates *certificates // nil without TLS
	demoData     *demoData

	registry   *prometheus.Registry
	main       *store.DB
	activity   *store.DB
	blobs      *store.Blobs
	bus        event.Bus
	nodes      *nodes // nil: there is this node alone
	wakeFacts  chan struct{}
	wakeViews  chan struct{}
	accounts   *account.Service
	ring       *account.Ring
	access     *access.Service
	door       *doorkeeper
	hub        *streaming.Hub
	broadcasts *streaming.Broadcasts
	sessions   *ingest.Sessions
	legs       *audio.Legs
	shop       *shop.Service
	sandbox    *payment.Sandbox
	book       *payment.Book
	payments   *payment.Instruments
	allocator  *checkout.Allocator
	overlay    *overlay.Service
	forwarder  *overlay.Forwarder
	dealer     *overlay.Dealer
	feed       *overlay.Feed
	forYou     *feed.Service
	chat       *chat.Service
	likes      *likes.Service
	views      *views.Service
	dashboard  *dashboard.Service
	fold       *dashboard.Fold
	rtmp       *rtmp.Server
	rtmps      *rtmp.Server // nil without a certificate
	srt        *srt.Server
	rtsp       *rtsp.Server
	play       *play.Server
	relay      *relay.Server
	whip       *whip.Server
	whep       *whep.Server
	hls        *hls.Server
	ladders    *transcode.Legs
	ways       ways
	recorder   *vod.Recorder // nil where nothing is recorded
	replays    *vod.Server
	library    *vod.Library
	clipper    *vod.Clipper
	maker      *making.Maker
	uploads    *upload.Server
	dates      *pinDates
	api        *api.Server

	stages []*stage // in the order in which they were started
	once   sync.Once
	failed chan error
}

// run starts the program, calls ready, and stops it when ctx ends or a part fails.
func (a *app) run(ctx context.Context, ready func(context.Context) error) error {
	began := time.Now()
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.stop())
	}
	err := a.writeReady()
	if err == nil && ready != nil {
		err = ready(ctx)
	}
	if err == nil {
		a.log.Info("ready", "version", version, "took", time.Since(began).Round(time.Millisecond), "http", a.addresses["http"])
		select {
		case <-ctx.Done():
			a.log.Info("stopping")
		case err = <-a.failed:
			a.log.Error("a part failed, stopping", "error", err)
		}
	}
	return errors.Join(err, a.stop())
}

// start builds and starts everything, from the databases up to the doors.
func (a *app) start(ctx context.Context) error {
	a.failed = make(chan error, 1)
	a.addresses = map[string]string{}
	a.registry = prometheus.NewRegistry()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, step := range []func(context.Context) error{
		a.raiseFiles, a.openListeners, a.openStores, a.buildAccounts, a.buildStreaming, a.buildAccess, a.buildShop, a.buildOverlay, a.buildChat, a.buildDoors,
		a.startFacts, a.startServices, a.seed, a.startDoors, a.startShow,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openListeners opens the HTTP ports first: a port that is taken is told before anything else is done, and the public
// URL of port 0 is known.
func (a *app) openListeners(context.Context) error {
	a.listeners = map[string]net.Listener{}
	for name, address := range map[string]string{"http": a.config.HTTP.Listen, "metrics": a.config.Metrics.Listen} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen for %s: %w", name, err)
		}
		a.listeners[name], a.addresses[name] = l, l.Addr().String()
	}
	a.config.PublicURL = a.publicURL()
	return a.openCertificates()
}

func (a *app) openStores(ctx context.Context) (err error) {
	c := store.Config{Database: a.config.Database, Dir: a.config.Data}
	if a.main, err = store.Open(ctx, c, store.Hawker); err != nil {
		return err
	}
	if a.activity, err = store.Open(ctx, c, store.Activity); err != nil {
		return err
	}
	a.blobs, err = store.OpenBlobs(ctx, blobConfig(a.config))
	a.openBus()
	a.wakeFacts, a.wakeViews = make(chan struct{}, 1), make(chan struct{}, 1)
	return err
}

func (a *app) buildAccounts(ctx context.Context) error {
	secret, err := account.SecretKey(filepath.Join(a.config.Data, "secret_key"))
	if err != nil {
		return err
	}
	sealer, err := account.NewSealer(secret)
	if err != nil {
		return err
	}
	accounts := &accountsql.Store{DB: a.main}
	a.accounts = &account.Service{
		Store: accounts, Sealer: sealer, Log: a.log, Metrics: account.NewMetrics(a.registry),
		OnRevoked: func(channel, key string) { a.sessions.Kick(channel, key) },
	}
	a.ring = &account.Ring{Store: accounts, Sealer: sealer, Log: a.log}
	a.nodes.shareAccounts(a.accounts)
	a.accounts.PublishSigner = a.ring.For(account.PurposePublish)
	return a.ring.Load(ctx)
}

func (a *app) buildStreaming(context.Context) error {
	a.hub = &streaming.Hub{Config: a.config.Streaming, Log: a.log}
	a.broadcasts = &streaming.Broadcasts{
		Store: &streamingsql.Store{DB: a.main}, Hub: a.hub, Channels: a.accounts, Log: a.log,
		Grace: a.config.Broadcast.Grace, Silence: a.config.Broadcast.Silence, Rest: a.config.Broadcast.Rest, Leases: leases(a.main), Lease: a.config.Broadcast.Lease,
	}
	a.hub.Watch = a.broadcasts.Watch()
	a.sessions = &ingest.Sessions{
		Hub: a.hub, Authorizer: publishers{a.accounts}, Broadcasts: a.broadcasts, Config: a.config.Ingest, Log: a.log,
		Metrics: ingest.NewMetrics(a.registry),
	}
	a.legs = &audio.Legs{Log: a.log, Metrics: audio.NewMetrics(a.registry), Foreign: &audio.Foreign{Program: a.config.Transcode.FFmpeg}}
	return nil
}

func (a *app) buildShop(context.Context) error {
	rows := &shopsql.Store{DB: a.main}
	quotes := &shop.Quotes{Signer: a.ring.For(account.PurposeQuote), Now: time.Now}
	secret, err := a.sandboxSecret()
	if err != nil {
		return err
	}
	if path := a.config.Sandbox.Book; path != "" {
		if a.book, err = payment.OpenBook(path); err != nil {
			return err
		}
	}
	a.sandbox = &payment.Sandbox{
		Book: a.book, Books: rows, Secret: secret, Log: a.log, PublicURL: a.config.PublicURL,
		Deliver: func(ctx context.Context, header map[string][]string, body []byte) error {
			return a.allocator.Webhook(ctx, payment.SandboxName, header, body)
		},
	}
	providers := map[string]payment.Provider{payment.SandboxName: a.sandbox}
	a.payments = &payment.Instruments{Store: rows, Providers: providers, Public: a.demo}
	a.allocator = &checkout.Allocator{
		Store: rows, Orders: rows, Instruments: a.payments, Providers: providers, Quotes: quotes, Log: a.log, Bus: a.bus,
		Metrics: checkout.NewMetrics(a.registry), Shared: a.config.Database != "", Wake: wake(a.wakeFacts),
		InboxMax: a.config.Checkout.Inbox, BatchMax: a.config.Checkout.Batch, HoldFor: a.config.Checkout.Hold, AnswerWithin: a.config.Checkout.AnswerWithin,
		DrainFor: chargesEnd, Gate: a.nodes.stockGate(),
	}
	a.buildRush(rows)
	a.shop = &shop.Service{
		Catalogue: rows, Pictures: rows, Orders: rows, Ledger: rows, Waits: rows, Blobs: a.blobs, Changed: a.allocator.NoteStock, RefundDue: a.allocator.RefundDue,
	}
	a.accounts.Keepers = append(a.accounts.Keepers, &shop.Persons{Instruments: rows, Orders: rows, Waits: rows, Now: time.Now})
	return nil
}

func (a *app) buildOverlay(context.Context) error {
	places := onAir{a.broadcasts, a.accounts}
	rows := &overlaysql.Store{DB: a.main}
	a.views = &views.Service{
		Store: &viewssql.Store{DB: a.activity}, Bus: a.bus, Log: a.log, Metrics: views.NewMetrics(a.registry), Wake: wake(a.wakeViews),
		Node: a.nodes.id(), Clock: func(broadcast string) (int64, bool) { t, ok := a.hub.Now(broadcast); return int64(t), ok },
	}
	a.overlay = &overlay.Service{
		Store: rows, Sets: rows, Catalogue: a.shop, Quotes: a.allocator.Quotes, Broadcasts: places, Clock: a.hub, Bus: a.bus, Audience: a.views, Wake: wake(a.wakeFacts),
	}
	a.buildDeals()
	metrics := overlay.NewMetrics(a.registry)
	a.forwarder = &overlay.Forwarder{Bus: a.bus, Store: rows, Broadcasts: places, Catalogue: a.shop, Log: a.log, Metrics: metrics}
	a.feed = &overlay.Feed{Bus: a.bus, Log: a.log, Upstream: a.views, PublicURL: a.config.PublicURL, Limits: a.config.Feed, Metrics: metrics, NoLimits: a.unlimited()}
	a.dates = &pinDates{overlay: a.overlay, now: time.Now}
	figures := &dashboardsql.Store{DB: a.activity}
	a.fold = &dashboard.Fold{
		Store: figures, Facts: &dashboardsql.Source{DB: a.main}, Audience: &dashboardsql.Source{DB: a.activity}, Log: a.log, Metrics: dashboard.NewMetrics(a.registry),
	}
	a.dashboard = &dashboard.Service{Store: figures, Catalogue: a.shop, Audience: a.views}
	return nil
}

// wake makes a relay look at once, without waiting for it.
func wake(c chan struct{}) func() {
	return func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// startFacts starts what carries facts. It stops last: until then others append.
func (a *app) startFacts(context.Context) error {
	s := a.stage("facts")
	bus := a.nodes.run(s, a)
	s.run("outbox relay", (&outbox.Relay{DB: a.main, Bus: bus, Log: a.log, Wake: a.wakeFacts}).Run)
	s.run("activity relay", (&outbox.Relay{DB: a.activity, Bus: bus, Log: a.log, Wake: a.wakeViews}).Run)
	return nil
}

// startServices starts what works without being asked, and what must finish what it accepted.
func (a *app) startServices(ctx context.Context) error {
	s := a.stage("services")
	s.run("accounts", a.accounts.Run)
	s.run("signing keys", a.ring.Run)
	s.run("access", a.access.Run)
	s.run("checkout", a.allocator.Run)
	s.run("sandbox", a.sandbox.Run)
	s.run("views", a.views.Run)
	s.run("chat", a.chat.Run)
	s.run("likes", a.likes.Run)
	s.run("first page", a.forYou.Run)
	s.run("stock forwarder", a.forwarder.Run)
	s.run("deals", a.dealer.Run)
	s.run("broadcasts", a.broadcasts.Run)
	s.run("dashboard", a.fold.Run)
	a.runLibrary(s)
	return a.resumeLadders(ctx)
}

// startDoors opens the listeners. From here on the world comes in.
func (a *app) startDoors(context.Context) error {
	media := a.stage("media")
	media.run("heap", a.runHeap)
	media.run("audio bridges", a.legs.Run)
	media.run("pin dates", a.dates.Run)
	media.run("ladders", a.ladders.Run)
	media.run("targets", a.ways.targets.Run)
	if a.recorder != nil {
		media.run("recorder", a.recorder.Run)
	}
	media.run("publishers", a.sessions.Run)
	// What holds requests open stops together with the doors, which would wait for them.
	doors := a.stage("doors")
	doors.run("hls", a.hls.Run)
	doors.run("whep", a.whep.Run)
	doors.run("feed", a.feed.Run)
	doors.run("doorkeeper", a.door.run(a.recheck))
	doors.run("rtsp players", a.relay.Run)
	doors.run("rtmp", a.rtmp.Run)
	if a.rtmps != nil {
		doors.run("rtmps", a.rtmps.Run)
	}
	doors.run("srt", a.srt.Run)
	doors.run("rtsp", a.rtsp.Run)
	doors.run("sources", a.ways.sources.Run)
	doors.run("whip", a.whip.Run)
	handler, err := a.handler()
	if err != nil {
		return err
	}
	a.registry.MustRegister(a.collector())
	if a.certificates != nil {
		a.runCertificates(doors)
	}
	for name, h := range map[string]http.Handler{"http": handler, "metrics": operations(a.registry, a.ready)} {
		doors.run(name, a.serve(doors, name, h))
		delete(a.listeners, name) // its server closes it
	}
	return nil
}

func (a *app) stage(name string) *stage {
	s := newStage(name, func(err error) {
		select {
		case a.failed <- err:
		default: // one failure is enough to stop
		}
	})
	a.stages = append(a.stages, s)
	return s
}

// stop ends the stages in the reverse of their order, then closes what stores.
func (a *app) stop() (err error) {
	a.once.Do(func() {
		end := time.Now().Add(stopWithin)
		for i := len(a.stages) - 1; i >= 0; i-- {
			began := time.Now()
			most := end.Sub(began) - time.Duration(i)*stopShare
			err = errors.Join(err, a.stages[i].stop(max(most, stopShare)))
			a.log.Debug("stopped", "stage", a.stages[i].name, "took", time.Since(began).Round(time.Millisecond))
		}
		for _, l := range a.listeners {
			err = errors.Join(err, l.Close())
		}
		if a.hub != nil {
			a.hub.Close()
		}
		err = errors.Join(err, a.book.Close(), a.nodes.close())
		if a.blobs != nil {
			err = errors.Join(err, a.blobs.Close())
		}
		for _, db := range []*store.DB{a.activity, a.main} {
			if db != nil {
				err = errors.Join(err, db.Close())
			}
		}
	})
	return err
}

// ready tells whether the program can do its work.
func (a *app) ready(ctx context.Context) error {
	if err := a.main.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := a.activity.Ping(ctx); err != nil {
		return fmt.Errorf("activity database: %w", err)
	}
	return nil
}

// pages is the handler of everything that is not the API or media.
func pages() (http.Handler, error) { return web.Handler() }
