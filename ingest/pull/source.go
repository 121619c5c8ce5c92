package pull

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// What Service refuses.
var (
	ErrNotFound  = errors.New("pull: no such source")
	ErrAddress   = errors.New("pull: an address begins with rtsp, rtsps, rtmp, rtmps, srt, http or https, and names a host and a stream")
	ErrForbidden = errors.New("pull: this address is unknown or not public, and the operator does not allow it")
	ErrName      = errors.New("pull: a name has 1 to 80 characters and no control characters")
	ErrTooMany   = errors.New("pull: the channel has as many sources as it may")
)

const (
	addressMax = 1024 // bytes
	nameMax    = 80   // characters
)

// State is where a source stands.
type State string

// The states.
const (
	Stopped    State = "stopped"
	Connecting State = "connecting"
	Live       State = "live"
	Waiting    State = "waiting" // it will be asked again
	Failed     State = "error"   // it will not, until somebody starts it again
)

// Reason says why a source is not on air.
type Reason string

// The reasons.
const (
	NoReason    Reason = ""
	Unreachable Reason = "unreachable"   // no connection, or it broke
	Address     Reason = "address"       // unknown, or not public
	Credentials Reason = "credentials"   // user, password or key are refused
	NoStream    Reason = "no_stream"     // nothing there under this name
	Silent      Reason = "silent"        // connected, and nothing comes
	Codec       Reason = "codec"         // nothing in it that we take
	Malformed   Reason = "malformed"     // not what its address says it is
	Over        Reason = "over"          // the source says that its stream has ended
	Ended       Reason = "ended"         // our broadcast has ended
	Displaced   Reason = "displaced"     // another publisher took the air
	Resting     Reason = "resting"       // the broadcast was just ended; a new one takes it at once
	Limits      Reason = "limits"        // bitrate, resolution or tracks beyond what is allowed
	Busy        Reason = "busy"          // this node takes no more publishers
	Unsealable  Reason = "secret_key"    // sealed by another secret_key
	Internal    Reason = "internal"      // ours
	Attempts    Reason = "attempts_over" // asked as often as is allowed
)

// Source is an address that a channel fetches from.
type Source struct {
	ID, Channel, Shop string
	Name              string
	Address           string // without what is secret: scheme and host
	Sealed            string // the whole of it
	Wanted            bool   // it is to be on air
	State             State
	Reason            Reason
	Broadcast         string // that it went on air on since it was wanted
	Created, Changed  time.Time
}

// Store keeps sources. Each method is one transaction. pullsql implements it on SQLite and PostgreSQL.
type Store interface {
	// CreateSource adds one: ErrTooMany where the channel has max already.
	CreateSource(ctx context.Context, s Source, max int) error
	// Source finds one. ErrNotFound.
	Source(ctx context.Context, id string) (Source, error)
	// Sources lists a channel's, oldest first.
	Sources(ctx context.Context, channel string) ([]Source, error)
	// WantSource says whether one is to be on air, and forgets its broadcast and its reason. ErrNotFound.
	WantSource(ctx context.Context, id string, wanted bool, now time.Time) error
	DeleteSource(ctx context.Context, id string) error
	// ClaimSources returns the wanted sources that the node has until the given time: its own, and those that no node
	// has had since now.
	ClaimSources(ctx context.Context, node string, now, until time.Time, max int) ([]Source, error)
	// ReleaseSources gives up what a node has claimed.
	ReleaseSources(ctx context.Context, node string) error
	// SetSourceState writes down where a wanted source of the node stands. Stopped and Failed end the wish.
	SetSourceState(ctx context.Context, node string, s Source) error
}

// ports that stand in no address that leaves them out.
var ports = map[string]string{"rtsp": "554", "rtsps": "322", "rtmp": "1935", "rtmps": "443", "srt": "8890", "http": "80", "https": "443"}

// parseAddress reads an address as somebody typed it.
func parseAddress(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if len(text) > addressMax || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }) {
		return nil, ErrAddress
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.Fragment != "" || ports[u.Scheme] == "" {
		return nil, ErrAddress
	}
	if u.Scheme != "srt" && strings.Trim(u.Path, "/") == "" {
		return nil, ErrAddress
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Zone() != "" {
		return nil, ErrAddress
	}
	return u, nil
}

// shown is what may be told of an address: cameras have their passwords anywhere else in it.
func shown(u *url.URL) string { return u.Scheme + "://" + u.Host }

// dialled is host:port of an address.
func dialled(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":" + ports[u.Scheme]
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > nameMax || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", ErrName
	}
	return name, nil
}
