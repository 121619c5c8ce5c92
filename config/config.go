package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/pull"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/ingest/srt"
	"github.com/hawkerlive/hawker/ingest/upload"
	"github.com/hawkerlive/hawker/ingest/whip"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/restream"
	"github.com/hawkerlive/hawker/streaming/transcode"
	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/whep"
)

// Config is everything that can be set. Its keys are explained in reference.yaml.
type Config struct {
	Data           string   `yaml:"data"`
	Database       string   `yaml:"database"`
	Redis          string   `yaml:"redis"`
	Blobs          string   `yaml:"blobs"`
	PublicURL      string   `yaml:"public_url"`
	TrustedProxies []string `yaml:"trusted_proxies"`
	ReadyFile      string   `yaml:"ready_file"`

	Log          Log                `yaml:"log"`
	HTTP         Listen             `yaml:"http"`
	Metrics      Listen             `yaml:"metrics"`
	TLS          TLS                `yaml:"tls"`
	RTMP         RTMP               `yaml:"rtmp"`
	RTMPS        Listen             `yaml:"rtmps"`
	SRT          SRT                `yaml:"srt"`
	RTSP         RTSP               `yaml:"rtsp"`
	WebRTC       whep.Config        `yaml:"webrtc"`
	WebRTCIngest whip.Config        `yaml:"webrtc_ingest"`
	Ingest       ingest.Config      `yaml:"ingest"`
	Broadcast    Broadcast          `yaml:"broadcast"`
	Streaming    streaming.Config   `yaml:"streaming"`
	HLS          hls.Config         `yaml:"hls"`
	Recording    bool               `yaml:"recording"`
	VOD          vod.Config         `yaml:"vod"`
	Uploads      Uploads            `yaml:"uploads"`
	Transcode    transcode.Config   `yaml:"transcode"`
	Outbound     outbound.Config    `yaml:"outbound"`
	Pull         pull.Config        `yaml:"pull"`
	Restream     restream.Config    `yaml:"restream"`
	Feed         overlay.FeedLimits `yaml:"feed"`
	Events       event.MemoryConfig `yaml:"events"`
	Chat         Chat               `yaml:"chat"`
	Checkout     Checkout           `yaml:"checkout"`
	Sandbox      Sandbox            `yaml:"sandbox"`
}

// Listen says where a listener listens: address:port; port 0 picks a free one.
type Listen struct {
	Listen string `yaml:"listen"`
}

// TLS says where certificates come from: files, or ACME. Neither: the HTTP port speaks plain HTTP, and there is no RTMPS.
type TLS struct {
	Certificate string   `yaml:"certificate"`
	Key         string   `yaml:"key"`
	Domains     []string `yaml:"domains"`
	Email       string   `yaml:"email"`
	Directory   string   `yaml:"directory"`
	Redirect    string   `yaml:"redirect"`
}

// On tells whether there are certificates.
func (t TLS) On() bool { return t.Certificate != "" || len(t.Domains) > 0 }

func (t TLS) check(bad func(key, format string, args ...any)) {
	if (t.Certificate == "") != (t.Key == "") {
		bad("tls.certificate", "needs tls.key, and the other way round")
	}
	if t.Certificate != "" && len(t.Domains) > 0 {
		bad("tls.domains", "certificates come from files or from ACME, not from both")
	}
	for _, d := range t.Domains {
		if d == "" || strings.ContainsAny(d, "/:*[] ") || !strings.Contains(d, ".") {
			bad("tls.domains", "%q is not a host name", d)
		}
	}
	if u, err := url.Parse(t.Directory); t.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		bad("tls.directory", "must be an https:// URL")
	}
	if t.Redirect != "" {
		if _, port, err := net.SplitHostPort(t.Redirect); err != nil || port == "" {
			bad("tls.redirect", "%q is not an address:port", t.Redirect)
		}
		if !t.On() {
			bad("tls.redirect", "needs tls.certificate or tls.domains")
		}
	}
}

// RTMP says where encoders are listened to, and what bounds them.
type RTMP struct {
	Listen      string `yaml:"listen"`
	Public      string `yaml:"public"`
	rtmp.Config `yaml:",inline"`
}

// SRT says where encoders are listened to over SRT, and what bounds them.
type SRT struct {
	Listen     string `yaml:"listen"`
	srt.Config `yaml:",inline"`
}

// RTSP says where encoders and cameras are listened to over RTSP, and what bounds them.
type RTSP struct {
	Listen      string `yaml:"listen"`
	rtsp.Config `yaml:",inline"`
}

// Uploads bounds what people may send, and what may be made of one file of it.
type Uploads struct {
	upload.Config  `yaml:",inline"`
	develop.Limits `yaml:",inline"`
	Jobs           int `yaml:"jobs"`
}

func (u Uploads) check(bad func(key, format string, args ...any)) {
	for key, b := range map[string]struct{ is, least, most int64 }{
		"bytes_max": {u.BytesMax, 1 << 20, 1 << 40}, "open_max": {int64(u.OpenMax), 1, 1000}, "open_bytes": {u.OpenBytes, u.BytesMax, 1 << 50},
		"free_bytes": {u.FreeBytes, 1 << 20, 1 << 50}, "pixels_max": {int64(u.Pixels), 640 * 360, 1 << 28}, "streams_max": {int64(u.Streams), 2, 64},
		"memory_max": {u.Memory, 512 << 20, 1 << 40}, "jobs": {int64(u.Jobs), 0, 256}, "niceness": {int64(u.Niceness), 1, 19},
	} {
		if b.is < b.least || b.is > b.most {
			bad("uploads."+key, "must be between %d and %d", b.least, b.most)
		}
	}
	if u.Keep < time.Hour || u.Keep > 30*24*time.Hour {
		bad("uploads.keep", "must be between 1h and 720h")
	}
	if u.Duration < time.Second || u.Duration > 4*time.Hour {
		bad("uploads.length_max", "must be between 1s and 4h")
	}
}

// Checkout bounds the rush.
type Checkout struct {
	Inbox        int           `yaml:"inbox"`
	Batch        int           `yaml:"batch"`
	Hold         time.Duration `yaml:"hold"`
	Offer        time.Duration `yaml:"offer"`
	AnswerWithin time.Duration `yaml:"answer_within"`
	QueueFor     time.Duration `yaml:"queue_for"`
	Room         Room          `yaml:"room"`
	Attempts     Attempts      `yaml:"attempts"`
}

// Room bounds the waiting room.
type Room struct {
	Places           int           `yaml:"places"`
	PlacesPerAddress int           `yaml:"places_per_address"`
	Opening          time.Duration `yaml:"opening"`
	Rate             int           `yaml:"rate"`
}

// Attempts are how often one may try to buy, each in a stretch of its own; 0 is no limit.
type Attempts struct {
	Buyer      int `yaml:"buyer"`
	Instrument int `yaml:"instrument"`
	Address    int `yaml:"address"`
	Token      int `yaml:"token"`
}

// Sandbox sets the payment provider that moves no money.
type Sandbox struct {
	Book string `yaml:"book"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// SlogLevel is the level.
func (l Log) SlogLevel() (level slog.Level) {
	_ = level.UnmarshalText([]byte(l.Level)) // check refused what it cannot read
	return level
}

// Broadcast says how a broadcast lives.
type Broadcast struct {
	Grace   time.Duration `yaml:"grace"`
	Silence time.Duration `yaml:"silence"`
	Rest    time.Duration `yaml:"rest"`
	Lease   time.Duration `yaml:"lease"`
}

// Chat says how long what viewers said is kept.
type Chat struct {
	Keep time.Duration `yaml:"keep"`
}

// Proxies are the trusted proxies.
func (c Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range c.TrustedProxies {
		if prefix, err := parsePrefix(p); err == nil {
			out = append(out, prefix)
		}
	}
	return out
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// check refuses values that are of the right type and still cannot be.
func (c Config) check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
	}
	if c.Data == "" {
		bad("data", "name a folder")
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		bad("database", "must be empty or a postgres:// URL")
	}
	if c.Redis != "" {
		if _, err := store.ParseRedis(c.Redis); err != nil {
			bad("redis", "%v", err)
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
			bad("public_url", "must read https://host or http://host:port")
		}
	}
	if c.RTMP.Public != "" {
		u, err := url.Parse(c.RTMP.Public)
		if err != nil || (u.Scheme != "rtmp" && u.Scheme != "rtmps") || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
			bad("rtmp.public", "must read rtmp://host:port or rtmps://host:port")
		}
	}
	for _, p := range c.TrustedProxies {
		if _, err := parsePrefix(p); err != nil {
			bad("trusted_proxies", "%q is neither an address nor a network", p)
		}
	}
	c.TLS.check(bad)
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		bad("log.level", "must be debug, info, warn or error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		bad("log.format", "must be text or json")
	}
	for key, address := range map[string]string{"http.listen": c.HTTP.Listen, "metrics.listen": c.Metrics.Listen, "rtmp.listen": c.RTMP.Listen, "rtmps.listen": c.RTMPS.Listen, "srt.listen": c.SRT.Listen, "rtsp.listen": c.RTSP.Listen, "webrtc.listen": c.WebRTC.Listen, "webrtc_ingest.listen": c.WebRTCIngest.Listen} {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			bad(key, "%q is not an address:port", address)
		}
	}
	if err := c.SRT.Check(); err != nil {
		bad("srt.passphrase", "%v", err)
	}
	if c.SRT.Latency < 20*time.Millisecond || c.SRT.Latency > 8*time.Second {
		bad("srt.latency", "must be between 20ms and 8s")
	}
	if c.Broadcast.Grace < time.Second || c.Broadcast.Grace > time.Hour {
		bad("broadcast.grace", "must be between 1s and 1h")
	}
	if c.Broadcast.Silence < 500*time.Millisecond || c.Broadcast.Silence > 30*time.Second {
		bad("broadcast.silence", "must be between 500ms and 30s")
	}
	if c.Chat.Keep < 24*time.Hour || c.Chat.Keep > 100*365*24*time.Hour {
		bad("chat.keep", "must be between 24h and 876000h")
	}
	if c.Broadcast.Rest < time.Second || c.Broadcast.Rest > 10*time.Minute {
		bad("broadcast.rest", "must be between 1s and 10m")
	}
	if c.Broadcast.Lease < 2*time.Second || c.Broadcast.Lease > 5*time.Minute {
		bad("broadcast.lease", "must be between 2s and 5m")
	}
	if c.WebRTCIngest.KeyInterval < 500*time.Millisecond || c.WebRTCIngest.KeyInterval > 10*time.Second {
		bad("webrtc_ingest.key_interval", "must be between 500ms and 10s")
	}
	if c.Streaming.RingTime < 2*time.Second || c.Streaming.RingTime > 2*time.Minute {
		bad("streaming.ring_time", "must be between 2s and 2m")
	}
	if c.Streaming.RingBytes < 1<<20 {
		bad("streaming.ring_bytes", "must be at least 1048576")
	}
	for key, addresses := range map[string][]string{"webrtc.addresses": c.WebRTC.Addresses, "webrtc_ingest.addresses": c.WebRTCIngest.Addresses} {
		for _, a := range addresses {
			if _, err := netip.ParseAddr(a); err != nil {
				bad(key, "%q is not an IP address", a)
			}
		}
	}
	for key, n := range map[string]int{
		"checkout.inbox": c.Checkout.Inbox, "checkout.batch": c.Checkout.Batch, "checkout.room.places": c.Checkout.Room.Places, "checkout.room.places_per_address": c.Checkout.Room.PlacesPerAddress, "hls.packagers_max": c.HLS.PackagersMax, "hls.bytes_max": c.HLS.BytesMax,
		"webrtc.sessions_max": c.WebRTC.SessionsMax, "ingest.sessions_max": c.Ingest.SessionsMax, "ingest.bitrate_max": c.Ingest.BitrateMax,
		"rtmp.conns": c.RTMP.Conns, "srt.conns": c.SRT.Conns, "rtsp.conns": c.RTSP.Conns, "feed.connections": c.Feed.Connections,
	} {
		if n < 1 {
			bad(key, "must be at least 1")
		}
	}
	if c.Checkout.QueueFor < 10*time.Millisecond || c.Checkout.QueueFor > time.Minute {
		bad("checkout.queue_for", "must be between 10ms and 1m")
	}
	if c.Checkout.Hold < 10*time.Second || c.Checkout.Hold > time.Hour {
		bad("checkout.hold", "must be between 10s and 1h")
	}
	if c.Checkout.Offer < 10*time.Second || c.Checkout.Offer > 24*time.Hour {
		bad("checkout.offer", "must be between 10s and 24h")
	}
	if c.VOD.Keep != 0 && c.VOD.Keep < time.Hour {
		bad("vod.keep", "must be 0s (for ever) or at least 1h")
	}
	if c.VOD.LengthMax < time.Minute || c.VOD.LengthMax > 7*24*time.Hour {
		bad("vod.length_max", "must be between 1m and 168h")
	}
	for key, n := range map[string]int64{"vod.spool_bytes": c.VOD.SpoolBytes, "vod.free_bytes": c.VOD.FreeBytes} {
		if n < 1<<20 {
			bad(key, "must be at least 1048576")
		}
	}
	c.Uploads.check(bad)
	if err := c.Transcode.Check(); err != nil {
		bad("transcode", "%v", err)
	}
	if err := c.Outbound.Check(); err != nil {
		bad("outbound.allow", "%v", err)
	}
	for key, pause := range map[string][2]time.Duration{"pull": {c.Pull.PauseMin, c.Pull.PauseMax}, "restream": {c.Restream.PauseMin, c.Restream.PauseMax}} {
		if pause[0] < 100*time.Millisecond || pause[1] < pause[0] {
			bad(key+".pause_min", "must be at least 100ms and at most pause_max")
		}
	}
	if c.HLS.Window < 10*time.Second || c.HLS.Window > 10*time.Minute {
		bad("hls.window", "must be between 10s and 10m")
	}
	return errors.Join(errs...)
}
