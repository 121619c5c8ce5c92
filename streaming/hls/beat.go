package hls

import (
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// beat is a part as the publisher's own picture was cut, or the end of a segment. Every other rendition is cut by it,
// so that parts lie side by side and segments have the same numbers. It is immutable.
type beat struct {
	end  bool // a segment ends here; nothing else is set
	last bool // the broadcast has ended; nothing else is set

	generation  *streaming.Generation
	leader      *Init
	from, until mediatime.Time // on the line of presentation
	slack       mediatime.Time // what begins so much before a boundary belongs behind it
	duration    time.Duration
	opens       bool
	opening     opening // with its place, where a segment opens
	sound       *sound  // its frames alone may be read
	frames      []soundFrame
}

// Layout says which tracks share a playlist.
type Layout string

// The layouts.
const (
	// Auto is Muxed for one or two pictures, and Grouped for more.
	Auto Layout = "auto"
	// Muxed has sound and picture in one, in every rendition.
	Muxed Layout = "muxed"
	// Grouped has the sound in a rendition of its own, which all pictures share and which plays alone too.
	Grouped Layout = "grouped"
)

// UnmarshalText refuses what is not a layout.
func (l *Layout) UnmarshalText(text []byte) error {
	switch v := Layout(text); v {
	case Auto, Muxed, Grouped:
		*l = v
		return nil
	}
	return fmt.Errorf("%q is not one of auto, muxed, grouped", text)
}

const (
	// renditionAudio is the sound alone, in the layout Grouped.
	renditionAudio = "audio"
	audioGroup     = "sound"
	muxedMost      = 2 // pictures, in the layout Auto
)

// soundLine makes the rendition that is sound alone, beside the pictures. One goroutine uses it.
type soundLine struct {
	out   *rendition
	inits int64

	init     *Init
	made     *sound // that the init stands for
	sequence uint32
}

// follow takes a beat. What it returns is for the log.
func (l *soundLine) follow(b beat) error {
	switch {
	case b.end:
		l.out.shut()
		return nil
	case b.last:
		return nil
	}
	snd, frames := b.sound, b.frames
	if len(frames) == 0 {
		return nil
	}
	if l.init == nil || b.opens && (l.made != snd || b.opening.discontinuity) {
		if !b.opens {
			return nil
		}
		init, err := newInit(l.inits, b.generation, nil, snd)
		if err != nil {
			return err
		}
		l.inits++
		l.init, l.made = init, snd
	}
	rate := snd.track.ClockRate
	first, last := frames[0], frames[len(frames)-1]
	at := snd.track.Time(first.start)
	if b.opens {
		o := b.opening
		o.init, o.independent, o.from, o.date = l.init, true, at, b.generation.Anchor.Date(at)
		o.plan.part += clockOf(snd.frame(), rate)
		l.out.open(o)
	}
	data, err := marshalPart(partOf(&l.sequence, snd.part(frames)))
	if err != nil {
		return err
	}
	length := snd.track.Time(last.start+last.length) - at
	l.out.add(&Part{Duration: length.Duration(), Independent: true, Data: data})
	return nil
}

func clockOf(ticks int64, rate int) time.Duration {
	return time.Duration(ticks) * time.Second / time.Duration(rate)
}
