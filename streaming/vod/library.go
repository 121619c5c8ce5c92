package vod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	dueEvery    = 2 * time.Second // scheduled videos are seen as public at their time all the same
	expireEvery = 10 * time.Minute
	sweepMax    = 20  // videos in one go
	looseMax    = 200 // lines in one transaction
)

// Library is the videos as people work with them. Whether somebody may is decided before. Any number of goroutines may
// use it.
type Library struct {
	// Required.
	Videos Videos
	Blobs  Blobs

	// Optional, with defaults.
	Captions CaptionStore     // nil: nothing is captioned
	Keep     time.Duration    // recordings older than this are removed; 0 keeps them
	Log      *slog.Logger     // defaults to discarding
	Wake     func()           // there is a job; defaults to nothing
	Now      func() time.Time // defaults to time.Now
}

// Video returns one.
func (l *Library) Video(ctx context.Context, id string) (Video, error) {
	return l.Videos.Video(ctx, id)
}

// Tags returns a video's tags.
func (l *Library) Tags(ctx context.Context, id string) ([]Tag, error) { return l.Videos.Tags(ctx, id) }

// List returns videos, newest first.
func (l *Library) List(ctx context.Context, q VideoQuery) ([]Video, error) {
	q.Now = l.now()
	if q.Limit < 1 || q.Limit > 201 {
		q.Limit = 50
	}
	return l.Videos.List(ctx, q)
}

// Edit is what may be changed about a video; nil leaves it.
type Edit struct {
	Title, Caption, Language *string
	Tags                     *[]Tag // ids are given here
}

// Edit changes what people see of a video.
func (l *Library) Edit(ctx context.Context, id string, e Edit) (Video, error) {
	return l.change(ctx, id, func(v *Video, p Policy) (with Changed, tell bool, err error) {
		for _, f := range []struct{ to, from *string }{{&v.Title, e.Title}, {&v.Caption, e.Caption}, {&v.Language, e.Language}} {
			if f.from != nil {
				*f.to = strings.TrimSpace(*f.from)
			}
		}
		if err := v.checkText(); err != nil {
			return with, false, err
		}
		if e.Tags != nil {
			if err := v.CheckTags(*e.Tags); err != nil {
				return with, false, err
			}
			tags := append([]Tag{}, *e.Tags...)
			for i := range tags {
				tags[i].ID = newID()
			}
			with.Tags = &tags
		}
		return with, v.edited(p, l.now()), nil
	})
}

// Publish makes a video public at a time, the zero time meaning now, or sends it to whoever reviews first.
func (l *Library) Publish(ctx context.Context, id string, at time.Time) (Video, error) {
	return l.change(ctx, id, func(v *Video, p Policy) (Changed, bool, error) {
		tell, err := v.Publish(p, at, l.now())
		return Changed{}, tell, err
	})
}

// Withdraw takes a video out of sight.
func (l *Library) Withdraw(ctx context.Context, id string) (Video, error) {
	return l.change(ctx, id, func(v *Video, _ Policy) (Changed, bool, error) { return Changed{}, false, v.Withdraw() })
}

// Judge is the verdict of whoever reviews.
func (l *Library) Judge(ctx context.Context, id string, approved bool, reason string) (Video, error) {
	return l.change(ctx, id, func(v *Video, p Policy) (Changed, bool, error) {
		return Changed{}, false, v.Judge(approved, reason, p, l.now())
	})
}

// Delete removes a video: nobody finds it from now on, its bytes go when nothing else plays them.
func (l *Library) Delete(ctx context.Context, id string) error { return l.retire(ctx, id, false) }

// DeleteRecording removes what is kept of a show. Its clips stay, with what they play. Where nothing is kept it is content.
func (l *Library) DeleteRecording(ctx context.Context, broadcast string) error {
	err := l.retire(ctx, broadcast, true)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (l *Library) retire(ctx context.Context, id string, replay bool) error {
	_, err := l.change(ctx, id, func(v *Video, _ Policy) (Changed, bool, error) {
		if (v.Kind == KindReplay) != replay {
			return Changed{}, false, ErrVideoState
		}
		v.State = StateRetired
		return Changed{}, false, nil
	})
	return err
}

func (l *Library) change(ctx context.Context, id string, f func(v *Video, p Policy) (Changed, bool, error)) (Video, error) {
	woken := false
	v, err := l.Videos.Change(ctx, id, func(v *Video, p Policy) (Changed, error) {
		with, tell, err := f(v, p)
		if err != nil {
			return with, err
		}
		v.ChangedAt = l.now()
		if with.Job = Announcement(*v, p, tell, l.now()); with.Job != nil {
			woken = true
		}
		return with, nil
	})
	if woken && err == nil && l.Wake != nil {
		l.Wake()
	}
	return v, err
}

// Announcement is the job that tells a shop's webhook of a video that waits for a verdict, nil where nobody is to be told.
func Announcement(v Video, p Policy, tell bool, now time.Time) *Job {
	if !tell || p.Webhook == "" {
		return nil
	}
	return &Job{ID: newID(), Video: v.ID, Shop: v.Shop, Kind: JobAnnounce, Stage: "tell", DueAt: now, CreatedAt: now, Body: []byte("{}")}
}

// Progress tells how far the making of a video is.
type Progress struct {
	Stage    string
	Progress int // of 1000
	Attempt  int
	Waiting  bool
}

// Run publishes what is due, ends what is over and removes what is old or was deleted, until ctx ends.
func (l *Library) Run(ctx context.Context) error {
	tick := time.NewTicker(dueEvery)
	defer tick.Stop()
	var expired time.Time
	for {
		err := l.Due(ctx)
		if now := l.now(); now.Sub(expired) >= expireEvery {
			err, expired = errors.Join(err, l.Expire(ctx)), now
		}
		if err = errors.Join(err, l.Sweep(ctx)); err != nil && ctx.Err() == nil {
			l.logger().Error("videos were not published or removed in time", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Due publishes what is scheduled for now, and hides stories that are over.
func (l *Library) Due(ctx context.Context) error {
	now := l.now()
	due, err := l.Videos.Due(ctx, now, sweepMax)
	for _, one := range due {
		_, changed := l.change(ctx, one.ID, func(v *Video, p Policy) (Changed, bool, error) {
			switch {
			case v.over(now):
				v.State, v.PublishAt = StateHidden, time.Time{}
			case v.State == StateScheduled && !v.PublishAt.After(now):
				at := v.PublishAt
				tell := v.settle(p, now)
				if v.State == StatePublished {
					v.PublishedAt = at
					if v.Kind == KindStory {
						v.ExpiresAt = at.Add(StoryLasts)
					}
				}
				return Changed{}, tell, nil
			}
			return Changed{}, false, nil
		})
		if errors.Is(changed, ErrNotFound) {
			changed = nil
		}
		err = errors.Join(err, changed)
	}
	return err
}

// Expire takes away recordings whose newest segment is older than they are kept: nobody finds them from now on, and Sweep
// removes them. Clips stay, with what they play.
func (l *Library) Expire(ctx context.Context) error {
	if l.Keep <= 0 {
		return nil
	}
	for {
		old, err := l.Videos.Retire(ctx, l.now().Add(-l.Keep), sweepMax)
		for _, id := range old {
			l.logger().Info("a recording is as old as it may be and is removed", "broadcast", id)
		}
		if err != nil || len(old) < sweepMax {
			return err
		}
	}
}

// Sweep removes what was deleted: the bytes that no other video plays, then the rows. Each step may be done again, and by
// several nodes beside each other.
func (l *Library) Sweep(ctx context.Context) error {
	for {
		gone, err := l.Videos.Retired(ctx, sweepMax)
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, v := range gone {
			if err := errors.Join(l.removeLoose(ctx, v.Source), l.removePictures(ctx, v)); err != nil {
				return err
			}
			if err := l.Videos.Remove(ctx, v.ID); err != nil {
				return err
			}
		}
	}
}

func (l *Library) removePictures(ctx context.Context, v Video) error {
	if v.Poster != nil {
		if err := l.Blobs.Delete(ctx, v.Poster.Key); err != nil {
			return fmt.Errorf("remove a poster: %w", err)
		}
	}
	if v.Board != nil {
		if err := l.Blobs.Delete(ctx, v.Board.Key); err != nil {
			return fmt.Errorf("remove a storyboard: %w", err)
		}
	}
	return nil
}

func (l *Library) removeLoose(ctx context.Context, source string) error {
	for {
		lines, inits, err := l.Videos.Loose(ctx, source, looseMax)
		if err != nil || len(lines)+len(inits) == 0 {
			return err
		}
		for _, one := range lines {
			if err := l.Blobs.Delete(ctx, one.Key); err != nil {
				return err
			}
		}
		for _, one := range inits {
			if err := l.Blobs.Delete(ctx, one.Key); err != nil {
				return err
			}
		}
		if err := l.Videos.Forget(ctx, lines, inits); err != nil {
			return err
		}
	}
}

func (l *Library) logger() *slog.Logger {
	if l.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.Log
}

func (l *Library) now() time.Time {
	if l.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return l.Now().UTC().Truncate(time.Millisecond)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
