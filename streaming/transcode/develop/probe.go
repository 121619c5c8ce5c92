package develop

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	probeMemory = 1 << 30
	probeOutput = 1 << 20
	shapeMax    = 16 // how many times longer than the other one side may be
	sideMin     = 16

	movieFormats   = "mov,mp4,m4a,3gp,3g2,mj2"
	webFormats     = "matroska,webm"
	pictureFormats = "jpeg_pipe,png_pipe,webp_pipe,image2,mjpeg"
)

var (
	videoCodecs = []string{"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores", "h263", "libdav1d", "libaom-av1"}
	soundCodecs = []string{
		"aac", "aac_latm", "mp3", "mp3float", "opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "ac3", "eac3", "amrnb", "amrwb",
		"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8", "pcm_mulaw", "pcm_alaw",
	}
	pictureCodecs = []string{"mjpeg", "png", "webp"}
)

// Facts is what a file holds, as far as it is used.
type Facts struct {
	Kind          Kind
	Width, Height int // as it is seen: turned, with square pixels
	Rate          Fraction
	Duration      time.Duration // 0 where the file does not say
	Sound         bool
	HDR           bool
	Interlaced    bool
	turn          int // of a picture, as EXIF counts
}

// Fraction is a number of pictures in a second.
type Fraction struct{ Num, Den int64 }

// Float is the number.
func (f Fraction) Float() float64 { return float64(f.Num) / float64(max(f.Den, 1)) }

// String is how ffmpeg reads it.
func (f Fraction) String() string {
	return strconv.FormatInt(f.Num, 10) + "/" + strconv.FormatInt(f.Den, 10)
}

type probed struct {
	Streams []struct {
		Type        string         `json:"codec_type"`
		Codec       string         `json:"codec_name"`
		Width       int            `json:"width"`
		Height      int            `json:"height"`
		Shape       string         `json:"sample_aspect_ratio"`
		Average     string         `json:"avg_frame_rate"`
		Least       string         `json:"r_frame_rate"`
		Duration    string         `json:"duration"`
		Transfer    string         `json:"color_transfer"`
		Order       string         `json:"field_order"`
		Channels    int            `json:"channels"`
		Disposition map[string]int `json:"disposition"`
		Side        []struct {
			Rotation float64 `json:"rotation"`
		} `json:"side_data_list"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// reading are the arguments under which a child may read the file, and nothing else.
func (t *Tools) reading(k Kind) []string {
	formats, codecs := movieFormats, append(slices.Clone(videoCodecs), soundCodecs...)
	switch k {
	case Web:
		formats = webFormats
	case Picture:
		formats, codecs = pictureFormats, pictureCodecs
	}
	l := t.Limits.filled()
	return []string{
		"-protocol_whitelist", "file", "-format_whitelist", formats, "-codec_whitelist", strings.Join(codecs, ","),
		"-max_streams", strconv.Itoa(l.Streams), "-max_pixels", strconv.Itoa(l.Pixels),
		"-probesize", "16000000", "-analyzeduration", "10000000",
	}
}

// Probe tells what a file holds, or refuses it. ErrNoTools where there is nothing to look with.
func (t *Tools) Probe(ctx context.Context, path string) (Facts, error) {
	kind, err := sniffFile(path)
	if err != nil {
		return Facts{}, err
	}
	program, err := t.ffprobe()
	if err != nil {
		return Facts{}, err
	}
	out := &bounded{most: probeOutput}
	args := append([]string{"-v", "error", "-hide_banner"}, t.reading(kind)...)
	args = append(args, "-show_entries", "format=duration:stream=codec_type,codec_name,width,height,sample_aspect_ratio,avg_frame_rate,r_frame_rate,duration,color_transfer,field_order,channels:stream_side_data=rotation:stream_disposition=attached_pic",
		"-of", "json", "-i", "file:"+path)
	err = t.run(ctx, child{path: program, args: args, within: probeWithin, memory: min(t.Limits.filled().Memory, probeMemory), output: 0, out: out})
	if err != nil {
		return Facts{}, judged(ctx, err)
	}
	var p probed
	if out.over || json.Unmarshal(out.Bytes(), &p) != nil {
		return Facts{}, refused(Broken)
	}
	return t.judge(kind, p, path)
}

// judged turns what a child died of into a refusal; the end of ctx and missing programs are none.
func judged(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrNoTools):
		return err
	case errors.Is(err, errTooHard):
		return errors.Join(refused(TooHard), err)
	}
	return errors.Join(refused(Broken), err)
}

func (t *Tools) judge(kind Kind, p probed, path string) (Facts, error) {
	l := t.Limits.filled()
	if len(p.Streams) > l.Streams {
		return Facts{}, refused(TooMany)
	}
	f := Facts{Kind: kind, Duration: seconds(p.Format.Duration)}
	found := false
	for _, s := range p.Streams {
		switch {
		case s.Type == "video" && s.Disposition["attached_pic"] == 0 && !found:
			known := videoCodecs
			if kind == Picture {
				known = pictureCodecs
			}
			if !slices.Contains(known, s.Codec) {
				return Facts{}, refused(BadCodec)
			}
			found = true
			f.Width, f.Height = s.Width, s.Height
			if num, den, ok := strings.Cut(s.Shape, ":"); ok {
				f.Width = squared(f.Width, num, den)
			}
			f.Rate = rate(s.Average, s.Least)
			f.HDR = s.Transfer == "smpte2084" || s.Transfer == "arib-std-b67"
			f.Interlaced = s.Order != "" && s.Order != "progressive" && s.Order != "unknown"
			if f.Duration == 0 {
				f.Duration = seconds(s.Duration)
			}
			for _, side := range s.Side {
				if int(math.Abs(side.Rotation)+0.5)%180 == 90 {
					f.Width, f.Height = f.Height, f.Width
				}
			}
		case s.Type == "audio" && s.Channels > 0 && slices.Contains(soundCodecs, s.Codec):
			f.Sound = true
		}
	}
	if !found {
		return Facts{}, refused(NoPicture)
	}
	if kind == Picture {
		f.Duration, f.Sound = 0, false
		if f.turn = orientation(path); f.turn >= 5 {
			f.Width, f.Height = f.Height, f.Width
		}
	}
	return f, f.check(l)
}

func (f Facts) check(l Limits) error {
	long, short := max(f.Width, f.Height), min(f.Width, f.Height)
	switch {
	case short < sideMin, long > shapeMax*short:
		return refused(OddShape)
	case f.Width > l.Pixels/f.Height:
		return refused(TooLarge)
	case f.Duration > l.Duration:
		return refused(TooLong)
	}
	return nil
}

func squared(width int, num, den string) int {
	n, err1 := strconv.ParseFloat(num, 64)
	d, err2 := strconv.ParseFloat(den, 64)
	if err1 != nil || err2 != nil || n <= 0 || d <= 0 || n/d > shapeMax || d/n > shapeMax {
		return width
	}
	return int(float64(width)*n/d + 0.5)
}

func seconds(text string) time.Duration {
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s > 0) || s > 1e7 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// rate chooses a constant cadence: the file's own where it has one, at most 60; 30 where it varies.
func rate(average, least string) Fraction {
	a, b := fraction(average), fraction(least)
	switch f := a.Float(); {
	case a.Num <= 0, f < 1:
		return Fraction{30, 1}
	case f > 60.5:
		return Fraction{60, 1}
	case b.Num > 0 && math.Abs(b.Float()-f) > 0.01*f:
		if f > 33 {
			return Fraction{60, 1}
		}
		return Fraction{30, 1}
	case a.Den > 100_000 || a.Num > 1_000_000: // rounded somewhere on its way
		return Fraction{int64(math.Round(f * 1000)), 1000}
	}
	return a
}

func fraction(text string) Fraction {
	num, den, ok := strings.Cut(text, "/")
	n, err1 := strconv.ParseInt(num, 10, 64)
	d, err2 := strconv.ParseInt(den, 10, 64)
	if !ok || err1 != nil || err2 != nil || n <= 0 || d <= 0 {
		return Fraction{}
	}
	return Fraction{n, d}
}
