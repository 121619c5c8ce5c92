package whip

import "time"

// Defaults and limits.
const (
	listenDefault      = ":8190"
	sessionsMaxDefault = 500
	perAddressDefault  = 200
	halfOpenDefault    = 16
	failedDefault      = 60
	keyIntervalDefault = 2 * time.Second

	offerBytesMax    = 64 << 10
	fragmentBytesMax = 16 << 10
	connectTimeout   = 15 * time.Second // from the answer to the first media
	gatherTimeout    = 2 * time.Second
	iceDisconnected  = 10 * time.Second
	iceFailed        = 20 * time.Second // with the above, RFC 7675's 30 s
	iceKeepalive     = 2 * time.Second
	silenceMax       = 30 * time.Second // connected, but no media
	busyRetrySeconds = "5"

	inboxMax        = 1024                   // packets between the receivers and the session's loop; more are lost
	reorderMax      = 256                    // packets that wait for one before them
	askInterval     = 20 * time.Millisecond  // lost packets are asked for so often; the library's 100 ms leave no time for the answer
	reorderPatience = 160 * time.Millisecond // two questions, and answers from 100 ms away
	pictureBytesMax = 8 << 20
)

// Config bounds the server. The zero value means the defaults.
type Config struct {
	// Listen is the address of both ports, UDP and TCP. It defaults to ":8190"; port 0 picks one.
	Listen string `yaml:"listen"`
	// Addresses are the IP addresses that publishers reach us at, where they are not this machine's own.
	Addresses []string `yaml:"addresses"`
	// SessionsMax bounds the publishers of this node; it defaults to 500.
	SessionsMax int `yaml:"sessions_max"`
	// PerAddress bounds the publishers of one address, IPv6 by /64; it defaults to 200.
	PerAddress int `yaml:"per_address"`
	// Failed bounds refused attempts of one address per minute; it defaults to 60.
	Failed int `yaml:"failed"`
	// LoopbackFree exempts loopback from what counts per address (demo).
	LoopbackFree bool `yaml:"loopback_free"`
	// KeyInterval is how often a publisher is asked for a key picture where none came by itself; it defaults to 2 s.
	KeyInterval time.Duration `yaml:"key_interval"`
	// Redirect is where publishers are sent instead, with 307: another node, or a balancer of publishers. Requests of
	// sessions that are here stay here.
	Redirect string `yaml:"redirect"`
	// ICEServers are values of Link headers with rel="ice-server", such as
	// `<turn:turn.example.com>; username="u"; credential="c"`.
	ICEServers []string `yaml:"ice_servers"`
}

func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
