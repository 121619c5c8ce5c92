package hls

import "github.com/hawkerlive/hawker/streaming"

// unheard is what nobody has heard yet: AAC-LC, 48 kHz, two channels, as most encoders send it.
var unheard = streaming.Track{Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 48000, Config: []byte{0x11, 0x90}}

// Access units that decode to nothing heard, and the samples that they last.
const (
	aacSamples         = 1024
	opusSilenceSamples = 960
)

// opusSilence is a 20 ms CELT frame that codes silence (RFC 6716, 4.3).
func opusSilence(channels int) []byte {
	toc := byte(0xf8)
	if channels == 2 {
		toc |= 4
	}
	return []byte{toc, 0xff, 0xfe}
}

// The syntactic elements of an AAC raw data block (ISO 14496-3, 4.5.2.1) for each channel configuration.
const (
	aacSingle = iota // single_channel_element
	aacPair          // channel_pair_element
	aacLow    = 3    // lfe_channel_element
	aacEnd    = 7
)

var aacElements = [][]int{
	1: {aacSingle},
	2: {aacPair},
	3: {aacSingle, aacPair},
	4: {aacSingle, aacPair, aacSingle},
	5: {aacSingle, aacPair, aacPair},
	6: {aacSingle, aacPair, aacPair, aacLow},
	7: {aacSingle, aacPair, aacPair, aacPair, aacLow},
}

// aacSilence is a raw data block whose elements all have no scale factor band. It is nil for a channel configuration
// without known elements.
func aacSilence(configuration int) []byte {
	if configuration <= 0 || configuration >= len(aacElements) {
		return nil
	}
	var w bitWriter
	tags := map[int]uint32{}
	for _, e := range aacElements[configuration] {
		w.put(3, uint32(e))
		w.put(4, tags[e])
		tags[e]++
		if e == aacPair {
			w.put(1, 0) // no common window
			aacChannel(&w)
		}
		aacChannel(&w)
	}
	w.put(3, aacEnd)
	return w.bytes
}

// aacChannel writes an individual_channel_stream without any coefficient.
func aacChannel(w *bitWriter) {
	w.put(8, 0) // global gain
	w.put(1, 0) // reserved
	w.put(2, 0) // one long window
	w.put(1, 0) // window shape
	w.put(6, 0) // no scale factor band
	w.put(1, 0) // no prediction
	w.put(3, 0) // no pulses, no noise shaping, no gain control
}

type bitWriter struct {
	bytes []byte
	used  int
}

func (w *bitWriter) put(bits int, v uint32) {
	for i := bits - 1; i >= 0; i-- {
		if w.used%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[len(w.bytes)-1] |= byte(v>>i&1) << (7 - w.used%8)
		w.used++
	}
}
