package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// Limits of what is decoded outside.
const (
	foreignDefault = 8    // ffmpeg at the same time
	foreignQueue   = 64   // units on their way through one; over 2 s
	foreignRest    = 100  // units that are passed over after one has ended, before the next is started
	adtsUnitMax    = 8184 // bytes
	adtsHeader     = 7

	foreignPatience = 2 * time.Second // with an ffmpeg that takes nothing
)

var (
	errForeignBusy = errors.New("audio: as many decoders outside as may be run")
	errForeignLate = errors.New("audio: ffmpeg does not keep up")
	errForeignGone = errors.New("audio: ffmpeg has ended")
)

// adtsRates by the index that stands for them (ISO 14496-3, table 1.18).
var adtsRates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// Foreign runs ffmpeg for what is not decoded in process: HE-AAC, which comes out whole, and more than two channels,
// which are mixed down to two.
type Foreign struct {
	Program string // defaults to ffmpeg
	Most    int    // at the same time; default 8. A stream beyond it has no sound for WebRTC

	mu      sync.Mutex
	running int
}

// form is how a stream of AAC is handed to ffmpeg, and what comes back.
type form struct {
	rate     int // of the coded core, which the track ticks in
	scale    int // samples that come back for one of the core
	channels int // that come back
	layout   byte
}

// foreignForm reads an AudioSpecificConfig that aacShape refuses.
func foreignForm(config []byte) (form, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return form{}, fmt.Errorf("%w: AudioSpecificConfig: %w", ErrUnsupportedAudio, err)
	}
	if c.Type != mpeg4audio.ObjectTypeAACLC || c.ChannelConfig < 1 || c.ChannelConfig > 7 || c.FrameLengthFlag || !slices.Contains(adtsRates, c.SampleRate) {
		return form{}, fmt.Errorf("%w: AAC object type %d, channel configuration %d, %d Hz", ErrUnsupportedAudio, c.Type, c.ChannelConfig, c.SampleRate)
	}
	f := form{rate: c.SampleRate, scale: 1, channels: channelsMax, layout: c.ChannelConfig}
	if c.ExtensionType != 0 && c.ExtensionSampleRate == 2*c.SampleRate {
		f.scale = 2
	}
	if c.ChannelConfig == 1 && c.ExtensionType != mpeg4audio.ObjectTypePS {
		f.channels = 1
	}
	return f, nil
}

// child is one ffmpeg. One goroutine puts units in and takes samples out.
type child struct {
	in     chan []byte
	out    chan []float32 // for each unit, in order; closed when ffmpeg has ended
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// start runs an ffmpeg until it is closed or ends by itself.
func (f *Foreign) start(form form) (*child, error) {
	program := f.Program
	if program == "" {
		program = "ffmpeg"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: there is no ffmpeg: %w", ErrUnsupportedAudio, err)
	}
	most := f.Most
	if most == 0 {
		most = foreignDefault
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running >= most {
		return nil, errForeignBusy
	}
	f.running++
	ctx, cancel := context.WithCancel(context.Background())
	c := &child{in: make(chan []byte, foreignQueue), out: make(chan []float32, foreignQueue), cancel: cancel}
	c.ended.Go(func() {
		defer func() {
			cancel()
			close(c.out)
			f.mu.Lock()
			f.running--
			f.mu.Unlock()
		}()
		c.run(ctx, path, form) // who reads sees that it has ended
	})
	return c, nil
}

func (c *child) run(ctx context.Context, path string, form form) {
	cmd := exec.CommandContext(ctx, path, "-v", "quiet", "-threads", "1", "-probesize", "32", "-analyzeduration", "0", "-f", "aac", "-i", "pipe:0",
		"-ac", fmt.Sprint(form.channels), "-ar", fmt.Sprint(form.rate*form.scale), "-flush_packets", "1", "-f", "s16le", "pipe:1")
	// The kernel ends the child when the thread that made it ends: it must not, while the child runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = withParent()
	cmd.Cancel = func() error { return endGroup(cmd.Process) }
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		_ = stdin.Close() // nobody reads it
		return
	}
	ctx, stop := context.WithCancel(ctx)
	var pipes sync.WaitGroup
	pipes.Go(func() {
		defer stop()
		c.read(ctx, stdout, aacFrame*form.scale*form.channels)
	})
	pipes.Go(func() {
		defer func() { _ = stdin.Close() }() // ffmpeg has ended or is about to
		c.feed(ctx, stdin, form)
	})
	pipes.Wait()
	c.cancel()
	_ = cmd.Wait() // how it ended does not matter
}

func (c *child) feed(ctx context.Context, w io.Writer, form form) {
	for {
		select {
		case au := <-c.in:
			if _, err := w.Write(adts(form, au)); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c *child) read(ctx context.Context, r io.Reader, samples int) {
	raw := make([]byte, 2*samples)
	for {
		if _, err := io.ReadFull(r, raw); err != nil {
			return
		}
		pcm := make([]float32, samples)
		for i := range pcm {
			pcm[i] = float32(int16(binary.LittleEndian.Uint16(raw[2*i:]))) / 32768
		}
		select {
		case c.out <- pcm:
		case <-ctx.Done():
			return
		}
	}
}

// close ends ffmpeg and waits for it.
func (c *child) close() {
	c.cancel()
	for range c.out { // the reader may wait for room
		continue
	}
	c.ended.Wait()
}

// adts writes an access unit with a header of its own. What extends the core stands in the unit: ffmpeg finds it.
func adts(form form, au []byte) []byte {
	n := adtsHeader + len(au)
	index := byte(slices.Index(adtsRates, form.rate))
	return append([]byte{
		0xff, 0xf1, 1<<6 | index<<2 | form.layout>>2, form.layout<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc,
	}, au...)
}

// abroad is a child in a pipe, and the stamps of what is on its way through it.
type abroad struct {
	foreign *Foreign
	form    form
	child   *child
	stamps  []int64
	rest    int // units to pass over before another is started
}

// put hands a unit in and takes out what is ready.
func (a *abroad) put(pts int64, au []byte, take func(pts int64, pcm []float32)) error {
	if a.rest > 0 {
		a.rest--
		return errForeignGone
	}
	if len(au) > adtsUnitMax {
		return fmt.Errorf("an AAC access unit of %d bytes", len(au))
	}
	if a.child == nil {
		var err error
		if a.child, err = a.foreign.start(a.form); err != nil {
			a.rest = foreignRest
			return err
		}
	}
	patience := time.NewTimer(foreignPatience)
	defer patience.Stop()
	in := a.child.in
	for in != nil || len(a.stamps) >= foreignQueue { // a bridge that begins gets seconds of sound at once
		select {
		case in <- au:
			a.stamps = append(a.stamps, pts)
			in = nil
		case pcm, ok := <-a.child.out:
			if !a.came(pcm, ok, take) {
				return a.end(errForeignGone)
			}
		case <-patience.C:
			return a.end(errForeignLate)
		}
	}
	for {
		select {
		case pcm, ok := <-a.child.out:
			if !a.came(pcm, ok, take) {
				return a.end(errForeignGone)
			}
		default:
			return nil
		}
	}
}

// came takes the samples of the oldest unit. It reports false when there are none any more.
func (a *abroad) came(pcm []float32, ok bool, take func(pts int64, pcm []float32)) bool {
	if ok && len(a.stamps) > 0 {
		take(a.stamps[0], pcm)
		a.stamps = a.stamps[1:]
	}
	return ok
}

// end closes the child; another one is started after a while.
func (a *abroad) end(why error) error {
	a.close()
	a.rest = foreignRest
	return why
}

func (a *abroad) close() {
	if a.child != nil {
		a.child.close()
		a.child, a.stamps = nil, nil
	}
}
