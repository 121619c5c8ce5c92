package audio

import (
	"errors"
	"fmt"

	aacpcm "github.com/tphakala/go-aac/pcm"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// decoder turns units into interleaved samples of -1 to 1 at the source's rate.
type decoder interface {
	duration(unit []byte) int // samples per channel, 0 where the unit does not tell
	decode(dst []float32, unit []byte) ([]float32, error)
	reset() error
	close()
}

// encoder turns frames of interleaved samples into units.
type encoder interface {
	frame() int // samples per channel and call
	delay() int // a unit returned by a call is heard this many samples before the samples of that call
	encode(pcm []float32) ([]byte, error)
	reset() error
	close()
}

// pipe is decoder, resampler and encoder of one generation, and the sample clock between them. One goroutine
// uses it.
type pipe struct {
	emit   func(pts int64, frame []byte)
	failed func(error)

	channels         int
	rateIn, rateOut  int
	dec              decoder
	foreign          *Foreign   // nil: nothing is decoded outside
	abroad           *abroad    // instead of dec
	resampler        *resampler // nil at equal rates
	enc              encoder
	gapMax, backMax  int64 // source samples
	decoded, pending []float32

	started bool
	first   int64 // output stamp of the first sample
	expect  int64 // source stamp of the next sample
	out     int64 // output stamp of the first pending sample
	drop    int64 // source samples still to be left out after a step back
}

func newPipe(source, target streaming.Track, foreign *Foreign, emit func(int64, []byte), failed func(error)) (*pipe, error) {
	p := &pipe{emit: emit, failed: failed, foreign: foreign, rateOut: target.ClockRate}
	var err error
	if _, _, native := aacShape(source.Config); source.Codec == streaming.AAC && native != nil && foreign != nil {
		var f form
		if f, err = foreignForm(source.Config); err != nil {
			return nil, err
		}
		p.channels = f.channels
		if p.enc, err = newOpusEncoder(p.channels); err != nil {
			return nil, err
		}
		p.goAbroad(f)
		return p, nil
	}
	if source.Codec == streaming.AAC {
		var rate int
		if rate, p.channels, err = aacShape(source.Config); err != nil {
			return nil, err
		}
		if rate != source.ClockRate {
			return nil, fmt.Errorf("%w: AAC at %d Hz on a track that ticks at %d", ErrUnsupportedAudio, rate, source.ClockRate)
		}
		if p.dec, err = newAACDecoder(source); err != nil {
			return nil, err
		}
		p.enc, err = newOpusEncoder(p.channels)
	} else {
		p.channels = opusChannels(source.Config)
		if p.dec, err = newOpusDecoder(source); err != nil {
			return nil, err
		}
		p.enc, err = newAACEncoder(p.channels)
	}
	if err != nil {
		p.dec.close()
		return nil, err
	}
	p.comesAt(source.ClockRate)
	return p, nil
}

// comesAt sets the rate of the samples that are decoded.
func (p *pipe) comesAt(rate int) {
	p.rateIn, p.resampler = rate, nil
	p.gapMax = int64(gapSilenceMax.Seconds() * float64(rate))
	p.backMax = int64(overlapDropMax.Seconds() * float64(rate))
	if p.rateIn != p.rateOut {
		p.resampler = newResampler(p.rateIn, p.rateOut, p.channels)
	}
}

// goAbroad has the units decoded outside from now on.
func (p *pipe) goAbroad(f form) {
	p.abroad = &abroad{foreign: p.foreign, form: f}
	p.started = false
	p.comesAt(f.rate * f.scale)
}

func (p *pipe) close() {
	if p.abroad != nil {
		p.abroad.close()
	}
	if p.dec != nil {
		p.dec.close()
	}
	p.enc.close()
}

// write translates one unit. The samples that leave are contiguous: a hole in the source becomes silence, what
// overlaps is left out.
func (p *pipe) write(u *streaming.Unit) {
	unit := u.Payload[0]
	if p.abroad != nil {
		p.writeAbroad(u.PTS, unit)
		return
	}
	if !p.place(u.PTS) {
		return
	}
	pcm, err := p.decode(unit)
	if hidden, ok := p.dec.(*aacDecoder); ok && p.foreign != nil && errors.Is(err, aacpcm.ErrUnsupported) {
		// HE-AAC whose description says nothing of it: the core is described, and twice its rate comes out.
		p.failed(err)
		p.goAbroad(hidden.hidden(p.rateIn))
		p.writeAbroad(u.PTS, unit)
		return
	}
	if err != nil {
		p.failed(err)
		if err := p.dec.reset(); err != nil {
			p.failed(err)
		}
		n := p.dec.duration(unit)
		if n == 0 {
			return // the next unit's stamp tells how long this was
		}
		pcm = make([]float32, n*p.channels)
	}
	p.take(pcm)
}

// writeAbroad hands a unit to ffmpeg and takes what has come back.
func (p *pipe) writeAbroad(pts int64, unit []byte) {
	if err := p.abroad.put(pts, unit, func(pts int64, pcm []float32) {
		if p.place(pts * int64(p.abroad.form.scale)) {
			p.take(pcm)
		}
	}); err != nil {
		p.failed(err)
	}
}

// place makes the samples to come follow those before them. It reports false for samples that must be left out.
func (p *pipe) place(pts int64) bool {
	gap := pts - p.expect
	switch {
	case !p.started || gap > p.gapMax:
		p.restart(pts)
	case gap > 0:
		p.samples(make([]float32, gap*int64(p.channels)))
	case gap < -p.backMax:
		p.failed(fmt.Errorf("a step back of %d samples", -gap))
		return false
	case gap < 0:
		p.drop = -gap
	}
	return true
}

// take takes what was decoded.
func (p *pipe) take(pcm []float32) {
	if p.drop > 0 {
		n := min(p.drop, int64(len(pcm)/p.channels))
		p.drop -= n
		pcm = pcm[n*int64(p.channels):]
	}
	p.samples(pcm)
}

// decode isolates the decoder: a panic is an error.
func (p *pipe) decode(unit []byte) (pcm []float32, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the decoder panicked: %v", r)
		}
	}()
	p.decoded, err = p.dec.decode(p.decoded[:0], unit)
	return p.decoded, err
}

// restart begins a stretch of samples at a source stamp.
func (p *pipe) restart(pts int64) {
	if p.started {
		if err := p.enc.reset(); err != nil {
			p.failed(err)
		}
		if p.resampler != nil {
			p.resampler.reset()
		}
	}
	p.started, p.expect, p.drop = true, pts, 0
	p.pending = p.pending[:0]
	p.out = mediatime.Rescale(pts, int64(p.rateOut), int64(p.rateIn))
	p.first = p.out
}

// samples takes the next ones of the source and emits the frames that they fill.
func (p *pipe) samples(pcm []float32) {
	p.expect += int64(len(pcm) / p.channels)
	if p.resampler != nil {
		p.pending = p.resampler.write(p.pending, pcm)
	} else {
		p.pending = append(p.pending, pcm...)
	}
	frame := p.enc.frame()
	used := 0
	for len(p.pending)-used >= frame*p.channels {
		unit, err := p.encode(p.pending[used : used+frame*p.channels])
		if err != nil {
			p.failed(err)
			if err := p.enc.reset(); err != nil {
				p.failed(err)
			}
		}
		// What an encoder hands out before the first sample is only its own ramp; a lookahead shorter than a
		// frame carries sound already.
		if pts := p.out - int64(p.enc.delay()); len(unit) > 0 && pts > p.first-int64(frame) {
			p.emit(pts, unit)
		}
		p.out += int64(frame)
		used += frame * p.channels
	}
	p.pending = append(p.pending[:0], p.pending[used:]...)
}

// encode isolates the encoder: a panic is an error.
func (p *pipe) encode(pcm []float32) (unit []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			unit, err = nil, fmt.Errorf("the encoder panicked: %v", r)
		}
	}()
	return p.enc.encode(pcm)
}
