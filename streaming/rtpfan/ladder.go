package rtpfan

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// MainName is what the publisher's own picture is called among the renditions.
const MainName = "main"

// Name is the fan's among its stream's renditions.
func (f *Fan) Name() string {
	if info, ok := f.stream.Rendition(); ok {
		return info.Name
	}
	return MainName
}

// newRung makes the fan of a rendition: the same SSRC and the same clock, so that a viewer may change between them.
func (f *Fan) newRung(s *streaming.Stream) *Fan {
	info, _ := s.Rendition()
	r := newFan(s, nil, f.log.With("rendition", info.Name), f.metrics)
	r.video = newHistory(f.video.ssrc, f.video.offset, uint16(rand.Uint32()), streaming.VideoClockRate)
	r.repairSSRC = f.repairSSRC
	return r
}

// keepLadder runs a fan for each further rendition of the stream as long as it is there.
func (f *Fan) keepLadder(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type rung struct {
		fan  *Fan
		stop context.CancelFunc
	}
	held := map[*streaming.Stream]rung{}
	for {
		changed := f.stream.RenditionsChanged()
		there := map[*streaming.Stream]bool{}
		rungs := []*Fan{f}
		for _, s := range f.stream.Renditions() {
			there[s] = true
			r, ok := held[s]
			if !ok {
				below, stop := context.WithCancel(ctx)
				r = rung{f.newRung(s), stop}
				held[s] = r
				running.Go(func() { r.fan.run(below) })
			}
			rungs = append(rungs, r.fan)
		}
		for s, r := range held {
			if !there[s] {
				r.stop()
				delete(held, s)
			}
		}
		f.ladder.Store(&rungs)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Rungs are the fans of the stream's pictures: its own first, then the renditions', the highest bitrate first.
func (f *Fan) Rungs() []*Fan {
	if all := f.ladder.Load(); all != nil {
		return *all
	}
	return []*Fan{f}
}

// Need is what the picture takes of a link, in bits a second, the packets' own headers included: measured once it has
// been for a while, declared until then, 0 where nothing is known.
func (f *Fan) Need() float64 {
	f.mu.RLock()
	need, lately := f.needed, 8*f.rate
	f.mu.RUnlock()
	if need == 0 {
		info, _ := f.stream.Rendition()
		need = float64(info.Bitrate)
	}
	if need == 0 {
		need = lately
	}
	return need * packetOverhead
}

// requestKey asks the publisher for a key picture on behalf of any viewer, at most once in keyGap: what comes serves
// all of them.
func (f *Fan) requestKey() {
	now := time.Now().UnixNano()
	last := f.keyAsked.Load()
	if now-last >= int64(keyGap) && f.keyAsked.CompareAndSwap(last, now) {
		f.stream.RequestKey()
	}
}

const keyGap = time.Second

// packetOverhead is what tags and the headers of the network add to packets of the usual size.
const packetOverhead = 1.05

// needWindow measures the bits per second of media that a viewer must be able to take: it follows a rise fast and a
// fall slowly.
type needWindow struct {
	from  mediatime.Time
	bytes int
	need  float64
}

const needWindowTime = mediatime.Time(2_000_000)

func (w *needWindow) add(at mediatime.Time, n int) {
	d := at - w.from
	if d < 0 || d > 10*needWindowTime {
		w.from, w.bytes, d = at, 0, 0
	}
	if d >= needWindowTime {
		now := 8 * float64(w.bytes) / d.Duration().Seconds()
		switch {
		case w.need == 0:
			w.need = now
		case now > w.need:
			w.need += (now - w.need) * 0.5
		default:
			w.need += (now - w.need) * 0.1
		}
		w.from, w.bytes = at, 0
	}
	w.bytes += n
}

// state is what choosing has to know of a rung now.
func (f *Fan) state() (format Format, newest mediatime.Time, err error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.format, f.video.media, f.err
}
