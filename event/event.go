package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Event is a fact, or a value that just changed. It is never altered once it is published: readers share it.
type Event struct {
	ID        string          `json:"id"`         // UUIDv7; unique for ever
	Topic     string          `json:"-"`          // "broadcast/<id>" (public) or "shop/<id>" (the shop's people)
	Kind      Kind            `json:"kind"`       // one of kinds.go, or an integrator's "x.…"
	V         int             `json:"v"`          // version of Data's shape; fields are only added within one
	MediaTime int64           `json:"media_time"` // the frame that it belongs to, µs since the first frame; 0: none
	At        int64           `json:"at"`         // Unix milliseconds
	Data      json.RawMessage `json:"data"`
}

// New makes an event of a known kind. data must encode as JSON; that it does not is a programming error.
func New(topic string, kind Kind, mediaTime int64, at time.Time, data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("event %s: %v", kind, err))
	}
	return Event{ID: uuid.Must(uuid.NewV7()).String(), Topic: topic, Kind: kind, V: kind.Version(), MediaTime: mediaTime, At: at.UnixMilli(), Data: raw}
}

// BroadcastTopic is the public topic of a broadcast: whoever may watch it may follow it.
func BroadcastTopic(id string) string { return "broadcast/" + id }

// ShopTopic is the topic of a shop's own people.
func ShopTopic(id string) string { return "shop/" + id }

// NodesTopic is what the nodes of an installation tell each other, by subject. No client can follow it.
func NodesTopic(subject string) string { return "nodes/" + subject }

// Position is a place in the history of a topic, as the bus counts it. Epoch changes when history was lost.
type Position struct {
	Epoch  string
	Offset uint64
}

// ErrBadPosition is returned by ParsePosition.
var ErrBadPosition = errors.New("event: a position reads epoch:offset")

// ParsePosition reads what String writes.
func ParsePosition(s string) (Position, error) {
	epoch, offset, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(offset, 10, 64)
	if !ok || err != nil || epoch == "" || len(epoch) > 64 {
		return Position{}, ErrBadPosition
	}
	return Position{epoch, n}, nil
}

// String writes epoch:offset.
func (p Position) String() string { return p.Epoch + ":" + strconv.FormatUint(p.Offset, 10) }

// MarshalText is String.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePosition.
func (p *Position) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePosition(string(b))
	return err
}

// Frame is a stretch of a topic's history. Positions inside (From, To] are accounted for, even those whose
// events were merged away; only a From that differs from the reader's last To is a gap.
type Frame struct {
	From   Position `json:"from"`
	To     Position `json:"to"`
	Events []Event  `json:"events"`
}
