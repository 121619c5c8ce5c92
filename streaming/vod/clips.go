package vod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What keeps a clip from being made.
var (
	ErrClip     = errors.New("vod: a clip lasts between a second and ten minutes, inside what is recorded")
	ErrClipMode = errors.New("vod: a channel's clips are made as drafts, published, or not made")
)

const (
	// ClipLeast is how long something must have lain on the picture to become a clip.
	ClipLeast = 5 * time.Second

	clipShortest = time.Second
	clipLongest  = 10 * time.Minute
	clipEvery    = time.Second
	clipWait     = 20 * time.Second // for the segments of a moment; then what is there must do
	clipGone     = 90 * time.Second // a moment of which nothing is recorded is given up
	clipsOpenMax = 4096
	postersMax   = 64 // clips that wait for their poster; beyond it a clip has none
)

// ClipMode is what becomes of a channel's moments.
type ClipMode string

// The modes. Nothing said means drafts, for the creator to approve.
const (
	ClipDraft   ClipMode = "draft"
	ClipPublish ClipMode = "publish"
	ClipOff     ClipMode = "off"
)

// Moment is a stretch of a show during which a product lay on the picture.
type Moment struct {
	ID                       string // of the pin
	Broadcast, Shop, Channel string
	Access                   string // public: a clip of it may be published by itself
	Product, Title, Caption  string
	From, Until              mediatime.Time
}

// Clips keeps what is special about clips. Each method is one transaction.
type Clips interface {
	// AddClip stores a clip with its tags, once per moment. It reports false for a moment that had its clip, whatever
	// became of that, and returns ErrNotFound where the recording is being deleted.
	AddClip(ctx context.Context, moment string, v Video, tags []Tag) (bool, error)
	// Clipped tells which of the moments have had their clips.
	Clipped(ctx context.Context, moments []string) (map[string]bool, error)
	ClipMode(ctx context.Context, channel string) (ClipMode, error)
	SetClipMode(ctx context.Context, channel string, m ClipMode, now time.Time) error
}

// Clipper makes a clip of every moment: a video that plays the recording's own segments. Nothing is encoded, and nothing
// is copied. Run it.
type Clipper struct {
	// Required.
	Clips   Clips
	Store   Store
	Blobs   Blobs
	Library *Library
	// Moments lists those that ended within the last hour or so, the oldest first. It may leave out what is settled:
	// moments that have their clips or will never have one.
	Moments func(ctx context.Context, settled func(id string) bool) ([]Moment, error)

	// Optional, with defaults.
	Poster func(ctx context.Context, media []byte) (jpeg []byte, width, height int, err error) // of the first picture; nil makes none
	Log    *slog.Logger                                                                        // defaults to discarding
	Now    func() time.Time                                                                    // defaults to time.Now

	once    sync.Once
	posters chan Video // clips that wait for theirs

	// Run's goroutine only.
	open map[string]time.Time // moments that wait, and since when
	done map[string]bool
}

func (c *Clipper) prepare() { c.once.Do(func() { c.posters = make(chan Video, postersMax) }) }

// Run makes clips until ctx ends, and their posters beside: a picture that takes its time holds no clip up.
func (c *Clipper) Run(ctx context.Context) error {
	c.prepare()
	var drawing sync.WaitGroup
	defer drawing.Wait()
	drawing.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case v := <-c.posters:
				if err := c.picture(ctx, v); err != nil && ctx.Err() == nil {
					c.logger().Error("a clip's poster was not kept", "clip", v.ID, "err", err)
				}
			}
		}
	})
	tick := time.NewTicker(clipEvery)
	defer tick.Stop()
	for {
		if err := c.Look(ctx); err != nil && ctx.Err() == nil {
			c.logger().Error("clips were not made", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look makes the clips that are due. A moment waits until what it shows is in the blob store.
func (c *Clipper) Look(ctx context.Context) error {
	if c.open == nil || len(c.open)+len(c.done) > clipsOpenMax {
		c.open, c.done = map[string]time.Time{}, map[string]bool{}
	}
	all, err := c.Moments(ctx, func(id string) bool { return c.done[id] })
	if err != nil {
		return err
	}
	var fresh []string
	for _, m := range all {
		if (m.Until - m.From).Duration() < ClipLeast {
			c.done[m.ID] = true
		}
		if _, waits := c.open[m.ID]; !waits && !c.done[m.ID] {
			fresh = append(fresh, m.ID)
		}
	}
	if len(fresh) > 0 {
		had, err := c.Clips.Clipped(ctx, fresh)
		if err != nil {
			return err
		}
		for _, id := range fresh {
			if had[id] {
				c.done[id] = true
				continue
			}
			c.open[id] = c.now()
		}
	}
	for _, m := range all {
		since, waits := c.open[m.ID]
		if !waits {
			continue
		}
		over, failed := c.moment(ctx, m, c.now().Sub(since))
		if over {
			delete(c.open, m.ID)
			c.done[m.ID] = true
		}
		err = errors.Join(err, failed)
	}
	return err
}

// moment makes one clip, where all of it is there or it has waited long enough.
func (c *Clipper) moment(ctx context.Context, m Moment, waited time.Duration) (over bool, err error) {
	mode, err := c.Clips.ClipMode(ctx, m.Channel)
	if err != nil || mode == ClipOff {
		return err == nil, err
	}
	v, err := c.cut(ctx, m, waited >= clipWait)
	if errors.Is(err, ErrNotReady) || errors.Is(err, ErrNotFound) {
		return waited >= clipGone, nil
	}
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte("hawker clip of " + m.ID))
	v.ID = uuidOf(sum[:16]) // the same, however often it is made
	added, err := c.Clips.AddClip(ctx, m.ID, v, tagsOf(m))
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil || !added {
		return err == nil, err
	}
	c.logger().Info("a clip was made", "clip", v.ID, "broadcast", m.Broadcast, "product", m.Product, "length", v.Duration)
	if mode == ClipPublish && m.Access == "public" {
		if _, err := c.Library.Publish(ctx, v.ID, time.Time{}); err != nil {
			return true, fmt.Errorf("publish a clip: %w", err)
		}
	}
	c.draw(v)
	return true, nil
}

// draw has a clip's poster made, soon.
func (c *Clipper) draw(v Video) {
	c.prepare()
	select {
	case c.posters <- v:
	default:
		c.logger().Warn("a clip has no poster: too many wait for theirs", "clip", v.ID)
	}
}

// Cut makes a clip by hand, as a draft.
func (c *Clipper) Cut(ctx context.Context, m Moment) (Video, error) {
	v, err := c.cut(ctx, m, true)
	if err != nil {
		return Video{}, err
	}
	v.ID = newID()
	if err := v.checkText(); err != nil {
		return Video{}, err
	}
	if _, err := c.Clips.AddClip(ctx, "hand-"+v.ID, v, tagsOf(m)); err != nil {
		return Video{}, err
	}
	c.draw(v)
	return v, nil
}

func tagsOf(m Moment) []Tag {
	if m.Product == "" {
		return nil
	}
	return []Tag{{ID: newID(), Product: m.Product}}
}

// cut finds the key picture at or before a moment, and what is kept of the rest. asIs takes what is there by now.
func (c *Clipper) cut(ctx context.Context, m Moment, asIs bool) (Video, error) {
	if d := (m.Until - m.From).Duration(); d < clipShortest || m.From < 0 {
		return Video{}, ErrClip
	}
	if (m.Until - m.From).Duration() > clipLongest {
		m.Until = m.From + mediatime.Of(clipLongest)
	}
	// A key picture is at most a few segments away: of a whole minute the nearest one is taken.
	inits, lines, err := c.Store.Timeline(ctx, Video{Source: m.Broadcast, From: max(m.From-mediatime.Of(time.Minute), 0), Until: m.Until})
	if err != nil {
		return Video{}, err
	}
	pictures := timeline(nameMain, lines)
	n := len(pictures)
	if n == 0 || pictures[n-1].Until() <= m.From {
		return Video{}, ErrNotReady
	}
	if end := pictures[n-1].Until(); end < m.Until {
		if !asIs {
			return Video{}, ErrNotReady
		}
		m.Until = end
	}
	pictures = within(pictures, m.From, m.Until)
	start := pictures[0].From
	key, init, err := c.keyPicture(ctx, inits, pictures[0], m.From)
	if err != nil {
		return Video{}, err
	}
	if key > start {
		start = key
	}
	if m.Until-start < mediatime.Of(clipShortest) {
		return Video{}, ErrClip
	}
	now := c.now()
	return Video{
		Source: m.Broadcast, Shop: m.Shop, Channel: m.Channel, Kind: KindClip, State: StateDraft, Title: m.Title, Caption: m.Caption,
		From: start, Until: m.Until, Duration: (m.Until - start).Duration(), Width: init.Width, Height: init.Height, CreatedAt: now, ChangedAt: now,
	}, nil
}

// keyPicture is the media time of the last key picture of a segment at or before a time: a segment may hold several.
func (c *Clipper) keyPicture(ctx context.Context, inits []Init, l Line, at mediatime.Time) (mediatime.Time, Init, error) {
	var init Init
	for _, i := range inits {
		if i.Rendition == l.Rendition && i.Life == l.Life && i.Number == l.Init {
			init = i
		}
	}
	k := &cutter{ctx: ctx, blobs: c.Blobs, zeros: map[zeroName]float64{}}
	b, err := k.read(init.Key, init.Bytes)
	if err != nil {
		return 0, init, err
	}
	heads, err := readHeads(b)
	if err != nil {
		return 0, init, err
	}
	if b, err = k.read(l.Key, l.Bytes); err != nil {
		return 0, init, err
	}
	runs, err := readFragments(b)
	if err != nil {
		return 0, init, err
	}
	zero, best := k.zero(l, runs, heads), l.From
	for _, r := range runs {
		for _, h := range heads {
			if h.id != r.track || !h.video {
				continue
			}
			ticks := int64(r.base)
			for _, s := range r.samples {
				if media := mediatime.Time(zero + float64(ticks+int64(s.cts))*1e6/float64(h.scale) + 0.5); s.key && media <= at {
					best = max(best, media)
				}
				ticks += int64(s.duration)
			}
		}
	}
	return best, init, nil
}

// picture makes the poster, where something can. A clip without one is a clip.
func (c *Clipper) picture(ctx context.Context, v Video) error {
	if c.Poster == nil {
		return nil
	}
	inits, lines, err := c.Store.Timeline(ctx, Video{Source: v.Source, From: v.From, Until: v.From + 1})
	if err != nil {
		return err
	}
	first := timeline(nameMain, lines)
	if len(first) == 0 {
		return nil
	}
	k := &cutter{ctx: ctx, blobs: c.Blobs}
	var media []byte
	for _, i := range inits {
		if i.Rendition == nameMain && i.Life == first[0].Life && i.Number == first[0].Init {
			if media, err = k.read(i.Key, i.Bytes); err != nil {
				return err
			}
		}
	}
	segment, err := k.read(first[0].Key, first[0].Bytes)
	if err != nil {
		return err
	}
	jpeg, width, height, err := c.Poster(ctx, append(media, segment...))
	if err != nil {
		c.logger().Warn("a clip has no poster", "clip", v.ID, "err", err)
		return nil
	}
	sum := sha256.Sum256(jpeg)
	key := fmt.Sprintf("v1/%s/%s/poster/%s", v.Shop, v.ID, hex.EncodeToString(sum[:8]))
	if err := c.Blobs.Put(ctx, key, typeJPEG, readerOf(jpeg)); err != nil {
		return err
	}
	_, err = c.Library.Videos.Change(ctx, v.ID, func(v *Video, _ Policy) (Changed, error) {
		v.Poster, v.ChangedAt = &Image{Key: key, Bytes: int64(len(jpeg)), Width: width, Height: height}, c.now()
		return Changed{}, nil
	})
	if errors.Is(err, ErrNotFound) {
		return c.Blobs.Delete(ctx, key)
	}
	return err
}

func (c *Clipper) logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

func (c *Clipper) now() time.Time {
	if c.Now != nil {
		return c.Now().UTC().Truncate(time.Millisecond)
	}
	return time.Now().UTC().Truncate(time.Millisecond)
}
