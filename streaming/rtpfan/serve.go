package rtpfan

import (
	"time"
)

// serve sends a viewer what is next for it, at most a train of video, and reports whether there was more that it
// may have at once.
func (e *Egress) serve(f *Fan, v *Viewer, now time.Time) bool {
	if !v.reachable() {
		return false
	}
	if v.sink != nil && !v.sink.Room() {
		return false // it wakes us when it has room again
	}
	if e.batch.full() {
		e.flush()
	}
	if !now.Before(v.reportAt) {
		e.report(f, v, now)
	}
	if len(v.resends) > 0 {
		e.sendAgain(f, v, now)
	}
	more := false
	if v.VideoType != 0 {
		more = e.serveVideo(f, v, now)
	}
	if v.AudioType != 0 && e.serveAudio(f, v) {
		more = true
	}
	return more
}

func (e *Egress) serveVideo(f *Fan, v *Viewer, now time.Time) bool {
	f.mu.RLock()
	h := f.video
	if !v.join(h, now) {
		waiting := !v.waitUntil.IsZero()
		f.mu.RUnlock()
		if waiting {
			e.joining++
		}
		return false
	}
	skipped := v.keepUp(h)
	behind := h.next - v.video.next
	rate := f.rate
	if v.video.started {
		e.window = e.window[:0]
		for n := v.video.next; n < h.next && len(e.window) < trainPacketsMax; n++ {
			e.window = append(e.window, h.at(n))
		}
	}
	f.mu.RUnlock()
	if skipped {
		v.counters.skipped.Add(1)
		e.Metrics.skip()
	}
	if !v.video.started || v.lost.Load() {
		return false
	}
	for _, p := range e.window {
		if !v.mayJoin(now, rate) || !v.joined && e.allTokens <= 0 {
			e.joining++
			return false
		}
		n := e.send(v, &v.video, p, v.video.next, v.VideoType)
		if !v.joined {
			v.tokens -= float64(n)
			e.allTokens -= float64(n)
		}
		v.video.count(len(p.raw))
	}
	if behind <= uint64(len(e.window)) {
		v.joined = true
		return false
	}
	return true
}

func (e *Egress) serveAudio(f *Fan, v *Viewer) bool {
	f.mu.RLock()
	h := f.audio
	if !v.audio.started || v.audio.next < h.first {
		v.start(&v.audio, h.next) // the live edge
	}
	behind := h.next - v.audio.next
	e.window = e.window[:0]
	for n := v.audio.next; n < h.next && len(e.window) < trainPacketsMax; n++ {
		e.window = append(e.window, h.at(n))
	}
	f.mu.RUnlock()
	if v.lost.Load() {
		return false
	}
	if e.batch.full() {
		e.flush()
	}
	for _, p := range e.window {
		e.send(v, &v.audio, p, v.audio.next, v.AudioType)
		v.audio.count(len(p.raw))
	}
	return behind > uint64(len(e.window))
}

func (c *cursor) count(size int) {
	c.next++
	c.packets++
	c.octets += uint32(size - headerSize)
}

// send encrypts a packet for a viewer and puts it into the batch, or into the viewer's sink. It returns its size.
func (e *Egress) send(v *Viewer, c *cursor, p *Packet, number uint64, payloadType uint8) int {
	b := e.batch
	start := len(b.arena)
	out, err := v.seal.appendRTP(b.arena, &e.scratch, p, c.index(number), payloadType, v.DelayID)
	if err != nil {
		e.Metrics.leave("srtp")
		return 0
	}
	n := len(out) - start
	v.counters.packets.Add(1)
	v.counters.bytes.Add(uint64(n))
	if v.sink != nil {
		v.sink.Send(out[start:])
		return n
	}
	b.arena = out
	b.add(v.addr, start)
	return n
}

// sendAgain answers requests for packets that the viewer missed: the same packet under the same index, so the same
// bytes. What it never got, what is too old and what goes over the limits is left out.
func (e *Egress) sendAgain(f *Fan, v *Viewer, now time.Time) {
	for _, r := range v.resends {
		h, c, payloadType := f.video, &v.video, v.VideoType
		if !r.video {
			h, c, payloadType = f.audio, &v.audio, v.AudioType
		}
		f.mu.RLock()
		number, ok := h.number(r.seq)
		var p *Packet
		if ok {
			p = h.at(number)
		}
		rate := f.rate
		f.mu.RUnlock()
		switch {
		case p == nil || !c.started || number < c.from || number >= c.next:
			e.Metrics.leave("unknown")
		case !v.maySendAgain(now, number, r.video, len(p.raw), rate):
			e.Metrics.leave("limit")
		default:
			if e.batch.full() {
				e.flush()
			}
			e.send(v, c, p, number, payloadType)
			v.counters.resent.Add(1)
			e.Metrics.resend()
		}
	}
	v.resends = v.resends[:0]
	if e.batch.full() {
		e.flush()
	}
}
