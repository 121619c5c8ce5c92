package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/srt"
)

// Limits of fetching.
const (
	segmentMax    = 64 << 20
	initMax       = 1 << 20
	answerWithin  = 20 * time.Second // of one segment
	beginWith     = 3                // segments before the live edge (RFC 8216, 6.3.3)
	reloadMin     = 500 * time.Millisecond
	failuresMax   = 4    // segments or playlists in a row
	widthMost     = 3840 // of a variant that is chosen
	bandwidthMost = 20_000_000
)

// hlsSource plays a playlist: the largest variant, and its sound where that stands apart.
type hlsSource struct {
	client *http.Client
	url    *url.URL
	idle   time.Duration
	admit  ingest.Admit
	log    *slog.Logger
}

func (h *hlsSource) run(ctx context.Context) error {
	at, p, err := h.load(ctx, h.url)
	if err != nil {
		return err
	}
	pictures, sounds := at, (*url.URL)(nil)
	if len(p.variants) > 0 {
		v := choose(p.variants)
		if pictures, err = at.Parse(v.uri); err != nil {
			return fmt.Errorf("%w: the variant's address", errMalformed)
		}
		if uri := p.sounds[v.sound]; uri != "" {
			if sounds, err = at.Parse(uri); err != nil {
				return fmt.Errorf("%w: the sound's address", errMalformed)
			}
		}
	}
	m := &mixer{ctx: ctx, admit: h.admit, parts: 1}
	if sounds == nil {
		return h.follow(ctx, pictures, m.part(0, 0))
	}
	m.parts = 2
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.ctx = ctx
	ended := make(chan error, 1)
	go func() {
		err := h.follow(ctx, sounds, m.part(1, audioTrack))
		cancel(err)
		ended <- err
	}()
	err = h.follow(ctx, pictures, m.part(0, videoTrack))
	cancel(err)
	other := <-ended
	if errors.Is(err, context.Canceled) && other != nil {
		err = other
	}
	return err
}

// choose takes the best variant that is not beyond us.
func choose(all []variant) variant {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b variant) int { return cmp.Compare(b.bandwidth, a.bandwidth) })
	for _, v := range all {
		if v.bandwidth <= bandwidthMost && v.width <= widthMost && (v.codecs == "" || takes(v.codecs)) {
			return v
		}
	}
	return all[len(all)-1]
}

func takes(codecs string) bool {
	for _, one := range []string{"avc1", "avc3", "hvc1", "hev1", "av01", "vp09"} {
		if strings.Contains(codecs, one) {
			return true
		}
	}
	return false
}

// follow plays one media playlist until it ends.
func (h *hlsSource) follow(ctx context.Context, at *url.URL, sink *part) error {
	next, failures := int64(-1), 0
	heard := time.Now()
	player := &segments{ctx: ctx, source: h, sink: sink}
	for {
		_, p, err := h.load(ctx, at)
		if err == nil && len(p.variants) > 0 {
			return fmt.Errorf("%w: a list of lists", errMalformed)
		}
		if err == nil {
			next, err = h.fresh(p, next, player, &heard)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			failures = 0
		case final(err):
			return err
		default:
			if failures++; failures >= failuresMax {
				return err
			}
		}
		if err == nil && p.ended && next > lastNumber(p) {
			return errOver
		}
		pause := time.Second
		if p != nil {
			pause = max(p.target/2, reloadMin)
		}
		if time.Since(heard) > h.idle+3*pause {
			return ingest.ErrSilent
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func lastNumber(p *playlist) int64 {
	if len(p.segments) == 0 {
		return -1
	}
	return p.segments[len(p.segments)-1].number
}

// fresh plays the segments that are new and returns the number of the one to come.
func (h *hlsSource) fresh(p *playlist, next int64, player *segments, heard *time.Time) (int64, error) {
	if len(p.segments) == 0 {
		return next, nil
	}
	first, last := p.segments[0].number, lastNumber(p)
	switch {
	case next < 0, next > last+1: // begun, or begun anew
		next = max(first, last-beginWith+1)
	case next < first:
		next = first // fallen out of the list
	}
	for _, one := range p.segments[next-first:] {
		if err := player.play(one, p); err != nil {
			return next, err
		}
		*heard = time.Now()
		next = one.number + 1
	}
	return next, nil
}

// final tells which errors asking for the next segment does not mend.
func final(err error) bool {
	var refused *statusError
	if errors.As(err, &refused) {
		return refused.code == http.StatusUnauthorized || refused.code == http.StatusForbidden
	}
	reason, _ := reasonOf(err)
	return reason != Unreachable && reason != Malformed
}

// load reads a playlist. at is where it was found, redirects considered.
func (h *hlsSource) load(ctx context.Context, from *url.URL) (at *url.URL, p *playlist, err error) {
	body, at, err := h.get(ctx, from, span{}, playlistMax)
	if err != nil {
		return nil, nil, err
	}
	if p, err = parsePlaylist(body); err != nil {
		return nil, nil, err
	}
	p.at = at
	return at, p, nil
}

// statusError is an answer that is none.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("pull: the source answers %d", e.code) }

func (e *statusError) Is(target error) bool {
	switch e.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return target == ingest.ErrCredentials
	case http.StatusNotFound, http.StatusGone:
		return target == ingest.ErrNoSuchMedia
	}
	return false
}

// get fetches one thing, at most so large.
func (h *hlsSource) get(ctx context.Context, from *url.URL, s span, most int64) ([]byte, *url.URL, error) {
	if from.Scheme != "https" && (from.Scheme != "http" || h.url.Scheme == "https") {
		return nil, nil, fmt.Errorf("%w: %w", errMalformed, ErrAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, nil, ErrAddress
	}
	r.Header.Set("User-Agent", "Hawker")
	if from.User == nil && from.Host == h.url.Host && h.url.User != nil {
		password, _ := h.url.User.Password()
		r.SetBasicAuth(h.url.User.Username(), password)
	}
	want := http.StatusOK
	if s.length > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", s.from, s.from+s.length-1))
		want = http.StatusPartialContent
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read, or is given up
	if answer.StatusCode != want {
		return nil, nil, &statusError{answer.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err == nil && int64(len(body)) > most {
		err = fmt.Errorf("%w: more than %d bytes", errMalformed, most)
	}
	return body, answer.Request.URL, err
}

// segments turns segments into frames, whatever their container.
type segments struct {
	ctx    context.Context
	source *hlsSource
	sink   *part

	stream   *srt.Reader
	boxes    *boxes
	init     string
	initSpan span
}

func (s *segments) play(one segment, p *playlist) error {
	switch {
	case one.gap:
		return nil
	case one.encrypted:
		return errEncrypted
	}
	at, err := p.address(one.uri)
	if err != nil {
		return err
	}
	body, _, err := s.source.get(s.ctx, at, one.span, segmentMax)
	if err != nil {
		return err
	}
	if one.init == "" {
		if s.stream == nil || one.cut {
			s.sink.wraps()
			s.stream = srt.NewReader(s.ctx, s.sink, func(what error) { s.source.log.Warn("a track is left out", "why", what) })
		}
		if err := s.stream.Push(body); err != nil {
			return err
		}
		return s.stream.Flush()
	}
	if s.boxes == nil || one.init != s.init || one.initSpan != s.initSpan {
		at, err := p.address(one.init)
		if err != nil {
			return err
		}
		head, _, err := s.source.get(s.ctx, at, one.initSpan, initMax)
		if err != nil {
			return err
		}
		if s.boxes, err = newBoxes(s.ctx, head, s.sink); err != nil {
			return err
		}
		s.init, s.initSpan = one.init, one.initSpan
	}
	return s.boxes.push(body)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
