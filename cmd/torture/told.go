package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// toldParts is what viewers were told of: each part with its place on the wall's clock.
type toldParts struct{ parts map[string]span }

// span is a stretch of a playlist.
type span struct {
	from, until time.Time
	gap         bool // a discontinuity lies before it
}

func (t *toldParts) count() int { return len(t.parts) }

// read notes the parts of a live playlist. The dates of a segment and the lengths of the parts before one place it.
func (t *toldParts) read(text string) error {
	if t.parts == nil {
		t.parts = map[string]span{}
	}
	var at time.Time
	inParts := false // the segment lists parts: its EXTINF says nothing new
	for line := range strings.Lines(text) {
		tag, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch tag {
		case "#EXT-X-PROGRAM-DATE-TIME":
			var err error
			if at, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return fmt.Errorf("read a date: %w", err)
			}
			inParts = false
		case "#EXT-X-PART":
			length, err := seconds(attribute(value, "DURATION"))
			if err != nil {
				return err
			}
			t.parts[attribute(value, "URI")] = span{from: at, until: at.Add(length)}
			at, inParts = at.Add(length), true
		case "#EXTINF":
			if length, err := seconds(strings.TrimSuffix(value, ",")); err == nil && !inParts {
				at = at.Add(length)
			}
			inParts = false
		}
	}
	return nil
}

// rounding is how far a date or a sum of lengths in a playlist may lie beside the truth.
const rounding = 5 * time.Millisecond

// missing lists the parts that no segment of a replay holds.
func (t *toldParts) missing(kept []span) (names []string) {
	for name, part := range t.parts {
		held := false
		for _, s := range kept {
			held = held || !part.from.Before(s.from.Add(-rounding)) && !part.until.After(s.until.Add(rounding))
		}
		if !held {
			names = append(names, name)
		}
	}
	return names
}

// readReplay reads the segments of a replay's playlist.
func readReplay(text string) (out []span, err error) {
	var next span
	for line := range strings.Lines(text) {
		tag, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case tag == "#EXT-X-DISCONTINUITY":
			next.gap = true
		case tag == "#EXT-X-PROGRAM-DATE-TIME":
			if next.from, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return nil, fmt.Errorf("read a date: %w", err)
			}
		case tag == "#EXTINF":
			length, err := seconds(strings.TrimSuffix(value, ","))
			if err != nil {
				return nil, err
			}
			next.until = next.from.Add(length)
		case tag != "" && !strings.HasPrefix(tag, "#"):
			if next.from.IsZero() {
				return nil, fmt.Errorf("the segment %s has no date", tag)
			}
			out = append(out, next)
			next = span{from: next.until}
		}
	}
	return out, nil
}

func seconds(text string) (time.Duration, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("read a length: %w", err)
	}
	return time.Duration(f * float64(time.Second)).Round(time.Microsecond), nil
}

// attribute reads one of a tag's attributes.
func attribute(list, name string) string {
	for one := range strings.SplitSeq(list, ",") {
		if n, value, ok := strings.Cut(one, "="); ok && n == name {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}
