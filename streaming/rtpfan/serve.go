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
	if v.pictures {
		more = e.serveVideo(v, now)
	}
	if v.Types[FormatOpus] != 0 && e.serveAudio(f, v) {
		more = true
	}
	return more
}

func (e *Egress) serveVideo(v *Viewer, now time.Time) bool {
	c := v.choice
	if !now.Before(c.lookAt) {
		e.look(v, now)
	}
	if c.probe.running() {
		e.pad(v, now)
	}
	until := e.change(v, now)
	if c.showing.Load() == nil {
		return false
	}
	f := v.shown
	f.mu.RLock()
	h := f.video
	rate := f.rate
	skipped := e.keepUp(v, h)
	if skipped {
		v.counters.skipped.Add(1)
		e.Metrics.skip()
	}
	if !e.join(v, h, rate, now) {
		f.mu.RUnlock()
		return false
	}
	behind := h.next - v.video.next
	share := trainPacketsMax
	if v.spread && v.joined {
		share = v.pace.may(e.Spread, behind, now)
	}
	e.window = e.window[:0]
	for n := v.video.next; n < h.next && len(e.window) < share; n++ {
		e.window = append(e.window, h.at(n))
	}
	f.mu.RUnlock()
	if v.lost.Load() {
		return false
	}
	for _, p := range e.window {
		if p.media >= until {
			return false
		}
		if !v.mayJoin(now, rate) || !v.joined && e.allTokens <= 0 {
			e.joining++
			return false
		}
		n := e.sendNext(v, p, &v.video)
		c.shown, c.midway = p.media, !p.last
		if !v.joined {
			v.tokens -= float64(n)
			e.allTokens -= float64(n)
		}
		v.video.count(len(p.raw) - int(p.padding))
	}
	behind -= uint64(len(e.window))
	v.pace.took(len(e.window), behind)
	if behind == 0 {
		v.joined = true
		e.catch(v, false)
		return false
	}
	if share == 0 {
		e.joining++
	}
	return share > 0
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
		e.sendNext(v, p, &v.audio)
		v.audio.count(len(p.raw))
	}
	return behind > uint64(len(e.window))
}

func (c *cursor) count(size int) {
	c.next++
	c.packets++
	c.octets += uint32(size - headerSize)
}

// sendNext sends a viewer the packet that its cursor stands at.
func (e *Egress) sendNext(v *Viewer, p *Packet, c *cursor) int {
	if v.Types[p.format] == 0 {
		return 0 // whep ends the session
	}
	d := dress{payloadType: v.Types[p.format], delayID: v.DelayID, index: c.index(c.next)}
	if v.WideID != 0 && p.format != FormatOpus {
		v.number(&d, len(p.raw), e.clock)
	}
	return e.send(v, p, &d)
}

// send encrypts a packet for a viewer and puts it into the batch, or into the viewer's sink. It returns its size.
func (e *Egress) send(v *Viewer, p *Packet, d *dress) int {
	b := e.batch
	start := len(b.arena)
	out, err := v.seal.appendRTP(b.arena, &e.scratch, p, d)
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

// sendAgain answers requests for packets that the viewer missed, by a repair packet or by the same packet under the
// same index, so the same bytes. What it never got, what is too old and what goes over the limits is left out.
func (e *Egress) sendAgain(f *Fan, v *Viewer, now time.Time) {
	for _, r := range v.resends {
		p, index, rate := v.requested(f, r)
		switch {
		case p == nil:
			e.Metrics.leave("unknown")
		case !v.maySendAgain(now, index, r.video, len(p.raw), rate):
			e.Metrics.leave("limit")
		default:
			if e.batch.full() {
				e.flush()
			}
			d := dress{payloadType: v.Types[p.format], delayID: v.DelayID, index: index}
			if v.Repair[p.format] != 0 {
				v.repair(&d, p, now)
			}
			e.send(v, p, &d)
			v.counters.resent.Add(1)
			e.Metrics.resend()
		}
	}
	v.resends = v.resends[:0]
	if e.batch.full() {
		e.flush()
	}
}

// requested finds the packet that a request is about, nil where there is none, its SRTP index, and the rate that the
// limits go by.
func (v *Viewer) requested(f *Fan, r request) (p *Packet, index uint64, rate float64) {
	fan, n, ok := f, uint64(0), false
	if r.video {
		fan, n, index, ok = v.sent(r.seq)
	} else if c := &v.audio; c.started {
		n = c.number(r.seq)
		index, ok = c.index(n), n >= c.from && n < c.next
	}
	if !ok {
		return nil, 0, 0
	}
	fan.mu.RLock()
	defer fan.mu.RUnlock()
	h := fan.video
	if !r.video {
		h = fan.audio
	}
	if n < h.first || n >= h.next || v.Types[h.at(n).format] == 0 {
		return nil, 0, 0
	}
	return h.at(n), index, fan.rate
}
