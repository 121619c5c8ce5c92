package vod

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/captions"
	"github.com/hawkerlive/hawker/streaming/hls"
)

const (
	captionsMax   = 20 // languages of a video
	captionLabel  = 60 // characters
	captionPrefix = "captions-"
	suffixVTT     = ".vtt"
)

// What is refused.
var (
	ErrCaptions     = errors.New("vod: a video has captions in at most 20 languages")
	ErrCaptionLabel = errors.New("vod: the name of captions has at most 60 characters and no control characters")
)

// Captions is what is said in a video, in one language.
type Captions struct {
	Video, Language, Label string
	Text                   string // WebVTT, with the video's own times
	By                     string // account
	ChangedAt              time.Time
}

// CaptionStore keeps them. Each method is one transaction.
type CaptionStore interface {
	// Captions returns a video's, by language.
	Captions(ctx context.Context, video string) ([]Captions, error)
	// PutCaptions stores them in the place of what was there; ErrCaptions beyond most languages of the video.
	PutCaptions(ctx context.Context, c Captions, most int) error
	// DeleteCaptions takes them away; ErrNotFound where there are none.
	DeleteCaptions(ctx context.Context, video, language string) error
}

// Caption takes a file of captions: WebVTT or SubRip. What is stored is clean.
func (l *Library) Caption(ctx context.Context, c Captions, file []byte) (Captions, error) {
	c.Language, c.Label = strings.ToLower(c.Language), strings.TrimSpace(c.Label)
	if c.Language == "" || !languageTag(c.Language) {
		return c, ErrLanguage
	}
	if c.Label == "" {
		c.Label = c.Language
	}
	if !plain(c.Label, captionLabel, false) || strings.ContainsAny(c.Label, `"`) {
		return c, ErrCaptionLabel
	}
	cues, err := captions.Parse(file)
	if err != nil {
		return c, err
	}
	c.Text, c.ChangedAt = captions.Write(cues), l.now()
	return c, l.Captions.PutCaptions(ctx, c, captionsMax)
}

// Uncaption takes captions away.
func (l *Library) Uncaption(ctx context.Context, video, language string) error {
	return l.Captions.DeleteCaptions(ctx, video, strings.ToLower(language))
}

// CaptionsOf returns what is said in a video: its own, and of a clip what the show's say in its time, where it has none of
// its own in that language. Times begin with the video.
func CaptionsOf(ctx context.Context, s CaptionStore, v Video) ([]Captions, error) {
	if s == nil {
		return nil, nil
	}
	all, err := s.Captions(ctx, v.ID)
	if err != nil || v.Kind != KindClip {
		return all, err
	}
	show, err := s.Captions(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	for _, c := range show {
		if slices.ContainsFunc(all, func(own Captions) bool { return own.Language == c.Language }) {
			continue
		}
		cues, err := captions.Parse([]byte(c.Text))
		if err != nil {
			return nil, fmt.Errorf("read stored captions: %w", err)
		}
		if cues = captions.Slice(cues, v.From.Duration(), v.From.Duration()+v.Duration); len(cues) > 0 {
			c.Video, c.Text = v.ID, captions.Write(cues)
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Captions) int { return strings.Compare(a.Language, b.Language) })
	return all, nil
}

// caption adds captions to what a video is served as: a file of each language for pages, and a playlist of it for
// players, in pieces that begin and end with the video's own discontinuities.
func (r *replay) caption(all []Captions, v Video, lines []Line) (texts []hls.Text) {
	pieces := stretchesOf(timeline(r.first, lines))
	for _, c := range all {
		cues, err := captions.Parse([]byte(c.Text))
		if err != nil || len(pieces) == 0 {
			continue // it was read when it was stored
		}
		name := captionPrefix + c.Language
		r.files[name+suffixVTT] = vttFile(c.Text)
		r.files[name+suffixPlaylist] = textFile(r.captionPieces(name, cues, v, pieces))
		texts = append(texts, hls.Text{Name: c.Label, Language: c.Language, URI: name + suffixPlaylist})
	}
	return texts
}

// captionPieces renders one language's playlist and names its pieces. A stamp in our files is media time, of a show's
// shifted by the same for all, so that cues are written in media time and every piece has the same map.
func (r *replay) captionPieces(name string, cues []captions.Cue, v Video, pieces []Stretch) string {
	for i := range cues {
		cues[i].From, cues[i].Until = cues[i].From+v.From.Duration(), cues[i].Until+v.From.Duration()
	}
	ties := hls.TimestampMap()
	if v.Kind.Uploaded() {
		ties = "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"
	}
	var b strings.Builder
	longest := time.Duration(0)
	for _, p := range pieces {
		longest = max(longest, (p.Until - p.From).Duration())
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n#EXT-X-PLAYLIST-TYPE:VOD\n", int((longest+time.Second-1)/time.Second))
	for i, p := range pieces {
		var own []captions.Cue
		for _, c := range cues {
			if c.Until > p.From.Duration() && c.From < p.Until.Duration() {
				own = append(own, c)
			}
		}
		piece := fmt.Sprintf("%s-%d%s", name, i, suffixVTT)
		r.files[piece] = vttFile(captions.Write(own, ties))
		if i > 0 {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		fmt.Fprintf(&b, "#EXTINF:%.6f,\n%s\n", (p.Until - p.From).Duration().Seconds(), piece)
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	return b.String()
}

func vttFile(text string) file {
	f := textFile(text)
	f.kind = typeVTT
	return f
}

// stretchesOf joins lines between discontinuities.
func stretchesOf(lines []Line) (out []Stretch) {
	for _, l := range lines {
		if n := len(out); n > 0 && !l.Discontinuity {
			out[n-1].Until = l.Until()
			out[n-1].Bytes += l.Bytes
			continue
		}
		out = append(out, Stretch{l.From, l.Until(), l.Bytes})
	}
	return out
}

// CaptionsFor returns what is said in a video.
func (l *Library) CaptionsFor(ctx context.Context, v Video) ([]Captions, error) {
	return CaptionsOf(ctx, l.Captions, v)
}
