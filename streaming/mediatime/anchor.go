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

// AnchorsKept is how many anchors of one broadcast are held.
const AnchorsKept = 1024

// Kept returns those that are held however often a publisher comes anew: the first, from which media time counts on
// with the wall, and the newest 1,023. A time in a generation that is no longer among them is counted from the first
// one: it is off by what that generation began late, never by the clock. Lists of segments bring their own anchors,
// so neither a recording nor what viewers can wind back loses one. The slice that it returns is not shared.
func (as Anchors) Kept() Anchors {
	if len(as) <= AnchorsKept {
		return append(Anchors(nil), as...)
	}
	out := append(make(Anchors, 0, AnchorsKept), as[0])
	return append(out, as[len(as)-AnchorsKept+1:]...)
}

// Add appends an anchor and, every so often, gives up those that are not Kept. A slice of the list that somebody else
// holds stays as it is.
func (as Anchors) Add(a Anchor) Anchors {
	as = append(as, a)
	if len(as) > AnchorsKept+AnchorsKept/4 {
		return as.Kept()
	}
	return as
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
