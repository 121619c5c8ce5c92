package mediatime

import "time"

// Anchor ties one generation of a broadcast to the wall clock: at Wall the publisher's frame of media
// time Media entered the server.
type Anchor struct {
	Generation int       `json:"generation"`
	Media      Time      `json:"media_time"`
	Wall       time.Time `json:"wall"`
}

// Date is the wall-clock date of media time t in the anchor's generation (EXT-X-PROGRAM-DATE-TIME).
func (a Anchor) Date(t Time) time.Time { return a.Wall.Add((t - a.Media).Duration()) }

// At is the media time of a date, by this anchor.
func (a Anchor) At(date time.Time) Time { return a.Media + Of(date.Sub(a.Wall)) }

// Anchors lists the anchors of a broadcast, in the order of their generations. Media rises strictly.
type Anchors []Anchor

// For returns the anchor that was in force at media time t: the newest whose Media is not after t, or the
// first one for an earlier t. It reports false where there is none.
func (as Anchors) For(t Time) (Anchor, bool) {
	if len(as) == 0 {
		return Anchor{}, false
	}
	for i := len(as) - 1; i > 0; i-- {
		if as[i].Media <= t {
			return as[i], true
		}
	}
	return as[0], true
}

// Newest returns the anchor of the newest generation.
func (as Anchors) Newest() (Anchor, bool) {
	if len(as) == 0 {
		return Anchor{}, false
	}
	return as[len(as)-1], true
}

// Clock tells which media time is entering the server now. It reports false for a broadcast that has had
// no frame yet. While the publisher is silent the clock goes on with the wall.
type Clock interface {
	Now(broadcastID string) (Time, bool)
}

// Cadence is a Clock that knows the pictures: Frame is the time of the one that is shown at a time of the near past or
// future, or next after it; the time itself where that cannot be told.
type Cadence interface {
	Frame(broadcastID string, at Time) Time
}
