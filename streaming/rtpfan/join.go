package rtpfan

import "time"

// join places the video's cursor at the newest key picture. It runs under the fan's read lock and reports false while
// the viewer has to wait: for a key picture, or for its turn to catch up.
//
// Catching up from a key picture of some time ago costs bytes beyond the live ones, and e.JoinRate bounds them for all
// viewers together. Only as many catch up at a time as that carries at joinFactor times the stream's rate: shared
// among more, it would not bring any of them to the live edge, and they would fall out of the history one after the
// other. Whoever waits begins with the next key picture at the latest, which costs nothing more than what all get.
func (e *Egress) join(v *Viewer, h *history, rate float64, now time.Time) bool {
	if v.video.started {
		return true
	}
	if !h.keyed {
		return false
	}
	behind := h.span(h.key)
	if v.waitUntil.IsZero() && behind > joinGroupMax && v.shown.stream.TakesKeyRequests() {
		v.waitUntil = now.Add(joinKeyWait)
		v.shown.requestKey()
	}
	if now.Before(v.waitUntil) && behind > joinGroupMax {
		e.joining++
		return false
	}
	if behind <= joinFresh {
		v.joined = true
	} else if float64(e.catching+1)*joinFactor*max(rate, joinRateMin) > max(e.joinRate(), joinFactor*max(rate, joinRateMin)) {
		return false
	} else {
		e.catch(v, true)
	}
	v.start(&v.video, h.key)
	return true
}

// keepUp takes a viewer out that has fallen out of the history, or too far behind: it joins anew, at the newest key
// picture. It runs under the fan's read lock and reports whether the viewer lost something.
func (e *Egress) keepUp(v *Viewer, h *history) bool {
	c := &v.video
	if !c.started || c.next >= h.first && (c.next >= h.next || c.next >= h.key || !h.keyed || h.span(c.next) < behindMax) {
		return false
	}
	c.started, v.joined, v.tokensAt = false, false, time.Time{}
	e.catch(v, false)
	return true
}

// catch says whether the viewer is catching up.
func (e *Egress) catch(v *Viewer, is bool) {
	if v.catching == is {
		return
	}
	v.catching = is
	if is {
		e.catching++
	} else {
		e.catching--
	}
}

// mayJoin tells whether a joining viewer may get something of what it is behind. One at the live edge may always.
func (v *Viewer) mayJoin(now time.Time, rate float64) bool {
	if v.joined {
		return true
	}
	rate = max(rate, joinRateMin) * joinFactor
	if v.tokensAt.IsZero() {
		v.tokens = 16 * packetMax
	} else {
		v.tokens = min(v.tokens+rate*now.Sub(v.tokensAt).Seconds(), max(16*packetMax, rate/20))
	}
	v.tokensAt = now
	return v.tokens > 0
}

func (e *Egress) joinRate() float64 {
	if e.JoinRate == 0 {
		return joinRateAll
	}
	return float64(e.JoinRate)
}

// refill renews what all joining viewers together may get.
func (e *Egress) refill(now time.Time) {
	rate := e.joinRate()
	if e.tokensAt.IsZero() {
		e.allTokens = rate / 20
	} else {
		e.allTokens = min(e.allTokens+rate*now.Sub(e.tokensAt).Seconds(), rate/20)
	}
	e.tokensAt = now
}
