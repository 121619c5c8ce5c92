package event

import (
	"encoding/json"
	"strings"
)

// Kind names what an event tells. Integrators' own kinds start with "x.".
type Kind string

// Class says how a kind travels in a viewer's feed.
type Class int

const (
	// Fact is stored, urgent and never merged: a pin, a price, an end.
	Fact Class = iota
	// Value is the newest per key: a stock count, the number of viewers. Older ones may be merged away.
	Value
	// Talk is chat: it may be thinned while it is sent, never in the store.
	Talk
	// Pass is an integrator's own: not stored, not merged, it rides the tick.
	Pass
)

// The kinds, each with the room that declares its data.
const (
	BroadcastScheduled   Kind = "broadcast.scheduled"
	BroadcastStarted     Kind = "broadcast.started"     // streaming: on air; data holds the anchor
	BroadcastAnchored    Kind = "broadcast.anchored"    // streaming: a new generation; data holds its anchor
	BroadcastInterrupted Kind = "broadcast.interrupted" // streaming: the publisher fell silent
	BroadcastResumed     Kind = "broadcast.resumed"
	BroadcastEnded       Kind = "broadcast.ended"

	PinPlaced  Kind = "pin.placed"
	PinRemoved Kind = "pin.removed"
	BagChanged Kind = "bag.changed"

	DealAnnounced Kind = "deal.announced" // overlay: its countdown begins; data holds the card
	DealStarted   Kind = "deal.started"   // overlay: it is open
	DealEnded     Kind = "deal.ended"     // overlay: it is over, or was cancelled; data says why
	DealSoldOut   Kind = "deal.sold_out"  // shop: the last unit is taken
	DealLeft      Kind = "deal.left"      // shop: value, keyed by deal
	DealDrawn     Kind = "deal.drawn"     // overlay: a fair deal's results

	PriceChanged Kind = "price.changed"
	StockChanged Kind = "stock.changed" // value, keyed by variant
	StockOut     Kind = "stock.out"
	StockBack    Kind = "stock.back"
	WaitCalled   Kind = "wait.called" // units came back, and those who wait are offered them

	ViewersChanged Kind = "viewers.changed" // value

	ChatSaid      Kind = "chat.said"      // talk
	ChatRemoved   Kind = "chat.removed"   // ids only
	ChatSilenced  Kind = "chat.silenced"  // an author was muted or banned, or may speak again
	ChatPinned    Kind = "chat.pinned"    // the comment on top
	ChatAnnounced Kind = "chat.announced" // a line over the picture
	ChatRuled     Kind = "chat.ruled"     // slow mode, followers only, off
	ChatWaiting   Kind = "chat.waiting"   // value: a moderator should look at the review queue
	LikesChanged  Kind = "likes.changed"  // value: the broadcast's hearts

	OrderPlaced   Kind = "order.placed"
	OrderPaid     Kind = "order.paid"
	OrderDeclined Kind = "order.declined"
	OrderExpired  Kind = "order.expired" // the hold ran out before the money came
	OrderRefunded Kind = "order.refunded"
	OrderCanceled Kind = "order.cancelled"

	AudienceCounted Kind = "audience.counted" // views: a second's views, impressions and clicks, for the folds

	KeyRotated Kind = "key.rotated" // account: the old stream key must be kicked

	NodeForgets Kind = "node.forgets" // between nodes: what was remembered of an account, a session or a publisher is void
	NodeViewers Kind = "node.viewers" // between nodes: value, how many watch through one of them, keyed by node
)

type kind struct {
	version int
	class   Class
	key     string // of a value: the member of its data that tells values apart; "" where there is one per topic
}

var kinds = map[Kind]kind{
	BroadcastScheduled: {1, Fact, ""}, BroadcastStarted: {1, Fact, ""}, BroadcastAnchored: {1, Fact, ""},
	BroadcastInterrupted: {1, Fact, ""}, BroadcastResumed: {1, Fact, ""}, BroadcastEnded: {1, Fact, ""},
	PinPlaced: {1, Fact, ""}, PinRemoved: {1, Fact, ""}, BagChanged: {1, Fact, ""},
	DealAnnounced: {1, Fact, ""}, DealStarted: {1, Fact, ""}, DealEnded: {1, Fact, ""}, DealSoldOut: {1, Fact, ""},
	DealLeft: {1, Value, "deal"}, DealDrawn: {1, Fact, ""},
	PriceChanged: {1, Fact, ""}, StockChanged: {1, Value, "variant"}, StockOut: {1, Fact, ""}, StockBack: {1, Fact, ""}, WaitCalled: {1, Fact, ""},
	ViewersChanged: {1, Value, ""},
	OrderPlaced:    {1, Fact, ""}, OrderPaid: {1, Fact, ""}, OrderDeclined: {1, Fact, ""}, OrderExpired: {1, Fact, ""},
	OrderRefunded: {1, Fact, ""}, OrderCanceled: {1, Fact, ""},
	ChatSaid: {1, Talk, ""}, ChatRemoved: {1, Fact, ""}, ChatSilenced: {1, Fact, ""}, ChatPinned: {1, Fact, ""}, ChatAnnounced: {1, Fact, ""},
	ChatRuled: {1, Fact, ""}, ChatWaiting: {1, Value, ""}, LikesChanged: {1, Value, ""},
	AudienceCounted: {1, Fact, ""},
	KeyRotated:      {1, Fact, ""},
	NodeForgets:     {1, Fact, ""}, NodeViewers: {1, Value, "node"},
}

// Kinds lists every kind of our own.
func Kinds() []Kind {
	out := make([]Kind, 0, len(kinds))
	for k := range kinds {
		out = append(out, k)
	}
	return out
}

// Class of the kind. Integrators' kinds pass; unknown ones are facts, the class that loses nothing.
func (k Kind) Class() Class {
	if strings.HasPrefix(string(k), "x.") {
		return Pass
	}
	return kinds[k].class
}

// ValueKey tells an event of class Value apart from others of its topic: the newest per key counts. It is empty
// for other classes.
func (e Event) ValueKey() string {
	k, ok := kinds[e.Kind]
	if !ok || k.class != Value {
		return ""
	}
	if k.key == "" {
		return string(e.Kind)
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(e.Data, &data) != nil {
		return string(e.Kind) + "/" + e.ID // unreadable: merged with nothing
	}
	return string(e.Kind) + "/" + string(data[k.key])
}

// Version of the kind's data. Integrators' kinds are 1.
func (k Kind) Version() int { return max(1, kinds[k].version) }
