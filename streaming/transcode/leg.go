package transcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	looksAt     = 20                        // pictures, to see whether they are reordered
	behindMost  = mediatime.Time(1_500_000) // a leg further behind goes on at the newest key picture
	startsIn    = 10 * time.Second          // ffmpeg's first picture
	errorsKept  = 2 << 10                   // bytes of what ffmpeg says
	waitsForEnd = 2 * time.Second           // of ffmpeg, after its input has ended
	priority    = "10"                      // nice: sending to viewers goes first
)

var (
	errNewGeneration = errors.New("transcode: the stream has a new generation")
	errNoPicture     = errors.New("transcode: the generation has no picture")
	errSlow          = errors.New("transcode: ffmpeg has made no picture")
)

// leg is one ffmpeg for one generation.
type leg struct {
	config  Config
	stream  *streaming.Stream
	metrics *Metrics
	told    func(rungs []Rung, width, height int) // when it is known what will be made
	wrote   func()                                // a picture of a rung has gone on air
}

// run transcodes the stream's present generation until it ends (errNewGeneration), the stream does
// (streaming.ErrEnded), ctx does, or ffmpeg fails.
func (l *leg) run(ctx context.Context) error {
	ladder, err := l.config.rungs()
	if err != nil {
		return err
	}
	reader := l.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer func() { reader.Close() }()
	begin, err := l.look(ctx, reader)
	if err != nil {
		return err
	}
	rungs := l.free(climb(ladder, begin.source.width, begin.source.height, begin.reordered))
	l.told(rungs, begin.source.width, begin.source.height)
	if len(rungs) == 0 { // small enough for everybody, or the publisher sends them all: wait for another generation
		return l.idle(ctx, reader, begin.generation.Number)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	child, err := l.start(ctx, begin, rungs)
	if err != nil {
		return err
	}
	fed := l.feed(ctx, child, begin, &reader)
	return child.end(cancel, fed)
}

// free leaves out what the publisher sends itself: its own rendition of a name is better than one that we make of it.
// What stands without a publisher is our own, from the generation before.
func (l *leg) free(rungs []Rung) (out []Rung) {
	taken := map[string]bool{}
	for _, r := range l.stream.Renditions() {
		info, _ := r.Rendition()
		taken[info.Name] = r.Publishing()
	}
	for _, r := range rungs {
		if !taken[r.Name()] {
			out = append(out, r)
		}
	}
	return out
}

// beginning is what a leg knows before it starts ffmpeg.
type beginning struct {
	generation *streaming.Generation
	track      streaming.Track
	source     *source
	reordered  bool
	units      []*streaming.Unit
}

// look takes the first pictures.
func (l *leg) look(ctx context.Context, reader *streaming.Reader) (*beginning, error) {
	b := &beginning{}
	highest := int64(0)
	for len(b.units) < looksAt {
		u, err := reader.Next(ctx)
		if err != nil {
			return nil, err
		}
		if b.generation == nil || u.Generation != b.generation.Number {
			g, ok := l.stream.GenerationOf(u.Generation)
			if !ok {
				continue
			}
			track, pictured := g.First(streaming.Video)
			if !pictured {
				return nil, errNoPicture
			}
			*b = beginning{generation: g, track: track}
		}
		if u.Track != b.track.ID || len(b.units) == 0 && !u.Key {
			continue
		}
		if len(b.units) == 0 {
			if b.source, err = newSource(b.track.Codec, u); err != nil {
				return nil, err
			}
			highest = u.PTS
		}
		b.reordered = b.reordered || u.PTS < highest
		highest = max(highest, u.PTS)
		b.units = append(b.units, u)
	}
	return b, nil
}

// idle waits for the next generation.
func (l *leg) idle(ctx context.Context, reader *streaming.Reader, generation int) error {
	for {
		u, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if u.Generation != generation {
			return errNewGeneration
		}
	}
}

// child is a running ffmpeg with its rungs.
type child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	says    *tail
	rungs   sync.WaitGroup
	layers  []*streaming.RenditionPublication
	started chan struct{} // closed with the first picture
	once    sync.Once
	failed  chan error // of a rung
}

func (l *leg) start(ctx context.Context, b *beginning, rungs []Rung) (*child, error) {
	name, args := l.config.program(), arguments(b.source, rungs, l.config.threads())
	if nice, err := exec.LookPath("nice"); err == nil {
		name, args = nice, append([]string{"-n", priority, name}, args...)
	}
	c := &child{cmd: exec.CommandContext(ctx, name, args...), says: &tail{}, started: make(chan struct{}), failed: make(chan error, len(rungs))}
	c.cmd.SysProcAttr = dieWithParent()
	c.cmd.Stderr = c.says
	c.cmd.WaitDelay = waitsForEnd
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	var ours, theirs []*os.File
	shut := func(files []*os.File) {
		for _, f := range files {
			_ = f.Close() // a pipe's end: nothing to lose
		}
	}
	for range rungs {
		r, w, err := os.Pipe()
		if err != nil {
			shut(append(ours, theirs...))
			return nil, fmt.Errorf("make a pipe for ffmpeg: %w", err)
		}
		ours, theirs = append(ours, r), append(theirs, w)
	}
	c.cmd.ExtraFiles = theirs
	in, err := c.cmd.StdinPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	shut(theirs)
	if err != nil {
		shut(ours)
		return nil, fmt.Errorf("start ffmpeg: %w", err)
	}
	c.in = in
	return c, l.attach(c, b, rungs, ours)
}

// attach makes the renditions and reads the rungs into them.
func (l *leg) attach(c *child, b *beginning, rungs []Rung, pipes []*os.File) error {
	for i, r := range rungs {
		width, height := size(b.source.width, b.source.height, r.Lines)
		layer, err := l.stream.AddRendition(streaming.RenditionInfo{Name: r.Name(), Width: width, Height: height, Bitrate: r.Bitrate})
		if err != nil {
			for _, p := range pipes[i:] {
				_ = p.Close() // a pipe's end: nothing to lose
			}
			_ = c.in.Close() // it ends without input
			return errors.Join(fmt.Errorf("add rendition %s: %w", r.Name(), err), c.end(nil, nil))
		}
		c.layers = append(c.layers, layer)
		out := &output{generation: b.generation.Number, shift: b.source.shift, layer: layer, wrote: func() {
			c.once.Do(func() { close(c.started) })
			l.wrote()
		}}
		c.rungs.Go(func() {
			defer func() { _ = pipes[i].Close() }() // read to its end, or given up
			if err := out.copy(pipes[i]); !errors.Is(err, io.EOF) {
				c.failed <- err
			}
		})
	}
	return nil
}

// feed gives ffmpeg the pictures until there is a reason not to.
func (l *leg) feed(ctx context.Context, c *child, b *beginning, reader **streaming.Reader) error {
	head, err := b.source.head()
	if err != nil {
		return err
	}
	if _, err := c.in.Write(head); err != nil {
		return err
	}
	for _, u := range b.units {
		if err := put(c.in, b.source, u); err != nil {
			return err
		}
	}
	b.units = nil
	waits, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	patience := time.AfterFunc(startsIn, func() {
		select {
		case <-c.started:
		default:
			stop(errSlow)
		}
	})
	defer patience.Stop()
	for {
		u, err := (*reader).Next(waits)
		if err != nil {
			if cause := context.Cause(waits); cause != nil {
				return cause
			}
			return err
		}
		if u.Generation != b.generation.Number {
			return errNewGeneration
		}
		if u.Track != b.track.ID {
			continue
		}
		if l.stream.Last()-b.track.Time(u.DTS) > behindMost && !u.Key {
			(*reader).Close()
			*reader = l.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
			l.metrics.skip()
			continue
		}
		if err := put(c.in, b.source, u); err != nil {
			return err
		}
		select {
		case err := <-c.failed:
			return err
		default:
		}
	}
}

func put(w io.Writer, s *source, u *streaming.Unit) error {
	b, err := s.picture(u)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// end lets ffmpeg finish what it has, and waits for it. why is why it was not fed any more.
func (c *child) end(cancel context.CancelFunc, why error) error {
	_ = c.in.Close() // end of input
	if cancel != nil && !errors.Is(why, errNewGeneration) && !errors.Is(why, streaming.ErrEnded) {
		cancel()
	}
	over := time.AfterFunc(waitsForEnd, func() { _ = c.cmd.Process.Kill() }) // gone already: good
	c.rungs.Wait()
	err := c.cmd.Wait()
	over.Stop()
	select {
	case failed := <-c.failed: // before ffmpeg, which only finds its pipe shut
		if errors.Is(failed, streaming.ErrDisplaced) {
			why = failed
		}
	default:
	}
	for _, layer := range c.layers {
		if errors.Is(why, errNewGeneration) {
			layer.Close()
		} else {
			layer.Remove()
		}
	}
	switch {
	case errors.Is(why, errNewGeneration), errors.Is(why, streaming.ErrEnded), errors.Is(why, context.Canceled), errors.Is(why, streaming.ErrDisplaced):
		return why
	case err != nil:
		return fmt.Errorf("ffmpeg: %w: %s", err, c.says.String())
	}
	return why
}

// tail keeps the end of what ffmpeg says, in one line.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - errorsKept; n > 0 {
		t.b = t.b[n:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(bytes.ToValidUTF8(t.b, nil))), " ")
}
