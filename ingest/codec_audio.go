package ingest

import (
	"errors"
	"fmt"
	mathbits "math/bits"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

const (
	aacFrame      = 1024
	aacLooks      = 16 // units in which an extension is looked for
	audioUnitMax  = 64 << 10
	opusFrameMax  = 5760 // 120 ms at 48 kHz
	sampleRateMin = 7350
	sampleRateMax = 96000
)

// aacCodec knows how many samples an access unit has.
type aacCodec struct {
	samples, channels int
	profile           string
	seen, extended    int // of the first units: all, and those that hold more than their core
}

// openAAC checks an AudioSpecificConfig against the track's clock.
func openAAC(config []byte, rate int) (*aacCodec, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return nil, fmt.Errorf("%w: AudioSpecificConfig: %w", ErrCodec, err)
	}
	if c.SampleRate != rate || rate < sampleRateMin || rate > sampleRateMax {
		return nil, fmt.Errorf("%w: AAC at %d Hz on a clock of %d", ErrCodec, c.SampleRate, rate)
	}
	out := &aacCodec{samples: aacFrame, channels: int(c.ChannelConfig), profile: "LC"}
	switch c.ExtensionType {
	case mpeg4audio.ObjectTypeSBR:
		out.profile = "HE"
	case mpeg4audio.ObjectTypePS:
		out.profile = "HEv2"
	}
	if c.ChannelConfig == 7 {
		out.channels = 8
	}
	if c.FrameLengthFlag {
		out.samples = 960
	}
	return out, nil
}

func (c *aacCodec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) == 0 || len(payload[0]) > audioUnitMax {
		return picture{}, errors.New("a malformed AAC unit")
	}
	if c.seen < aacLooks {
		c.seen++
		if holdsSBR(payload[0]) {
			c.extended++
		}
		if c.profile == "LC" && c.extended > aacLooks/2 {
			c.profile = "HE" // the description says nothing of it
		}
	}
	return picture{payload: payload, samples: c.samples}, nil
}

// Elements of an AAC access unit, and what a fill element may hold (ISO 14496-3, tables 4.71 and 4.121).
const (
	idFill        = 6
	idEnd         = 7
	fillEscape    = 15 // a count from here on has eight bits more
	fillMax       = fillEscape + 254
	fillsMax      = 4
	fillerMax     = 1 // and below: nothing but filling
	sbrData       = 13
	sbrDataWithCR = 14
)

// holdsSBR tells whether an access unit ends in a fill element with spectral band replication, as HE-AAC has it, and in
// others that only fill. It is found from the end, since what stands before must be decoded to be passed: of a hundred
// units without one, one or two look as if they had it.
func holdsSBR(au []byte) bool {
	last := au[len(au)-1]
	if last == 0 {
		return false
	}
	end := 8*len(au) - mathbits.TrailingZeros8(last) - 3 // of the elements, before the one that says so
	if end < 0 || bitsOf(au, end, 3) != idEnd {
		return false
	}
	for range fillsMax {
		begin, kind := fillBefore(au, end)
		switch {
		case kind == sbrData || kind == sbrDataWithCR:
			return true
		case kind < 0 || kind > fillerMax:
			return false
		}
		end = begin
	}
	return false
}

// fillBefore finds the fill element that ends at a bit: where it begins and what it holds, -1 for none.
func fillBefore(au []byte, end int) (begin, kind int) {
	for n := 1; n <= fillMax; n++ {
		head, count := 7, n
		if n >= fillEscape {
			head, count = 15, fillEscape<<8|(n-fillEscape+1)
		}
		payload := end - 8*n
		if begin = payload - head; begin < 0 {
			break
		}
		if bitsOf(au, begin, 3) == idFill && bitsOf(au, begin+3, head-3) == count {
			return begin, bitsOf(au, payload, 4)
		}
	}
	return 0, -1
}

// bitsOf reads n of up to 16 bits.
func bitsOf(b []byte, at, n int) (v int) {
	for i := at; i < at+n; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return v
}

// opusCodec reads a packet's length from its first bytes.
type opusCodec struct{}

func (opusCodec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) == 0 || len(payload[0]) > audioUnitMax {
		return picture{}, errors.New("a malformed Opus packet")
	}
	n := opus.PacketDuration2(payload[0])
	if n <= 0 || n > opusFrameMax {
		return picture{}, errors.New("an Opus packet of no possible length")
	}
	return picture{payload: payload, samples: int(n)}, nil
}
