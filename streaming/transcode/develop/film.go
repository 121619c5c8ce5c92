package develop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// GOP is the length of a segment: each begins with a key frame, at the same time in every rendition.
const GOP = 2 * time.Second

const (
	soundRate   = 48_000
	soundBits   = 128_000
	primingSize = 1024 // samples that the AAC encoder puts before the first
	tonemap     = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)

// Rendition is one file of the ladder: CMAF, a fragment per GOP.
type Rendition struct {
	Name          string // main for the largest, 540p and so on for the others, audio for the sound
	Path          string
	Width, Height int
}

// plan lists what is made of a file: never larger than it is.
func (t *Tools) plan(f Facts, dir string) (out []Rendition, rungs []Rung) {
	lines := min(f.Width, f.Height) &^ 1
	ladder := t.ladder()
	for _, r := range ladder {
		switch {
		case r.Lines < lines:
		case len(out) > 0:
			continue
		default: // the file's own size, with as many bits for each pixel
			r.MaxRate = int(float64(r.MaxRate) * float64(lines*lines) / float64(r.Lines*r.Lines))
			r.Lines = lines
		}
		if n := len(rungs); n > 0 && rungs[n-1].Lines <= r.Lines {
			continue
		}
		name := "main"
		if len(out) > 0 {
			name = strconv.Itoa(r.Lines) + "p"
		}
		w, h := sized(f.Width, f.Height, r.Lines)
		out = append(out, Rendition{Name: name, Path: filepath.Join(dir, name+".mp4"), Width: w, Height: h})
		rungs = append(rungs, r)
	}
	return out, rungs
}

// sized is a picture's size, in even numbers, with so many lines on its shorter side.
func sized(width, height, lines int) (int, int) {
	even := func(n float64) int { return max(2, int(n/2+0.5)*2) }
	if width >= height {
		return even(float64(width) * float64(lines) / float64(height)), lines
	}
	return lines, even(float64(height) * float64(lines) / float64(width))
}

// Film makes the ladder of a file in a folder, and tells how much of 1000 is done.
func (t *Tools) Film(ctx context.Context, path, dir string, f Facts, done func(int)) ([]Rendition, error) {
	program, err := t.ffmpeg()
	if err != nil {
		return nil, err
	}
	out, rungs := t.plan(f, dir)
	if len(out) == 0 {
		return nil, refused(OddShape)
	}
	l := t.Limits.filled()
	length := f.Duration
	if length == 0 {
		length = l.Duration
	}
	reader, writer := io.Pipe()
	told := make(chan struct{})
	go func() {
		defer close(told)
		follow(reader, length, done)
	}()
	args := t.filmArguments(path, f, out, rungs, length)
	if f.Sound {
		out = append(out, Rendition{Name: "audio", Path: filepath.Join(dir, "audio.mp4")})
	}
	err = t.run(ctx, child{
		path: program, args: args, dir: dir, within: time.Minute + timesLonger*length, memory: l.Memory,
		output: int64(length.Seconds())*int64(rungs[0].MaxRate)/4 + outputRoom, out: writer,
	})
	_ = writer.Close() // a pipe's does not fail
	<-told
	if err != nil {
		return nil, judged(ctx, err)
	}
	for i, r := range out {
		info, err := os.Stat(r.Path)
		if err == nil && info.Size() > 0 {
			continue
		}
		if r.Name != "audio" {
			return nil, refused(Broken)
		}
		out = out[:i] // there was none to decode
		break
	}
	return out, nil
}

// filmArguments are ffmpeg's: one decoder, one cadence, the largest picture scaled once and the others from it.
func (t *Tools) filmArguments(path string, f Facts, out []Rendition, rungs []Rung, length time.Duration) []string {
	threads := strconv.Itoa(max(1, t.Threads))
	args := append([]string{"-hide_banner", "-nostdin", "-y", "-v", "error", "-progress", "pipe:1", "-nostats", "-filter_threads", "1", "-threads", threads}, t.reading(f.Kind)...)
	args = append(args, "-t", strconv.FormatFloat((length+time.Second).Seconds(), 'f', 3, 64), "-i", "file:"+path, "-filter_complex", graph(f, out))
	gop := strconv.Itoa(int(math.Round(f.Rate.Float() * GOP.Seconds())))
	for i, r := range out {
		rung := rungs[i]
		args = append(args, "-map", fmt.Sprintf("[v%d]", i), "-map_metadata", "-1", "-map_chapters", "-1",
			"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
			"-x264-params", "open-gop=0:scenecut=0", "-crf", strconv.Itoa(rung.Rate), "-maxrate", strconv.Itoa(rung.MaxRate), "-bufsize", strconv.Itoa(2*rung.MaxRate),
			"-threads", threads, "-video_track_timescale", "90000", "-f", "mp4", "-movflags", "+cmaf+negative_cts_offsets+frag_keyframe+empty_moov+skip_trailer", "file:"+r.Path)
	}
	if f.Sound {
		// The encoder begins with silence; as much of the sound is left out before it, so that the rest lies where it lay.
		args = append(args, "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1",
			"-af", fmt.Sprintf("aresample=%d:async=1:first_pts=0,atrim=start_sample=%d,asetpts=PTS-STARTPTS", soundRate, primingSize),
			"-c:a", "aac", "-b:a", strconv.Itoa(soundBits), "-ar", strconv.Itoa(soundRate), "-ac", "2", "-f", "mp4",
			"-movflags", "+cmaf+empty_moov+skip_trailer", "-frag_duration", strconv.FormatInt(GOP.Microseconds(), 10),
			"file:"+filepath.Join(filepath.Dir(out[0].Path), "audio.mp4"))
	}
	return args
}

func graph(f Facts, out []Rendition) string {
	var b strings.Builder
	b.WriteString("[0:v:0]")
	if f.Interlaced {
		b.WriteString("yadif=deint=interlaced,")
	}
	fmt.Fprintf(&b, "fps=%s:start_time=0,scale=%d:%d:flags=bicubic,setsar=1", f.Rate, out[0].Width, out[0].Height)
	if f.HDR {
		b.WriteString("," + tonemap)
	}
	b.WriteString(",format=yuv420p")
	if len(out) == 1 {
		b.WriteString("[v0]")
		return b.String()
	}
	fmt.Fprintf(&b, ",split=%d[v0]", len(out))
	for i := range out[1:] {
		fmt.Fprintf(&b, "[s%d]", i+1)
	}
	for i, r := range out[1:] {
		fmt.Fprintf(&b, ";[s%d]scale=%d:%d:flags=bicubic,setsar=1[v%d]", i+1, r.Width, r.Height, i+1)
	}
	return b.String()
}

// follow reads ffmpeg's word on how far it is.
func follow(r io.Reader, length time.Duration, done func(int)) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "out_time_us=")
		if us, err := strconv.ParseInt(text, 10, 64); ok && err == nil && us > 0 && done != nil {
			done(int(min(1000, us*1000/max(1, length.Microseconds()))))
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line that was too long must not stop the child
}

// Still is a JPEG that was made.
type Still struct {
	Path          string
	Width, Height int
}

// Sheet is a JPEG of many small pictures, one every so often.
type Sheet struct {
	Still
	Every      time.Duration
	Columns    int
	Count      int
	TileWidth  int
	TileHeight int
}

const (
	posterSide  = 720
	pictureSide = 1440
	tileSide    = 160
	tilesMax    = 100
	columns     = 10
	stillWithin = time.Minute
)

// Stills makes the poster and the sheet of what Film made.
func (t *Tools) Stills(ctx context.Context, made []Rendition, length time.Duration, dir string) (Still, Sheet, error) {
	top, small := made[0], made[0]
	for _, r := range made {
		if r.Name != "audio" {
			small = r
		}
	}
	w, h := within(top.Width, top.Height, posterSide)
	poster := Still{filepath.Join(dir, "poster.jpg"), w, h}
	err := t.still(ctx, Movie, top.Path, fmt.Sprintf("thumbnail=60,scale=%d:%d", w, h), poster.Path, 0, 6*time.Second)
	if err != nil {
		return Still{}, Sheet{}, err
	}
	every := max(2*time.Second, (length/tilesMax).Round(time.Second)+time.Second)
	count := max(1, int((length+every-1)/every))
	s := Sheet{Every: every, Columns: min(columns, count), Count: count}
	s.TileWidth, s.TileHeight = within(small.Width, small.Height, tileSide)
	rows := (count + s.Columns - 1) / s.Columns
	s.Still = Still{filepath.Join(dir, "storyboard.jpg"), s.TileWidth * s.Columns, s.TileHeight * rows}
	err = t.still(ctx, Movie, small.Path, fmt.Sprintf("fps=1/%d:round=up:start_time=0,scale=%d:%d,tile=%dx%d", int(every.Seconds()), s.TileWidth, s.TileHeight, s.Columns, rows), s.Path, length, 0)
	return poster, s, err
}

// Picture makes a JPEG of a picture: turned as it was held, and without what else the camera wrote into it.
func (t *Tools) Picture(ctx context.Context, path, dir string, f Facts) (Still, error) {
	w, h := within(f.Width, f.Height, pictureSide)
	turns := []string{"", "", "hflip,", "hflip,vflip,", "vflip,", "transpose=0,", "transpose=1,", "transpose=3,", "transpose=2,"}
	out := Still{filepath.Join(dir, "poster.jpg"), w, h}
	return out, t.still(ctx, Picture, path, turns[f.turn]+fmt.Sprintf("scale=%d:%d", w, h), out.Path, 0, 0)
}

// within is a size, in even numbers, with a longer side of at most so much.
func within(width, height, most int) (int, int) {
	long := max(width, height)
	if long > most {
		width, height = width*most/long, height*most/long
	}
	return max(2, width&^1), max(2, height&^1)
}

func (t *Tools) still(ctx context.Context, k Kind, path, filter, to string, length, first time.Duration) error {
	program, err := t.ffmpeg()
	if err != nil {
		return err
	}
	args := append([]string{"-hide_banner", "-nostdin", "-y", "-v", "error", "-noautorotate", "-threads", "1"}, t.reading(k)...)
	if first > 0 {
		args = append(args, "-t", strconv.FormatFloat(first.Seconds(), 'f', 3, 64))
	}
	args = append(args, "-i", "file:"+path, "-map_metadata", "-1", "-vf", filter, "-frames:v", "1", "-pix_fmt", "yuvj420p", "-threads", "1", "-q:v", "4", "-f", "mjpeg", "file:"+to)
	err = t.run(ctx, child{path: program, args: args, dir: filepath.Dir(to), within: stillWithin + timesLonger*length, memory: t.Limits.filled().Memory, output: outputRoom})
	if err != nil {
		return judged(ctx, err)
	}
	if info, err := os.Stat(to); err != nil || info.Size() == 0 {
		return errors.Join(refused(Broken), err)
	}
	return nil
}
