package hlstest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Lengths in seconds.
const (
	shortest = 0.2    // hls.js may hang on a last part that is no longer
	floor    = 0.85   // of PART-TARGET
	rounding = 0.0015 // stamps in milliseconds
	exact    = 0.0001 // lengths in microseconds, added up
)

// Validator judges the playlists of one rendition, each once, in the order in which they were seen. One goroutine uses
// it.
type Validator struct {
	// Get fetches what a playlist links to. Without it only the texts are judged.
	Get func(uri string) ([]byte, error)
	// Others are the URIs of the renditions that must be reported.
	Others []string
	// Varying says that pictures do not come evenly: parts may begin while a picture stands, and those under the
	// floor are counted instead of refused. Finish refuses more than one in twenty.
	Varying bool
	// Keyless says that segments need not begin with a key picture, not even the first that is seen.
	Keyless bool

	last    *Playlist
	targets map[string]float64 // by part: the smallest PART-TARGET it was listed under
	lengths map[string]float64
	inner   map[string]bool // it is not the last of its segment
	media   *media

	playlists int
}

// Result says what was judged.
type Result struct {
	Playlists, Parts, Segments int
	Short                      int // parts under the floor, but for the last of a segment
}

// Playlist judges a full playlist and the media in it that was not there before.
func (v *Validator) Playlist(text string) error {
	p, err := Parse(text)
	if err != nil {
		return err
	}
	if v.targets == nil {
		v.targets, v.lengths, v.inner = map[string]float64{}, map[string]float64{}, map[string]bool{}
		v.media = newMedia(v.Get, v.Varying)
		v.media.keyless = v.Keyless
	}
	v.playlists++
	errs := v.head(p)
	errs = append(errs, v.entries(p)...)
	errs = append(errs, v.dates(p)...)
	if v.last != nil {
		errs = append(errs, v.follows(v.last, p)...)
	}
	if v.Get != nil {
		errs = append(errs, v.media.judge(p)...)
	}
	v.last = p
	return errors.Join(errs...)
}

func (v *Validator) head(p *Playlist) (errs []error) {
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(p.Version >= 9, "EXT-X-VERSION is %d", p.Version)
	bad(p.Target >= 1, "no EXT-X-TARGETDURATION")
	bad(p.Skipped == 0, "a full playlist skips")
	if p.Ended {
		bad(p.Hint == "", "a hint after the end")
		return errs
	}
	bad(p.CanBlock, "CAN-BLOCK-RELOAD is missing")
	bad(p.PartTarget > 0, "no PART-TARGET")
	bad(p.PartHoldBack >= 3*p.PartTarget-1e-9, "PART-HOLD-BACK %v at PART-TARGET %v", p.PartHoldBack, p.PartTarget)
	bad(p.HoldBack >= 3*p.Target, "HOLD-BACK %v at TARGETDURATION %v", p.HoldBack, p.Target)
	bad(p.SkipUntil >= 6*p.Target, "CAN-SKIP-UNTIL %v at TARGETDURATION %v", p.SkipUntil, p.Target)
	bad(p.Hint != "", "no EXT-X-PRELOAD-HINT")
	for _, uri := range v.Others {
		r := p.Reports[uri]
		bad(r != nil && r["LAST-MSN"] != "" && r["LAST-PART"] != "", "no EXT-X-RENDITION-REPORT for %s", uri)
	}
	return errs
}

func (v *Validator) entries(p *Playlist) (errs []error) {
	bad := func(ok bool, s *Segment, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("segment %d: %s", s.Number, fmt.Sprintf(format, args...)))
		}
	}
	after := 0.0
	for i := len(p.Segments) - 1; i >= 0; i-- {
		s := &p.Segments[i]
		bad(s.URI != "" || i == len(p.Segments)-1, s, "unfinished, but not the last")
		bad(!s.Date.IsZero(), s, "no EXT-X-PROGRAM-DATE-TIME")
		bad(s.Map != "", s, "no EXT-X-MAP")
		bad(!s.Discontinuity || s.MapStated, s, "a discontinuity without EXT-X-MAP")
		var sum float64
		for j, part := range s.Parts {
			sum += part.Duration
			bad(part.Duration > shortest, s, "part %s is %v s long", part.URI, part.Duration)
			bad(part.Duration <= p.PartTarget+1e-9, s, "part %s is %v s long at PART-TARGET %v", part.URI, part.Duration, p.PartTarget)
			if t, ok := v.targets[part.URI]; !ok || p.PartTarget < t {
				v.targets[part.URI] = p.PartTarget
			}
			v.lengths[part.URI] = part.Duration
			v.inner[part.URI] = j < len(s.Parts)-1
		}
		if s.URI == "" {
			bad(len(s.Parts) > 0, s, "nothing in it")
			after += sum
			continue
		}
		bad(math.Round(s.Duration) <= p.Target, s, "EXTINF %v at TARGETDURATION %v", s.Duration, p.Target)
		if len(s.Parts) > 0 {
			bad(math.Abs(sum-s.Duration) < 1e-5, s, "EXTINF %v, its parts are %v", s.Duration, sum)
			bad(!s.Discontinuity || s.Parts[0].Independent, s, "a discontinuity without an independent part")
			bad(!p.Independent || s.Parts[0].Independent, s, "not independent")
		}
		if !p.Ended {
			bad(len(s.Parts) > 0 || after >= 3*p.Target || v.wasBare(s.Number), s, "no parts %v s before the end", after)
			bad(len(s.Parts) == 0 || after < 4*p.Target, s, "still with parts %v s before the end", after)
		}
		after += s.Duration
	}
	return errs
}

// wasBare tells whether a segment's parts had left the list before.
func (v *Validator) wasBare(number int64) bool {
	if v.last == nil {
		return false
	}
	for _, s := range v.last.Segments {
		if s.Number == number {
			return len(s.Parts) == 0
		}
	}
	return false
}

func (v *Validator) dates(p *Playlist) (errs []error) {
	ids := map[string]bool{}
	for _, d := range p.DateRanges {
		if d["ID"] == "" || d["START-DATE"] == "" {
			errs = append(errs, fmt.Errorf("EXT-X-DATERANGE without ID or START-DATE: %v", d))
		}
		if _, err := time.Parse(time.RFC3339Nano, d["START-DATE"]); err != nil {
			errs = append(errs, fmt.Errorf("EXT-X-DATERANGE: %w", err))
		}
		if ids[d["ID"]] {
			errs = append(errs, fmt.Errorf("EXT-X-DATERANGE %s stands twice", d["ID"]))
		}
		ids[d["ID"]] = true
	}
	for i := 1; i < len(p.Segments); i++ {
		a, b := p.Segments[i-1], p.Segments[i]
		if step := b.Date.Sub(a.Date).Seconds(); b.Domain == a.Domain && math.Abs(step-a.Duration) > rounding {
			errs = append(errs, fmt.Errorf("segment %d is dated %v after the one before it, which is %v long", b.Number, step, a.Duration))
		} else if step < -2*shortest {
			errs = append(errs, fmt.Errorf("segment %d is dated %v after the one before it", b.Number, step))
		}
	}
	return errs
}

// follows judges a playlist against the one before it.
func (v *Validator) follows(a, b *Playlist) (errs []error) {
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(!a.Ended || b.Ended, "the playlist goes on after its end")
	bad(b.Sequence >= a.Sequence, "EXT-X-MEDIA-SEQUENCE went from %d to %d", a.Sequence, b.Sequence)
	bad(b.Discontinued >= a.Discontinued, "EXT-X-DISCONTINUITY-SEQUENCE went from %d to %d", a.Discontinued, b.Discontinued)
	hint, hinted := a.Hint, missed(a, b)
	old := map[int64]*Segment{}
	for i := range a.Segments {
		old[a.Segments[i].Number] = &a.Segments[i]
	}
	known := map[string]bool{}
	for _, s := range a.Segments {
		for _, part := range s.Parts {
			known[part.URI] = true
		}
	}
	for _, s := range b.Segments {
		if o := old[s.Number]; o != nil {
			bad(o.URI == "" || (o.URI == s.URI && o.Duration == s.Duration), "segment %d changed", s.Number)
			bad(o.Domain == s.Domain && o.Map == s.Map && o.Date.Equal(s.Date), "segment %d changed its discontinuity, map or date", s.Number)
			for i, part := range s.Parts {
				bad(i >= len(o.Parts) || o.Parts[i] == part, "part %d of segment %d changed", i, s.Number)
			}
		} else if len(a.Segments) > 0 {
			bad(s.Number > a.Segments[len(a.Segments)-1].Number, "segment %d came back", s.Number)
		}
		for _, part := range s.Parts {
			if !known[part.URI] && !hinted {
				hinted = true
				bad(part.URI == hint, "the hint was %s, the part is %s", hint, part.URI)
			}
		}
	}
	var length float64
	for _, s := range b.Segments {
		length += s.length()
	}
	bad(b.Sequence == a.Sequence || length >= 3*b.Target, "segments were removed from a list of %v s", length)
	return errs
}

// Delta judges a delta update made together with the newest full playlist.
func (v *Validator) Delta(text string) error { return v.delta(text, false) }

// DeltaV2 judges one that may leave date ranges out too.
func (v *Validator) DeltaV2(text string) error { return v.delta(text, true) }

func (v *Validator) delta(text string, dates bool) error {
	d, err := Parse(text)
	if err != nil {
		return fmt.Errorf("delta update: %w", err)
	}
	f := v.last
	if d.Skipped == 0 {
		return nil
	}
	var errs []error
	least := 9
	if dates {
		least = 10
		for _, one := range d.DateRanges {
			if !slices.ContainsFunc(f.DateRanges, func(o map[string]string) bool { return maps.Equal(one, o) }) {
				errs = append(errs, fmt.Errorf("the delta update has a date range of its own: %v", one))
			}
		}
	} else if len(d.DateRanges) != len(f.DateRanges) {
		errs = append(errs, fmt.Errorf("the delta update has %d of %d date ranges", len(d.DateRanges), len(f.DateRanges)))
	}
	if d.Version < least || d.Sequence != f.Sequence || d.Target != f.Target || d.Hint != f.Hint {
		errs = append(errs, fmt.Errorf("the delta update differs from the playlist in its head"))
	}
	if d.Skipped+len(d.Segments) != len(f.Segments) {
		return fmt.Errorf("the delta update skips %d and has %d of %d", d.Skipped, len(d.Segments), len(f.Segments))
	}
	var after float64
	for i := len(f.Segments) - 1; i >= 0; i-- {
		s := f.Segments[i]
		if i < d.Skipped {
			if after < f.SkipUntil-1e-6 {
				errs = append(errs, fmt.Errorf("segment %d is skipped %v s before the end", s.Number, after))
			}
		} else if o := d.Segments[i-d.Skipped]; o.URI != s.URI || o.Duration != s.Duration || !o.Date.Equal(s.Date) || len(o.Parts) != len(s.Parts) || o.Map != s.Map {
			errs = append(errs, fmt.Errorf("segment %d differs in the delta update", s.Number))
		}
		after += s.length()
	}
	return errors.Join(errs...)
}

// Finish judges what needs the whole: the floor under the parts.
func (v *Validator) Finish() (Result, error) {
	r := Result{Playlists: v.playlists, Parts: len(v.lengths)}
	if v.media != nil {
		r.Segments = len(v.media.whole)
	}
	var errs []error
	for uri, length := range v.lengths {
		if v.inner[uri] && length < floor*v.targets[uri]-1e-6 {
			r.Short++
			if !v.Varying {
				errs = append(errs, fmt.Errorf("part %s is %v s long at PART-TARGET %v", uri, length, v.targets[uri]))
			}
		}
	}
	if v.Varying && r.Short*20 > r.Parts {
		errs = append(errs, fmt.Errorf("%d of %d parts are under the floor", r.Short, r.Parts))
	}
	return r, errors.Join(errs...)
}

// missed tells whether parts came and went between two playlists, so that nothing can be said of the hint.
func missed(a, b *Playlist) bool {
	if len(a.Segments) == 0 {
		return false
	}
	last := a.Segments[len(a.Segments)-1]
	for _, s := range b.Segments {
		if (s.Number > last.Number || s.Number == last.Number && last.URI == "") && s.URI != "" && len(s.Parts) == 0 {
			return true
		}
	}
	return false
}
