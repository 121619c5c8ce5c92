package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/ingest/srt"
	"github.com/hawkerlive/hawker/ingest/upload"
	"github.com/hawkerlive/hawker/ingest/whip"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
	"github.com/hawkerlive/hawker/streaming/whep"
)

// buildDoors makes everything that the world speaks to. Listeners whose ports must be known early are opened.
func (a *app) buildDoors(context.Context) error {
	a.api = &api.Server{
		Log: a.log, Accounts: a.accounts, Access: a.access, Broadcasts: a.broadcasts, Audience: a.views, Health: publisherHealth{a.sessions}, Publishers: publisherHealth{a.sessions}, LiveBroadcast: a.live,
		Shop: a.shop, Checkout: a.allocator, Instruments: a.payments, Overlay: a.overlay, Chat: a.chat, Likes: a.likes, Views: a.views, Sales: a.dashboard,
		Turnstile: &api.Turnstile{Log: a.log}, PublicURL: a.config.PublicURL, TrustedProxies: a.config.Proxies(), Demo: a.demo, SharedLimits: a.nodes.limits(), Metrics: api.NewMetrics(a.registry),
	}
	a.api.Claims = a.dealer.Drawer.(drawer).rows
	door := a.door
	door.api = a.api
	a.feed.Access, a.feed.Who, a.feed.Address, a.feed.Problem = door, door.follower, a.api.Address, a.api.WriteProblem

	a.rtmp = &rtmp.Server{Addr: a.config.RTMP.Listen, Sessions: a.sessions, Config: a.config.RTMP.Config, Log: a.log, Metrics: ingest.NewDoorMetrics(a.registry, "rtmp")}
	a.rtmp.Config.LoopbackFree = a.demo
	if a.certificates != nil {
		a.rtmps = &rtmp.Server{Addr: a.config.RTMPS.Listen, Sessions: a.sessions, Config: a.rtmp.Config, Log: a.log, Metrics: ingest.NewDoorMetrics(a.registry, "rtmps"), TLS: a.certificates.config("")}
	}
	a.srt = &srt.Server{Addr: a.config.SRT.Listen, Sessions: a.sessions, Passphrase: a.accounts.SRTPassphrase, Config: a.config.SRT.Config, Log: a.log, Metrics: ingest.NewDoorMetrics(a.registry, "srt")}
	a.srt.Config.LoopbackFree = a.demo
	a.rtsp = &rtsp.Server{Addr: a.config.RTSP.Listen, Sessions: a.sessions, Config: a.config.RTSP.Config, Log: a.log, Metrics: ingest.NewDoorMetrics(a.registry, "rtsp")}
	a.rtsp.Config.LoopbackFree = a.demo
	a.buildPlayers()
	a.whip = &whip.Server{Sessions: a.sessions, Config: a.config.WebRTCIngest, ClientIP: a.api.Address, Log: a.log, Metrics: whip.NewMetrics(a.registry)}
	a.whep = &whep.Server{
		Hub: a.hub, Access: whepAccess{door}, Config: a.config.WebRTC, Sound: opusLegs(a.legs), Log: a.log, Metrics: whep.NewMetrics(a.registry),
		Fan: rtpfan.NewMetrics(a.registry), ClientAddr: a.api.Address, Unlimited: a.unlimited(),
	}
	a.allocator.Late = a.whep.Late
	a.hls = &hls.Server{Hub: a.hub, Access: hlsAccess{door}, Audio: aacLegs{a.legs}, Dates: a.dates, Config: a.config.HLS, Log: a.log, Metrics: hls.NewMetrics(a.registry), ClientAddr: a.api.Address, Unlimited: a.unlimited()}
	if err := a.buildVideos(door); err != nil {
		return err
	}
	a.buildLadders()
	if err := a.api.Turnstile.Listen(); err != nil {
		return err
	}
	if err := a.buildWays(); err != nil {
		return err
	}
	return a.listen()
}

// listen opens the media listeners, so that a port that is taken is told before anything runs.
func (a *app) listen() error {
	address, err := a.rtmp.Listen()
	if err != nil {
		return err
	}
	a.addresses["rtmp"] = address.String()
	if a.rtmps != nil {
		if address, err = a.rtmps.Listen(); err != nil {
			return err
		}
		a.addresses["rtmps"] = address.String()
	}
	if address, err = a.srt.Listen(); err != nil {
		return err
	}
	a.addresses["srt"] = address.String()
	if address, err = a.rtsp.Listen(); err != nil {
		return err
	}
	a.addresses["rtsp"] = address.String()
	if err := a.whep.Listen(); err != nil {
		return err
	}
	a.addresses["webrtc"] = withPort(a.config.WebRTC.Listen, a.whep.Port())
	if address, err = a.whip.Listen(); err != nil {
		return err
	}
	a.addresses["webrtc_ingest"] = address.String()
	a.api.Doors = a.publishDoors()
	return nil
}

// publishDoors are what encoders are told.
func (a *app) publishDoors() (d api.Doors) {
	if public := a.config.RTMP.Public; public != "" {
		d.RTMP = strings.TrimSuffix(public, "/") + "/live"
	}
	for name, port := range map[string]*int{"rtmp": &d.RTMPPort, "rtmps": &d.RTMPSPort, "srt": &d.SRTPort, "rtsp": &d.RTSPPort} {
		if _, text, err := net.SplitHostPort(a.addresses[name]); err == nil {
			*port, _ = strconv.Atoi(text) // a listener's port is a number
		}
	}
	return d
}

// handler puts the media paths and the feeds in front of the API, and the pages behind everything.
func (a *app) handler() (http.Handler, error) {
	pages, err := pages()
	if err != nil {
		return nil, err
	}
	v1 := forOtherPages(a.api.Handler())
	mux := http.NewServeMux()
	mux.Handle("/hls/", a.hls)
	mux.Handle("/vod/", a.replays)
	mux.HandleFunc("GET "+receiptKeysPath, a.receiptKeys)
	mux.Handle("/hls/v/", a.replays)
	mux.Handle("/whep/", a.whep)
	mux.Handle("/whip", a.whip)
	mux.Handle("/whip/", a.whip)
	mux.Handle("/obs/", a.toldToOBS())
	a.posters(mux)
	mux.Handle("GET /v1/broadcasts/{id}/feed", forOtherPages(a.feed))
	mux.Handle("GET /v1/shops/{id}/feed", a.feed)
	mux.Handle(upload.Below, a.uploads)
	mux.Handle("/v1/", v1)
	mux.Handle("/sandbox/authorize/", a.sandbox)
	health(mux, a.ready)
	mux.HandleFunc("GET /c/{channel}/live", a.goLive)
	mux.Handle("/", pages)
	return mux, nil
}

// goLive leads to the broadcast that is on air on a channel, else to the channel.
func (a *app) goLive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	channel, err := a.accounts.Channel(r.Context(), r.PathValue("channel"))
	if errors.Is(err, account.ErrNotFound) {
		http.Redirect(w, r, "/", http.StatusFound)
		return
	}
	if err != nil {
		http.Error(w, "try again in a moment", http.StatusServiceUnavailable)
		return
	}
	if id, err := a.live(r.Context(), channel.ID); err == nil && id != "" {
		http.Redirect(w, r, "/b/"+id, http.StatusFound)
		return
	}
	http.Redirect(w, r, "/c/"+channel.Handle, http.StatusFound)
}

// live finds the broadcast that is on air on a channel.
func (a *app) live(ctx context.Context, channel string) (string, error) {
	found, err := a.broadcasts.List(ctx, streaming.Filter{Channel: channel, States: []streaming.State{streaming.Live, streaming.Interrupted}, Limit: 1})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].ID, nil
}

// unlimited lifts the limits per address for loopback in demo mode, where everybody is at home.
func (a *app) unlimited() func(netip.Addr) bool {
	if !a.demo {
		return nil
	}
	return func(addr netip.Addr) bool { return addr.Unmap().IsLoopback() }
}

// writeReady writes the ready file.
func (a *app) writeReady() error {
	if a.config.ReadyFile == "" {
		return nil
	}
	out := map[string]any{}
	for name, address := range a.addresses {
		out[name] = dialable(address)
	}
	if a.demoData != nil {
		out["demo"] = a.demoData
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(a.config.ReadyFile, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}

// dialable turns the wildcard address of a listener into one that can be dialled.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// withPort is a listening address with the port that was picked for it.
func withPort(address string, port int) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// publicURL fills in the default: this machine and the port of the pages.
func (a *app) publicURL() string {
	if a.config.PublicURL != "" {
		return strings.TrimSuffix(a.config.PublicURL, "/")
	}
	scheme := "http://"
	if a.config.TLS.On() {
		scheme = "https://"
	}
	return scheme + dialable(a.addresses["http"])
}

var _ overlay.Access = (*doorkeeper)(nil)
