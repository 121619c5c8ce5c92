package hls

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// How long a part waits for its sound: half as long again as the sound of this generation has been late, within these.
const (
	soundWaitMin = 300 * time.Millisecond
	soundWaitMax = 3 * time.Second
)

// cut is a part whose pictures are complete, or the end of a segment.
type cut struct {
	end bool // a segment ends here; nothing else is set

	opens       bool // a segment begins with the part
	plan        plan
	from, to    int64 // on the decode line of the cutting track
	shown       int64 // the presentation stamp that corresponds to to: sound from here on is the next part's
	date        int64 // presentation stamp of the segment's start, where it opens one
	independent bool  // a key picture is in it, and none stands from before
	keyFirst    bool
	samples     []*fmp4.Sample
	base        int64 // decode stamp of the first sample
}

// assembler joins pictures and sound to parts, in the order of the cuts. One goroutine uses it.
type assembler struct {
	out        sink
	follow     func(beat) // nil where nothing follows
	split      bool       // the sound has a rendition of its own: it is not in the parts
	log        *slog.Logger
	generation *streaming.Generation
	init       *Init
	clock      streaming.Track // the track that is cut
	start      int64           // its stamp at the epoch's beginning
	sound      *sound
	mute       bool         // no sound has come: it is silence alone, and nothing is waited for
	jump       bool         // the next segment is a discontinuity
	breaks     *atomic.Bool // so is the next one that begins with a key picture, where it is set
	sequence   uint32

	queue   []cut
	newest  int64 // newest stamp of the cutting track
	late    int64 // the most that sound was behind, in its ticks
	missing bool  // sound was filled in and has not come back
	filled  int   // parts that silence was laid into because sound did not come in time
}

func (a *assembler) push(c cut) { a.queue = append(a.queue, c) }

// soundAt is the sound's stamp of an instant given by a presentation stamp of the cutting track.
func (a *assembler) soundAt(stamp int64) int64 { return a.sound.track.Ticks(a.clock.Time(stamp)) }

// hear takes an audio unit. The first one after silence goes on from it.
func (a *assembler) hear(pts int64, payload []byte) {
	a.mute = false
	behind := a.soundAt(a.newest) - pts
	a.late = max(a.late, min(behind, a.ticks(soundWaitMax)))
	if a.sound.add(pts, payload) || behind <= a.ticks(soundWaitMax) {
		a.missing = false // also where it came too late: the next part waits longer
	}
}

func (a *assembler) ticks(d time.Duration) int64 {
	return int64(d) * int64(a.sound.track.ClockRate) / int64(time.Second)
}

// settle hands on every cut whose sound is in, or must not be waited for any longer.
func (a *assembler) settle(all bool) {
	for len(a.queue) > 0 {
		c := a.queue[0]
		if c.end {
			a.out.shut()
			if a.follow != nil {
				a.follow(beat{end: true})
			}
			a.queue = a.queue[1:]
			continue
		}
		if a.sound.clock < a.soundAt(c.shown) {
			if !all && !a.mute && !a.missing && !a.overdue(c) {
				return
			}
			if !all && !a.mute {
				a.missing = true
				a.filled++
			}
			a.sound.fill(a.soundAt(c.shown))
		}
		a.queue = a.queue[1:]
		a.write(c)
	}
}

func (a *assembler) overdue(c cut) bool {
	wait := min(max(a.late*3/2, a.ticks(soundWaitMin)), a.ticks(soundWaitMax))
	return a.soundAt(a.newest)-a.soundAt(c.shown) > wait
}

// write makes the part of a cut.
func (a *assembler) write(c cut) {
	file := fmp4.Part{SequenceNumber: a.sequence}
	a.sequence++
	if len(c.samples) > 0 {
		file.Tracks = append(file.Tracks, &fmp4.PartTrack{
			ID: videoTrackID, BaseTime: uint64(max(0, decodeTime(a.clock, c.base))), Samples: c.samples,
		})
	}
	frames := a.sound.take(a.soundAt(c.shown))
	if len(frames) > 0 && !a.split {
		file.Tracks = append(file.Tracks, a.sound.part(frames))
	}
	data, err := marshalPart(file)
	if err != nil {
		a.log.Error("a part was not written", "err", err)
		return
	}
	b := beat{
		generation: a.generation, leader: a.init, sound: a.sound, frames: frames, opens: c.opens,
		duration: a.elapsed(c.to) - a.elapsed(c.from),
		until:    a.clock.Time(c.shown), slack: mediatime.FromTicks(c.plan.frame/2, a.clock.ClockRate),
	}
	b.from = a.clock.Time(c.shown - (c.to - c.from))
	if c.opens {
		b.from = a.clock.Time(c.date)
		b.opening = opening{
			init: a.init, plan: c.plan, discontinuity: a.jump, independent: c.keyFirst,
			date: a.generation.Anchor.Date(b.from), from: b.from,
		}
		if c.keyFirst && a.breaks != nil && a.breaks.Swap(false) {
			b.opening.discontinuity = true
		}
		b.opening.place = a.out.open(b.opening)
		a.jump = false
	}
	a.out.add(&Part{Duration: b.duration, Independent: c.independent, Data: data})
	if a.follow != nil {
		a.follow(b)
	}
}

// elapsed is rounded at each boundary, so that durations add up.
func (a *assembler) elapsed(stamp int64) time.Duration {
	return mediatime.FromTicks(stamp-a.start, a.clock.ClockRate).Duration()
}

func marshalPart(file fmp4.Part) ([]byte, error) {
	var b seekablebuffer.Buffer
	b.Grow(partSize(file))
	if err := file.Marshal(&b); err != nil {
		return nil, fmt.Errorf("write a part: %w", err)
	}
	return b.Bytes(), nil
}

// partSize is a little more than the bytes that a part takes.
func partSize(p fmp4.Part) int {
	n := 256
	for _, t := range p.Tracks {
		n += 128
		for _, s := range t.Samples {
			n += 16 + len(s.Payload)
		}
	}
	return n
}
