package vod

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of what is said about a video.
const (
	TitleMax   = 120 // characters
	CaptionMax = 2000
	TagsMax    = 30
	ReasonMax  = 500
	AheadMax   = 365 * 24 * time.Hour // a publication may be scheduled so far ahead
	StoryLasts = 24 * time.Hour
)

// What is refused.
var (
	ErrVideoState = errors.New("vod: the video's state does not allow this")
	ErrText       = errors.New("vod: a title has at most 120 characters, a caption 2,000, and neither holds control characters")
	ErrLanguage   = errors.New("vod: the language is not a language tag")
	ErrKind       = errors.New("vod: there is no such kind of video")
	ErrSchedule   = errors.New("vod: a video is published between now and a year from now")
	ErrTags       = errors.New("vod: a video has at most 30 tags; each begins before it ends, inside the video")
	ErrNotReady   = errors.New("vod: the video is still being made")
	ErrWebhook    = errors.New("vod: a webhook is an https address on the public network")
)

// Kind is what a video is made of.
type Kind string

// The kinds. A replay is a whole broadcast, under the broadcast's id, and a clip a slice of one; the others were
// uploaded. A story is gone a day after it was published. A picture does not move.
const (
	KindReplay  Kind = "replay"
	KindClip    Kind = "clip"
	KindShort   Kind = "short"
	KindStory   Kind = "story"
	KindPicture Kind = "picture"
)

// Uploaded tells whether a video of this kind comes from a file.
func (k Kind) Uploaded() bool { return k == KindShort || k == KindStory || k == KindPicture }

// State is where a video is in its life.
type State string

// The states. Only a published one is public.
const (
	StateDraft      State = "draft"
	StateProcessing State = "processing"
	StateReview     State = "review"
	StateScheduled  State = "scheduled"
	StatePublished  State = "published"
	StateHidden     State = "hidden"
	StateFailed     State = "failed"
	StateRetired    State = "retired" // it is being deleted, and not found any more
)

// Video is something that plays: a slice of a source's timeline. Whatever plays it reads the same lines.
type Video struct {
	ID, Source, Shop string // Source is the broadcast whose segments it plays, or its own id where it was uploaded
	Channel          string
	Kind             Kind
	State            State
	Title, Caption   string
	Language         string // "" where nobody said
	By               string // account
	From, Until      mediatime.Time
	Duration         time.Duration
	Width, Height    int
	FrameRate        float64
	Poster           *Image
	Board            *Board
	Problem          string // a code: why it failed
	Reason           string // what whoever judged it said
	Approved         bool
	PublishAt        time.Time // what the creator wishes; zero: nothing
	PublishedAt      time.Time
	ExpiresAt        time.Time
	CreatedAt        time.Time
	ChangedAt        time.Time
}

// Image is a stored picture.
type Image struct {
	Key    string `json:"key"` // of the blob
	Bytes  int64  `json:"bytes"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Board is a stored sheet of small pictures, one every so often, row by row.
type Board struct {
	Image
	Every      time.Duration `json:"every"`
	Columns    int           `json:"columns"`
	Count      int           `json:"count"`
	TileWidth  int           `json:"tile_width"`
	TileHeight int           `json:"tile_height"`
}

// Broadcast is the one that the video is a slice of, "" for an upload.
func (v Video) Broadcast() string {
	if v.Kind.Uploaded() {
		return ""
	}
	return v.Source
}

// Public tells whether everybody may see it.
func (v Video) Public(now time.Time) bool {
	if v.State == StateScheduled {
		return !v.PublishAt.After(now) && !v.over(now)
	}
	return v.State == StatePublished && !v.over(now)
}

func (v Video) over(now time.Time) bool { return !v.ExpiresAt.IsZero() && !now.Before(v.ExpiresAt) }

// Tag lays a product on a video's frames. Until 0: to the end.
type Tag struct {
	ID, Product string
	From, Until mediatime.Time
}

// Shown tells whether it lies on the frame of media time t.
func (g Tag) Shown(t mediatime.Time) bool { return g.From <= t && (g.Until == 0 || t < g.Until) }

// Policy is what a shop wants to happen before a video is public. The zero value wants nothing.
type Policy struct {
	Shop    string
	Review  bool   // nothing is public before it was approved
	Webhook string // is told of what waits for review; "" tells nobody
	Secret  string // sealed
}

// Text checks what is written about a video.
func (v Video) checkText() error {
	if !plain(v.Title, TitleMax, false) || !plain(v.Caption, CaptionMax, true) {
		return ErrText
	}
	if v.Language != "" && !languageTag(v.Language) {
		return ErrLanguage
	}
	return nil
}

// plain tells whether a text is short enough and holds nothing that changes how other text reads.
func plain(s string, most int, lines bool) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !(lines && r == '\n') || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	})
}

func languageTag(s string) bool {
	parts := strings.Split(s, "-")
	return len(s) <= 35 && len(parts[0]) >= 2 && len(parts[0]) <= 3 && !slices.ContainsFunc(parts, func(p string) bool {
		return p == "" || len(p) > 8 || strings.ContainsFunc(p, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	})
}

// settle puts a video that is ready where its creator and its shop want it. It reports whether somebody has to be told
// that it waits for a verdict.
func (v *Video) settle(p Policy, now time.Time) (tell bool) {
	switch {
	case v.PublishAt.IsZero():
		v.State = StateDraft
	case p.Review && !v.Approved:
		tell = v.State != StateReview
		v.State = StateReview
	case v.PublishAt.After(now):
		v.State = StateScheduled
	default:
		if v.State != StatePublished {
			v.PublishedAt = now
			if v.Kind == KindStory {
				v.ExpiresAt = now.Add(StoryLasts)
			}
		}
		v.State = StatePublished
	}
	return tell
}

// ready tells whether there is something to publish.
func (v Video) ready() error {
	switch v.State {
	case StateProcessing:
		return ErrNotReady
	case StateFailed, StateRetired:
		return ErrVideoState
	}
	return nil
}

// Publish wishes the video public at a time, the zero time meaning now.
func (v *Video) Publish(p Policy, at, now time.Time) (tell bool, err error) {
	if at.IsZero() || at.Before(now) {
		at = now
	}
	if at.After(now.Add(AheadMax)) {
		return false, ErrSchedule
	}
	if v.State == StateFailed || v.State == StateRetired || v.Kind == KindReplay {
		return false, ErrVideoState
	}
	v.PublishAt = at
	if v.State == StateProcessing {
		return false, nil // it is published when it is there
	}
	if v.State == StateHidden { // as good as new: who hid it must judge again where the shop wants that
		v.State, v.PublishedAt, v.ExpiresAt = StateDraft, time.Time{}, time.Time{}
	}
	return v.settle(p, now), nil
}

// Withdraw takes it out of sight. What waits for nobody's verdict any more is a draft again.
func (v *Video) Withdraw() error {
	if v.Kind == KindReplay {
		return ErrVideoState
	}
	v.PublishAt = time.Time{}
	switch v.State {
	case StatePublished, StateHidden:
		v.State = StateHidden
	case StateProcessing:
	case StateReview, StateScheduled, StateDraft:
		v.State = StateDraft
	default:
		return ErrVideoState
	}
	return nil
}

// Edited says that what people see was changed: where the shop wants to see first, it sees again.
func (v *Video) edited(p Policy, now time.Time) (tell bool) {
	if !p.Review {
		return false
	}
	v.Approved = false
	switch v.State {
	case StateScheduled, StatePublished:
		return v.settle(p, now)
	}
	return false
}

// Judge is the verdict of whoever reviews for the shop.
func (v *Video) Judge(approved bool, reason string, p Policy, now time.Time) error {
	if !plain(reason, ReasonMax, true) {
		return ErrText
	}
	if err := v.ready(); err != nil {
		return err
	}
	if v.Kind == KindReplay {
		return ErrVideoState
	}
	v.Approved, v.Reason = approved, reason
	if !approved {
		v.State = StateHidden
		return nil
	}
	if v.State == StateReview {
		v.settle(p, now)
	}
	return nil
}

// CheckTags tells whether tags lie inside the video.
func (v Video) CheckTags(tags []Tag) error {
	if len(tags) > TagsMax {
		return ErrTags
	}
	for _, g := range tags {
		if g.From < 0 || g.Until < 0 || g.Until != 0 && g.Until <= g.From || g.Product == "" {
			return ErrTags
		}
		if v.Duration > 0 && g.From >= mediatime.Of(v.Duration) {
			return ErrTags
		}
	}
	return nil
}

// Arrived says that a video is there to be seen. An upload that turned out to be a picture is one.
func (v *Video) Arrived(p Policy, picture bool, now time.Time) Changed {
	if picture && v.Kind == KindShort {
		v.Kind = KindPicture
	}
	v.Problem, v.ChangedAt = "", now
	tell := v.settle(p, now)
	return Changed{Job: Announcement(*v, p, tell, now)}
}

// CleanTitle is as much of a text as may be a title: a file's name holds anything.
func CleanTitle(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
	if !plain(text, TitleMax, false) {
		return ""
	}
	return text
}
