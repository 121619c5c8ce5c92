package hls

import (
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// waiting keeps the units that come before an epoch begins.
type waiting struct {
	units  []*streaming.Unit
	bytes  int
	heard  bool            // there is sound
	key    *streaming.Unit // the first key picture
	gop    gop             // of the first group of pictures, as far as it has come
	whole  bool            // its end was seen
	last   int64           // decode stamp of the newest picture
	keyAt  mediatime.Time
	first  mediatime.Time
	newest mediatime.Time
	seen   mediatime.Time // newest picture
	late   mediatime.Time // the most that sound was behind the pictures
}

// add keeps a unit of track t. Pictures before the first key picture are not kept.
func (w *waiting) add(u *streaming.Unit, t streaming.Track) {
	at := t.Time(u.DTS)
	if len(w.units) == 0 && w.key == nil && w.newest == 0 {
		w.first, w.newest = at, at
	}
	w.newest = max(w.newest, at)
	if t.Kind != streaming.Video {
		w.heard = true
		if w.key != nil {
			w.late = max(w.late, w.seen-at)
		}
		w.keep(u)
		return
	}
	switch {
	case w.key == nil && !u.Key:
		return
	case w.key == nil:
		w.key, w.keyAt, w.last = u, at, u.DTS
	default:
		if d := u.DTS - w.last; d > 0 && !w.whole {
			w.gop.add(d)
		}
		w.last = u.DTS
		w.whole = w.whole || u.Key && w.gop.frames > 0
	}
	w.seen = at
	w.keep(u)
}

func (w *waiting) keep(u *streaming.Unit) {
	w.units = append(w.units, u)
	w.bytes += u.Size()
}

func (w *waiting) span() mediatime.Time { return w.newest - w.first }

func (w *waiting) sinceKey() mediatime.Time {
	if w.key == nil {
		return 0
	}
	return w.newest - w.keyAt
}
