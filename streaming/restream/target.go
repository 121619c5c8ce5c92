package restream

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// What Service refuses.
var (
	ErrNotFound  = errors.New("restream: no such target")
	ErrAddress   = errors.New("restream: an address begins with rtmp, rtmps, srt, http or https, and names a host")
	ErrForbidden = errors.New("restream: this address is unknown or not public, and the operator does not allow it")
	ErrName      = errors.New("restream: a name has 1 to 80 characters and no control characters")
	ErrTooMany   = errors.New("restream: the channel has as many targets as it may")
)

const (
	addressMax = 1024 // bytes
	keyMax     = 1024
	nameMax    = 80 // characters
)

// State is where a target stands.
type State string

// The states.
const (
	Off        State = "off"
	Waiting    State = "waiting" // for a broadcast, or for its publisher
	Connecting State = "connecting"
	Live       State = "live"
	Retrying   State = "retrying"
	Failed     State = "error" // nothing will change by asking again
)

// Reason says why a target gets nothing.
type Reason string

// The reasons.
const (
	NoReason    Reason = ""
	Unreachable Reason = "unreachable"
	Address     Reason = "address"     // unknown, or not public
	Credentials Reason = "credentials" // the key is refused
	Refused     Reason = "refused"     // the platform does not take the stream
	Codec       Reason = "codec"       // the platform or the protocol does not take this coding
	BFrames     Reason = "b_frames"    // WebRTC carries none
	Slow        Reason = "slow"        // it takes less than the broadcast brings
	Busy        Reason = "busy"        // this node pushes as much as it may
	Unsealable  Reason = "secret_key"
)

// Target is somewhere to push a channel's broadcasts to.
type Target struct {
	ID, Channel, Shop string
	Name              string
	Address           string // without what is secret: scheme and host
	Sealed            string // address and key
	Enabled           bool
	Created           time.Time
}

// Status is where a target stands, and what it got of the present broadcast.
type Status struct {
	State      State
	Reason     Reason
	Broadcast  string
	Since      time.Time
	Bitrate    int    // bits per second, of the last seconds
	Sent       uint64 // bytes
	Dropped    uint64 // pictures and sounds that it was too slow for
	Reconnects uint64
}

// Store keeps targets. Each method is one transaction. restreamsql implements it on SQLite and PostgreSQL.
type Store interface {
	// CreateTarget adds one: ErrTooMany where the channel has max already.
	CreateTarget(ctx context.Context, t Target, max int) error
	// Target finds one. ErrNotFound.
	Target(ctx context.Context, id string) (Target, error)
	// Targets lists a channel's, oldest first.
	Targets(ctx context.Context, channel string) ([]Target, error)
	EnableTarget(ctx context.Context, id string, on bool) error
	DeleteTarget(ctx context.Context, id string) error
}

// place is a whole address. It is what is sealed.
type place struct {
	Address string `json:"address"`
	Key     string `json:"key,omitempty"`
}

func (p place) seal() []byte {
	out, err := json.Marshal(p)
	if err != nil {
		panic(err) // two strings
	}
	return out
}

// ports that stand in no address that leaves them out.
var ports = map[string]string{"rtmp": "1935", "rtmps": "443", "srt": "8890", "http": "80", "https": "443"}

// parse reads an address and a key as somebody typed them.
func (p place) parse() (*url.URL, error) {
	if len(p.Address) > addressMax || len(p.Key) > keyMax || strings.ContainsFunc(p.Address+p.Key, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }) {
		return nil, ErrAddress
	}
	u, err := url.Parse(p.Address)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.Fragment != "" || ports[u.Scheme] == "" {
		return nil, ErrAddress
	}
	if path := strings.Trim(u.Path, "/"); path == "" && u.Scheme != "srt" || strings.HasPrefix(u.Scheme, "rtmp") && p.Key == "" && !strings.Contains(path, "/") {
		return nil, ErrAddress
	}
	return u, nil
}

func shown(u *url.URL) string { return u.Scheme + "://" + u.Host }

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > nameMax || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", ErrName
	}
	return name, nil
}
