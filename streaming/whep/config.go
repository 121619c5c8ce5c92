package whep

import (
	"errors"
	"time"
)

// Defaults and limits.
const (
	portDefault           = "8189"
	sessionsMaxDefault    = 20_000
	perAddressDefault     = 20_000
	halfOpenDefault       = 256
	handshakesMax         = 1000 // sessions of all addresses that wait for their handshake to end; more get 503
	handshakeTimeout      = 15 * time.Second
	consentTimeout        = 30 * time.Second // RFC 7675
	sweepInterval         = time.Second
	readyTimeout          = 2 * time.Second // how long a POST waits for the first key picture
	retryNotLive          = 2 * time.Second
	retryBusy             = 5 * time.Second
	offerBytesMax         = 64 << 10
	bearerMax             = 1024
	fragmentBytesMax      = 16 << 10
	pathsMax              = 8 // addresses of a session that have passed a check
	socketBufferBytes     = 8 << 20
	datagramMax           = 2048
	tcpUnknownMax         = 1024 // connections that have not passed a check
	tcpUnknownPerAddress  = 32
	tcpCheckTimeout       = 5 * time.Second
	tcpLostAfter          = 5 * time.Second // a viewer whose connection has ended, and who comes by no other
	tcpQueueBytesMax      = 256 << 10
	tcpWriteTimeout       = 10 * time.Second
	handshakeDatagramsMax = 32 // that wait for DTLS
	spreadDefault         = 15 * time.Millisecond
)

// Config is what an operator may set. The zero value means the defaults.
type Config struct {
	// Listen is the address of both ports, UDP and TCP. It defaults to ":8189"; port 0 picks one.
	Listen string `yaml:"listen"`
	// Addresses are the IP addresses that viewers reach us at, where they are not this machine's own. They default
	// to those of its interfaces, or the one that Listen names.
	Addresses []string `yaml:"addresses"`
	// SessionsMax bounds the viewers of this node; it defaults to 20,000.
	SessionsMax int `yaml:"sessions_max"`
	// SessionsPerAddress bounds the viewers of one address, IPv6 by /64; it defaults to 20,000.
	SessionsPerAddress int `yaml:"sessions_per_address"`
	// HalfOpenPerAddress bounds the sessions of one address that have not finished their handshake; it defaults
	// to 256.
	HalfOpenPerAddress int `yaml:"half_open_per_address"`
	// ICEServers are values of Link headers with rel="ice-server" that viewers are told, such as
	// `<turn:turn.example.com>; username="u"; credential="c"`.
	ICEServers []string `yaml:"ice_servers"`
	// NoUDP and NoTCP leave a transport out.
	NoUDP bool `yaml:"no_udp"`
	NoTCP bool `yaml:"no_tcp"`
	// NoIPv4 and NoIPv6 leave a family of addresses out.
	NoIPv4 bool `yaml:"no_ipv4"`
	NoIPv6 bool `yaml:"no_ipv6"`
	// PlainSends keeps the kernel from cutting trains of packets (UDP_SEGMENT), for networks that cannot.
	PlainSends bool `yaml:"plain_sends"`
	// Spread is the time over which a key picture is sent to a viewer that is not on this machine, for the sake of
	// small queues on the way. It defaults to 15 ms; a negative one sends it at once.
	Spread time.Duration `yaml:"spread"`
}

func (c Config) listen() string {
	if c.Listen == "" {
		return ":" + portDefault
	}
	return c.Listen
}

// family is what follows "udp" and "tcp" in the name of a network.
func (c Config) family() (string, error) {
	switch {
	case c.NoIPv4 && c.NoIPv6:
		return "", errors.New("whep: both IPv4 and IPv6 are left out")
	case c.NoIPv4:
		return "6", nil
	case c.NoIPv6:
		return "4", nil
	}
	return "", nil
}

func orDefault[T comparable](n, d T) T {
	var zero T
	if n == zero {
		return d
	}
	return n
}
