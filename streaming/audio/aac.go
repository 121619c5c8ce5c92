package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/hawkerlive/hawker/streaming"
	aac "github.com/tphakala/go-aac"
	aacpcm "github.com/tphakala/go-aac/pcm"
)

const aacBitratePerChannel = 64_000

// aacShape reads an AudioSpecificConfig: sample rate and channels, ErrUnsupportedAudio for what is not AAC-LC
// with one or two channels.
func aacShape(config []byte) (rate, channels int, err error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return 0, 0, fmt.Errorf("%w: AudioSpecificConfig: %w", ErrUnsupportedAudio, err)
	}
	switch {
	case c.Type != mpeg4audio.ObjectTypeAACLC || c.ExtensionType != 0:
		return 0, 0, fmt.Errorf("%w: AAC object type %d is not AAC-LC (HE-AAC needs transcoding)", ErrUnsupportedAudio, max(int(c.Type), int(c.ExtensionType)))
	case c.ChannelConfig < 1 || c.ChannelConfig > channelsMax:
		return 0, 0, fmt.Errorf("%w: AAC channel configuration %d is not mono or stereo", ErrUnsupportedAudio, c.ChannelConfig)
	case c.FrameLengthFlag:
		return 0, 0, fmt.Errorf("%w: AAC with 960 samples a frame", ErrUnsupportedAudio)
	case c.SampleRate < sampleRateMin || c.SampleRate > sampleRateMax:
		return 0, 0, fmt.Errorf("%w: AAC at %d Hz", ErrUnsupportedAudio, c.SampleRate)
	}
	return c.SampleRate, int(c.ChannelConfig), nil
}

// aacDecoder decodes AAC-LC access units one by one.
type aacDecoder struct {
	config   []byte
	channels int
	feed     feeder
	dec      *aacpcm.Decoder
	pcm      []byte
}

func newAACDecoder(t streaming.Track) (*aacDecoder, error) {
	_, channels, err := aacShape(t.Config)
	if err != nil {
		return nil, err
	}
	d := &aacDecoder{config: t.Config, channels: channels, pcm: make([]byte, 2*channels*2*aacFrame)}
	d.dec, err = aacpcm.NewDecoder(&d.feed, aacpcm.WithRawStream(t.Config))
	switch {
	case errors.Is(err, aacpcm.ErrUnsupported):
		return nil, fmt.Errorf("%w: %w", ErrUnsupportedAudio, err)
	case err != nil:
		return nil, fmt.Errorf("open an AAC decoder: %w", err)
	}
	return d, nil
}

func (d *aacDecoder) duration([]byte) int { return aacFrame }

func (d *aacDecoder) decode(dst []float32, au []byte) ([]float32, error) {
	if len(au) == 0 || len(au) > 1<<16-1 {
		return dst, fmt.Errorf("an AAC access unit of %d bytes", len(au))
	}
	d.feed.put(au)
	n, err := d.dec.Read(d.pcm)
	if err != nil {
		return dst, fmt.Errorf("decode AAC: %w", err)
	}
	for i := 0; i+1 < n; i += 2 {
		dst = append(dst, float32(int16(binary.LittleEndian.Uint16(d.pcm[i:])))/32768)
	}
	return dst, nil
}

// hidden is the form of a stream whose units hold more than the description says.
func (d *aacDecoder) hidden(rate int) form {
	return form{rate: rate, scale: 2, channels: d.channels, layout: byte(d.channels)}
}

func (d *aacDecoder) reset() error {
	d.feed = feeder{}
	return d.dec.Reset(&d.feed, aacpcm.WithRawStream(d.config))
}

func (d *aacDecoder) close() {}

// feeder hands the decoder one access unit at a time, in its own framing: two bytes of length.
type feeder struct{ buf []byte }

func (f *feeder) put(au []byte) {
	f.buf = binary.BigEndian.AppendUint16(f.buf[:0], uint16(len(au)))
	f.buf = append(f.buf, au...)
}

func (f *feeder) Read(p []byte) (int, error) {
	if len(f.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.buf)
	f.buf = f.buf[n:]
	return n, nil
}

// aacEncoder makes AAC-LC frames.
type aacEncoder struct {
	config aac.EncoderConfig
	enc    *aac.Encoder
	planes [][]float32
}

func newAACEncoder(channels int) (*aacEncoder, error) {
	e := &aacEncoder{config: aac.EncoderConfig{
		SampleRate: aacSampleRate, Channels: channels, Bitrate: channels * aacBitratePerChannel,
	}}
	var err error
	if e.enc, err = aac.NewEncoder(e.config); err != nil {
		return nil, fmt.Errorf("open an AAC encoder: %w", err)
	}
	for range channels {
		e.planes = append(e.planes, make([]float32, aacFrame))
	}
	return e, nil
}

func (e *aacEncoder) frame() int { return aacFrame }

// delay: a call returns the access unit of the call before it, and a decoder hands a frame's samples out one
// access unit later.
func (e *aacEncoder) delay() int { return aacFrame + aac.EncoderDelay }

func (e *aacEncoder) encode(pcm []float32) ([]byte, error) {
	channels := len(e.planes)
	for i := range aacFrame {
		for c := range channels {
			e.planes[c][i] = pcm[i*channels+c]
		}
	}
	out, err := e.enc.EncodeFrame(nil, e.planes)
	if err != nil {
		return nil, fmt.Errorf("encode AAC: %w", err)
	}
	return out, nil
}

func (e *aacEncoder) reset() error { return e.enc.Reset(e.config) }
func (e *aacEncoder) close()       {}
