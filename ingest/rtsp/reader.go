package rtsp

import (
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpsimpleaudio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/ingest"
)

// reader turns a track's packets, in order, into frames. at is the packet's presentation time on the line. An error
// says that something could not be used; the reader goes on with the next packet. One goroutine uses it.
type reader interface {
	read(p *rtp.Packet, at int64) ([]ingest.Frame, error)
}

const aacSamples = 1024

// pictures reads H.264 or H.265. RTP tells when a picture is shown; when it is decoded follows from the order of the
// pictures, counted from each key picture's parameter sets on.
type pictures struct {
	decode    func(*rtp.Packet) ([][]byte, error)
	unready   []error // of decode: more packets are needed
	isKey     func([][]byte) bool
	hasSets   func([][]byte) bool
	sets      func() [][]byte // that the description brought
	extractor func() extractor

	order extractor // nil until a key picture
}

// extractor is mediacommon's way from presentation to decoding times.
type extractor interface {
	Extract(picture [][]byte, pts int64) (dts int64, err error)
}

func (r *pictures) read(p *rtp.Packet, at int64) ([]ingest.Frame, error) {
	nals, err := r.decode(p)
	for _, e := range r.unready {
		if errors.Is(err, e) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	key := r.isKey(nals)
	if key && !r.hasSets(nals) {
		nals = append(append([][]byte(nil), r.sets()...), nals...)
	}
	if r.order == nil {
		if !key {
			return nil, nil
		}
		r.order = r.extractor()
	}
	dts, err := r.order.Extract(nals, at)
	if err != nil && key { // the order begins anew
		r.order = r.extractor()
		dts, err = r.order.Extract(nals, at)
	}
	if err != nil {
		r.order = nil
		return nil, err
	}
	return []ingest.Frame{{DTS: dts, CTS: at - dts, Payload: nals}}, nil
}

func newH264(f *format.H264) (reader, error) {
	d, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	return &pictures{
		decode: d.Decode, unready: []error{rtph264.ErrMorePacketsNeeded, rtph264.ErrNonStartingPacketAndNoPrevious}, isKey: h264.IsRandomAccess,
		hasSets: func(nals [][]byte) bool {
			return has(nals, func(b byte) bool { return h264.NALUType(b&0x1f) == h264.NALUTypeSPS })
		},
		sets: func() [][]byte {
			sps, pps := f.SafeParams()
			return present(sps, pps)
		},
		extractor: func() extractor {
			e := &h264.DTSExtractor{}
			e.Initialize()
			return e
		},
	}, nil
}

func newH265(f *format.H265) (reader, error) {
	d, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	return &pictures{
		decode: d.Decode, unready: []error{rtph265.ErrMorePacketsNeeded, rtph265.ErrNonStartingPacketAndNoPrevious}, isKey: h265.IsRandomAccess,
		hasSets: func(nals [][]byte) bool {
			return has(nals, func(b byte) bool { return h265.NALUType(b>>1&0x3f) == h265.NALUType_SPS_NUT })
		},
		sets: func() [][]byte {
			vps, sps, pps := f.SafeParams()
			return present(vps, sps, pps)
		},
		extractor: func() extractor {
			e := &h265.DTSExtractor{}
			e.Initialize()
			return e
		},
	}, nil
}

func has(nals [][]byte, is func(first byte) bool) bool {
	for _, n := range nals {
		if len(n) > 0 && is(n[0]) {
			return true
		}
	}
	return false
}

func present(sets ...[]byte) (out [][]byte) {
	for _, s := range sets {
		if len(s) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// aac reads RFC 3640.
type aac struct{ decoder *rtpmpeg4audio.Decoder }

func newAAC(f *format.MPEG4Audio) (reader, error) {
	d, err := f.CreateDecoder()
	return aac{d}, err
}

func (r aac) read(p *rtp.Packet, at int64) (out []ingest.Frame, err error) {
	units, err := r.decoder.Decode(p)
	if errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) {
		return nil, nil
	}
	for i, u := range units {
		out = append(out, ingest.Frame{DTS: at + int64(i)*aacSamples, Payload: [][]byte{u}})
	}
	return out, err
}

// opus reads RFC 7587.
type opus struct{ decoder *rtpsimpleaudio.Decoder }

func newOpus(f *format.Opus) (reader, error) {
	d, err := f.CreateDecoder()
	return opus{d}, err
}

func (r opus) read(p *rtp.Packet, at int64) ([]ingest.Frame, error) {
	packet, err := r.decoder.Decode(p)
	if err != nil {
		return nil, err
	}
	return []ingest.Frame{{DTS: at, Payload: [][]byte{packet}}}, nil
}
