package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What the heap may grow by before it is collected.
const (
	heapEvery = time.Second
	heapUsual = 100 // percent of what lives, as Go has it
	heapLeast = 20
	heapStep  = 5 // a change below is not worth its pause
	heapLives = "/gc/heap/live:bytes"
)

// heap gives media no room of their own to grow in. Go lets a heap become twice what lives in it; most of what lives
// here are rings and parts, which go in their order, stay as many as they are, and hold no pointers to follow: collecting
// as often as without them costs as much as without them. A fifth of them is left as room.
type heap struct {
	media func() int64
	lives func() uint64
	set   func(percent int) (was int)
	tick  <-chan time.Time
}

// percent is what the heap may grow by, of what lives.
func (heap) percent(lives uint64, media int64) int {
	if lives == 0 || media <= 0 {
		return heapUsual
	}
	settled := min(uint64(media), lives) / 5 * 4
	return max(heapLeast, int(heapUsual*(lives-settled)/lives))
}

// run follows what is on air until ctx ends, and leaves everything as it was.
func (h heap) run(ctx context.Context) error {
	now := heapUsual
	defer func() {
		if now != heapUsual {
			h.set(heapUsual)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.tick:
		}
		if p := h.percent(h.lives(), h.media()); p >= now+heapStep || p <= now-heapStep || p == heapUsual && now != heapUsual {
			h.set(p)
			now = p
		}
	}
}

// runHeap does nothing where whoever runs the program has said what the collector should do.
func (a *app) runHeap(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	tick := time.NewTicker(heapEvery)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: heapLives}}
	return heap{
		media: func() int64 { return a.hub.Held() + a.hls.Held() },
		lives: func() uint64 {
			metrics.Read(sample)
			if sample[0].Value.Kind() != metrics.KindUint64 {
				return 0
			}
			return sample[0].Value.Uint64()
		},
		set:  debug.SetGCPercent,
		tick: tick.C,
	}.run(ctx)
}
