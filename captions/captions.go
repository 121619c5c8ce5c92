// Package captions reads and writes what is said in a video: WebVTT, and SubRip turned into it; and finds captions that
// an encoder sends inside its pictures (CEA-608 and 708).
//
// What enters are files of strangers and access units, what leaves are cues in order, clean text and a yes or no. It
// refuses files that are too large or hold no cue that can be shown; styles, regions and notes are left out, as are tags
// and settings that it does not know, so that nothing in a file reaches a page but text. The videos' room and the HLS
// packager import it.
package captions

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What is refused.
var (
	ErrTooLarge = errors.New("captions: a file has at most 512 KB and 10,000 cues")
	ErrFormat   = errors.New("captions: this is neither WebVTT nor SubRip")
	ErrCue      = errors.New("captions: a cue has no time that can be read, or ends before it begins")
	ErrEmpty    = errors.New("captions: the file holds no cue")
)

// Limits of a file.
const (
	BytesMax = 512 << 10
	CuesMax  = 10_000

	timeMax     = 100 * time.Hour
	textMax     = 2000 // bytes of a cue, as it is stored
	settingsMax = 100
)

// Cue is a text that lies on the picture from one time up to another.
type Cue struct {
	From, Until time.Duration
	Settings    string // where on the picture, as WebVTT writes it
	Text        string // as WebVTT writes it: escaped, lines with \n
}

// Parse reads a file: WebVTT, or SubRip, which is turned into it. The cues are in order of their times.
func Parse(file []byte) ([]Cue, error) {
	if len(file) > BytesMax {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(file) {
		return nil, fmt.Errorf("%w: the text is not UTF-8", ErrFormat)
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(strings.TrimPrefix(string(file), "\ufeff"))
	lines := strings.Split(text, "\n")
	first := strings.TrimRight(lines[0], " \t")
	vtt := first == "WEBVTT" || strings.HasPrefix(first, "WEBVTT ") || strings.HasPrefix(first, "WEBVTT\t")
	if vtt {
		for lines = lines[1:]; len(lines) > 0 && lines[0] != ""; lines = lines[1:] {
			if strings.Contains(lines[0], "-->") {
				break // a cue without the empty line before it
			}
		}
	}
	cues, err := parseBlocks(lines, vtt)
	if err != nil {
		return nil, err
	}
	if len(cues) == 0 && !vtt {
		return nil, ErrFormat
	}
	if len(cues) == 0 {
		return nil, ErrEmpty
	}
	slices.SortStableFunc(cues, func(a, b Cue) int { return cmp.Compare(a.From, b.From) })
	return cues, nil
}

// parseBlocks reads what stands between empty lines.
func parseBlocks(lines []string, vtt bool) (cues []Cue, _ error) {
	for len(lines) > 0 {
		if lines[0] == "" {
			lines = lines[1:]
			continue
		}
		n := slices.Index(lines, "")
		if n < 0 {
			n = len(lines)
		}
		block := lines[:n]
		lines = lines[n:]
		at := slices.IndexFunc(block, func(l string) bool { return strings.Contains(l, "-->") })
		if at < 0 || at > 1 {
			if !vtt {
				return nil, ErrFormat
			}
			continue // a note, a style, a region, or a name without a cue
		}
		c, err := timing(block[at], vtt)
		if err != nil {
			return nil, err
		}
		if c.Text = clean(block[at+1:]); c.Text == "" {
			continue // nothing to show
		}
		if len(cues) == CuesMax {
			return nil, ErrTooLarge
		}
		cues = append(cues, c)
	}
	return cues, nil
}

// timing reads "00:01.000 --> 00:02.500 line:0".
func timing(line string, vtt bool) (c Cue, err error) {
	before, after, _ := strings.Cut(line, "-->")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return c, ErrCue
	}
	if c.From, err = parseTime(strings.TrimSpace(before), vtt); err == nil {
		c.Until, err = parseTime(fields[0], vtt)
	}
	if err != nil || c.Until <= c.From {
		return c, fmt.Errorf("%w: %.60q", ErrCue, line)
	}
	if vtt {
		c.Settings = settings(fields[1:])
	}
	return c, nil
}

// parseTime reads [hh:]mm:ss.mmm; SubRip has a comma before the thousandths.
func parseTime(s string, vtt bool) (time.Duration, error) {
	if !vtt {
		s = strings.Replace(s, ",", ".", 1)
	}
	whole, thousandths, ok := strings.Cut(s, ".")
	parts := strings.Split(whole, ":")
	if !ok || len(thousandths) != 3 || len(parts) < 2 || len(parts) > 3 {
		return 0, ErrCue
	}
	if len(parts) == 2 {
		parts = append([]string{"0"}, parts...)
	}
	var n [4]int64
	for i, p := range append(parts, thousandths) {
		if len(p) == 0 || len(p) > 3 || i > 0 && i < 3 && len(p) != 2 {
			return 0, ErrCue
		}
		for _, r := range []byte(p) {
			if r < '0' || r > '9' {
				return 0, ErrCue
			}
			n[i] = n[i]*10 + int64(r-'0')
		}
	}
	out := time.Duration(n[0])*time.Hour + time.Duration(n[1])*time.Minute + time.Duration(n[2])*time.Second + time.Duration(n[3])*time.Millisecond
	if n[1] > 59 || n[2] > 59 || out > timeMax {
		return 0, ErrCue
	}
	return out, nil
}

// settings keeps those that say where a cue stands, and can say nothing else.
func settings(fields []string) string {
	var kept []string
	for _, f := range fields {
		name, value, ok := strings.Cut(f, ":")
		if !ok || value == "" || !slices.Contains([]string{"vertical", "line", "position", "size", "align"}, name) {
			continue
		}
		if strings.Trim(value, "abcdefghijklmnopqrstuvwxyz-0123456789.,%") == "" {
			kept = append(kept, f)
		}
	}
	if out := strings.Join(kept, " "); len(out) <= settingsMax {
		return out
	}
	return ""
}

// Slice returns what lies between two times, cut to them, with the first as the new zero.
func Slice(cues []Cue, from, until time.Duration) (out []Cue) {
	for _, c := range cues {
		if c.Until <= from || c.From >= until {
			continue
		}
		c.From, c.Until = max(c.From, from)-from, min(c.Until, until)-from
		out = append(out, c)
	}
	return out
}

// Write renders cues as WebVTT. header lines follow the first one.
func Write(cues []Cue, header ...string) string {
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, h := range header {
		b.WriteString(h + "\n")
	}
	for _, c := range cues {
		fmt.Fprintf(&b, "\n%s --> %s", stamp(c.From), stamp(c.Until))
		if c.Settings != "" {
			b.WriteString(" " + c.Settings)
		}
		b.WriteString("\n" + c.Text + "\n")
	}
	return b.String()
}

func stamp(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
