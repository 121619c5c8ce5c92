package store

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrRedisURL is returned for a Redis URL that cannot be.
var ErrRedisURL = errors.New("store: a Redis URL reads redis://user:password@host:6379, or rediss:// for TLS; the addresses of a Cluster are separated by commas, and one alone has ?cluster=true")

// RedisTarget is where Redis is.
type RedisTarget struct {
	Addrs              []string
	Cluster            bool // more than one address, or ?cluster=true
	TLS                bool
	Username, Password string
	Prefix             string // ?prefix=: sets installations apart that share a Redis; default "hawker:"
}

// ParseRedis reads a URL.
func ParseRedis(raw string) (t RedisTarget, err error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || (scheme != "redis" && scheme != "rediss") {
		return t, ErrRedisURL
	}
	t.TLS = scheme == "rediss"
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return t, ErrRedisURL
	}
	for key := range values {
		if key != "prefix" && key != "cluster" {
			return t, ErrRedisURL
		}
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		u, err := url.Parse("redis://" + rest[:at] + "@host")
		if err != nil || u.User == nil {
			return t, ErrRedisURL
		}
		t.Username = u.User.Username()
		t.Password, _ = u.User.Password()
		rest = rest[at+1:]
	}
	for _, a := range strings.Split(strings.TrimSuffix(rest, "/"), ",") {
		if !strings.Contains(a, ":") {
			a += ":6379"
		}
		host, port, err := net.SplitHostPort(a)
		if err != nil || host == "" || port == "" || strings.ContainsAny(a, "/ ") {
			return t, ErrRedisURL
		}
		t.Addrs = append(t.Addrs, a)
	}
	switch values.Get("cluster") {
	case "", "false":
		t.Cluster = len(t.Addrs) > 1
	case "true":
		t.Cluster = true
	default:
		return t, ErrRedisURL
	}
	if t.Prefix = values.Get("prefix"); t.Prefix == "" {
		t.Prefix = "hawker:"
	}
	if strings.ContainsAny(t.Prefix, "{}") || len(t.Prefix) > 64 { // a hash tag of its own would take the keys' away
		return t, ErrRedisURL
	}
	return t, nil
}

// silence keeps the library from writing to standard error: whoever gets an error logs it.
var silence = sync.OnceFunc(func() { redis.SetLogger(noLog{}) })

type noLog struct{}

func (noLog) Printf(context.Context, string, ...any) {}

// Client makes a client. It connects when it is used: a Redis that is not there keeps nobody from starting.
func (t RedisTarget) Client() redis.UniversalClient {
	const (
		patience = time.Second // a Redis that hangs costs no more
		conns    = 64          // per server: the bus's readers block one each
		retries  = 1
		renewed  = time.Second // the map of a Cluster: a leader that died does not say who follows it, and the library would ask once a minute
	)
	var secure *tls.Config
	if t.TLS {
		secure = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	silence()
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if t.Cluster {
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: t.Addrs, Username: t.Username, Password: t.Password, TLSConfig: secure, Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: quiet,
			ContextTimeoutEnabled: true, DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience, PoolSize: conns, MaxRetries: retries, DialerRetries: 1,
			ClusterStateReloadInterval: renewed,
		})
	}
	return redis.NewClient(&redis.Options{
		Addr: t.Addrs[0], Username: t.Username, Password: t.Password, TLSConfig: secure, Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: quiet,
		ContextTimeoutEnabled: true, DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience, PoolSize: conns, MaxRetries: retries, DialerRetries: 1,
	})
}
