package audio

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	mediaopus "github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/jj11hh/opus"
)

// Limits and facts of libopus.
const (
	opusPacketMax         = 1275 * 3
	opusFrameMax          = 5760 // 120 ms at 48 kHz
	opusLookahead         = 312  // samples by which a decoder's output lags the encoder's input
	opusBitratePerChannel = 48_000
	opusComplexity        = 5 // of 10: three fifths of the default's time, and no ear tells at this bitrate
)

// opusSilence is a 20 ms packet of silence (RFC 6716, CELT, stereo).
var opusSilence = []byte{0xfc, 0xff, 0xfe}

// libopus guards the one WebAssembly module that the library keeps per process: its functions share one stack
// and one heap, so every call into it is made under mu. The library frees codecs from finalizers, beside any
// lock; we switch those off and keep codecs that nobody uses for the next bridge instead (as many as ever ran at
// once). A trap leaves the module's stack in an unknown state: the module is thrown away, and every codec of an
// older era opens itself anew.
var libopus struct {
	mu       sync.Mutex
	era      int
	encoders [channelsMax + 1][]*opus.Encoder
	decoders [channelsMax + 1][]*opus.Decoder
}

// opusTrap runs under libopus.mu after a failed call. It keeps the module where libopus itself refused.
func opusTrap(err error) {
	var refused opus.Error
	if errors.As(err, &refused) {
		return
	}
	libopus.era++
	clear(libopus.encoders[:])
	clear(libopus.decoders[:])
	_ = opus.CloseWasmContext(context.Background()) // what is left of it is garbage
}

func opusChannels(config []byte) int {
	if len(config) == 0 || config[0] == 0 {
		return channelsMax
	}
	return int(config[0])
}

// OpusSamples is the length of an Opus packet in samples at 48 kHz, 0 for one that is malformed.
func OpusSamples(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	n := int(mediaopus.PacketDuration2(packet))
	if n < 0 || n > opusFrameMax {
		return 0
	}
	return n
}

// opusDecoder decodes Opus packets to 48 kHz.
type opusDecoder struct {
	channels int
	dec      *opus.Decoder
	era      int
	pcm      []float32
}

func newOpusDecoder(t streaming.Track) (*opusDecoder, error) {
	channels := opusChannels(t.Config)
	if channels > channelsMax {
		return nil, fmt.Errorf("%w: Opus with %d channels", ErrUnsupportedAudio, channels)
	}
	d := &opusDecoder{channels: channels, pcm: make([]float32, opusFrameMax*channels)}
	return d, d.reset()
}

func (d *opusDecoder) duration(packet []byte) int { return OpusSamples(packet) }

func (d *opusDecoder) decode(dst []float32, packet []byte) ([]float32, error) {
	if OpusSamples(packet) == 0 {
		return dst, errors.New("a malformed Opus packet")
	}
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	if d.era != libopus.era {
		if err := d.open(); err != nil {
			return dst, err
		}
	}
	n, err := d.dec.DecodeFloat32(packet, d.pcm)
	if err != nil {
		opusTrap(err)
		return dst, fmt.Errorf("decode Opus: %w", err)
	}
	return append(dst, d.pcm[:n*d.channels]...), nil
}

func (d *opusDecoder) reset() error {
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	return d.open()
}

// open runs under libopus.mu. The library has no reset for decoders: some frames of silence wash out what one
// remembers.
func (d *opusDecoder) open() error {
	if d.era != libopus.era {
		d.dec = nil
	}
	if idle := libopus.decoders[d.channels]; d.dec == nil && len(idle) > 0 {
		d.dec = idle[len(idle)-1]
		libopus.decoders[d.channels] = idle[:len(idle)-1]
	}
	if d.dec != nil {
		for range 5 {
			if _, err := d.dec.DecodeFloat32(opusSilence, d.pcm); err != nil {
				opusTrap(err)
				return fmt.Errorf("wash an Opus decoder: %w", err)
			}
		}
		d.era = libopus.era
		return nil
	}
	dec, err := opus.NewDecoder(streaming.OpusClockRate, d.channels)
	if err != nil {
		return fmt.Errorf("open an Opus decoder: %w", err)
	}
	runtime.SetFinalizer(dec, nil)
	d.dec, d.era = dec, libopus.era
	return nil
}

func (d *opusDecoder) close() {
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	if d.dec != nil && d.era == libopus.era {
		libopus.decoders[d.channels] = append(libopus.decoders[d.channels], d.dec)
	}
	d.dec = nil
}

// opusEncoder makes Opus packets of 20 ms.
type opusEncoder struct {
	channels int
	enc      *opus.Encoder
	era      int
	packet   [opusPacketMax]byte
}

func newOpusEncoder(channels int) (*opusEncoder, error) {
	e := &opusEncoder{channels: channels}
	return e, e.reset()
}

func (e *opusEncoder) frame() int { return opusFrame }
func (e *opusEncoder) delay() int { return opusLookahead }

func (e *opusEncoder) encode(pcm []float32) ([]byte, error) {
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	if e.era != libopus.era {
		if err := e.open(); err != nil {
			return nil, err
		}
	}
	n, err := e.enc.EncodeFloat32(pcm, e.packet[:])
	if err != nil {
		opusTrap(err)
		return nil, fmt.Errorf("encode Opus: %w", err)
	}
	return append([]byte(nil), e.packet[:n]...), nil
}

func (e *opusEncoder) reset() error {
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	return e.open()
}

// open runs under libopus.mu.
func (e *opusEncoder) open() error {
	if e.era != libopus.era {
		e.enc = nil
	}
	if idle := libopus.encoders[e.channels]; e.enc == nil && len(idle) > 0 {
		e.enc = idle[len(idle)-1]
		libopus.encoders[e.channels] = idle[:len(idle)-1]
	}
	if e.enc == nil {
		enc, err := opus.NewEncoder(streaming.OpusClockRate, e.channels, opus.AppAudio)
		if err != nil {
			return fmt.Errorf("open an Opus encoder: %w", err)
		}
		runtime.SetFinalizer(enc, nil)
		e.enc = enc
	} else if err := e.enc.Reset(); err != nil {
		opusTrap(err)
		return fmt.Errorf("reset an Opus encoder: %w", err)
	}
	e.era = libopus.era
	if err := e.enc.SetComplexity(opusComplexity); err != nil {
		return fmt.Errorf("set the Opus complexity: %w", err)
	}
	if err := e.enc.SetBitrate(e.channels * opusBitratePerChannel); err != nil {
		return fmt.Errorf("set the Opus bitrate: %w", err)
	}
	return nil
}

func (e *opusEncoder) close() {
	libopus.mu.Lock()
	defer libopus.mu.Unlock()
	if e.enc != nil && e.era == libopus.era {
		libopus.encoders[e.channels] = append(libopus.encoders[e.channels], e.enc)
	}
	e.enc = nil
}
