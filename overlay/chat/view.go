package chat

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// View is what somebody who comes into the room must know. It is the same for all.
type View struct {
	Rules        Ruled  `json:"rules"`
	Announcement string `json:"announcement"`
	Pinned       *Said  `json:"pinned,omitempty"`
	Version      int64  `json:"version" doc:"Of what is pinned and announced: older events are void."`
	Likes        int64  `json:"likes"`
	Messages     []Said `json:"messages" doc:"The newest, the oldest first."`
}

type viewSlot struct {
	made    time.Time
	json    []byte
	stale   bool
	waiting chan struct{}
}

// EncodedView is the view of a broadcast as JSON, made at most twice a second however many come in.
func (s *Service) EncodedView(ctx context.Context, broadcast string) ([]byte, error) {
	s.init()
	for {
		s.mu.Lock()
		slot := s.views[broadcast]
		if slot == nil {
			if len(s.views) >= rulesMax {
				clear(s.views) // those that are being made still reach who waits for them
			}
			slot = &viewSlot{}
			s.views[broadcast] = slot
		}
		if slot.json != nil && !slot.stale && s.now().Sub(slot.made) < viewFor {
			defer s.mu.Unlock()
			return slot.json, nil
		}
		if wait := slot.waiting; wait != nil {
			s.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		slot.waiting, slot.stale = make(chan struct{}), false
		s.mu.Unlock()
		making, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
		raw, err := s.encode(making, broadcast)
		cancel()
		s.mu.Lock()
		close(slot.waiting)
		slot.waiting = nil
		if err != nil {
			delete(s.views, broadcast)
		} else {
			slot.json, slot.made = raw, s.now()
		}
		s.mu.Unlock()
		return raw, err
	}
}

func (s *Service) encode(ctx context.Context, broadcast string) ([]byte, error) {
	v, err := s.View(ctx, broadcast)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// View reads it. While the chat is off there are no messages, unless the show is over: then it is a record.
func (s *Service) View(ctx context.Context, broadcast string) (View, error) {
	rules, err := s.of(ctx, broadcast)
	if err != nil {
		return View{}, err
	}
	room, err := s.Store.Room(ctx, broadcast)
	if err != nil {
		return View{}, err
	}
	v := View{Rules: ruled(room, rules.settings), Announcement: room.Announcement, Version: room.Version, Messages: []Said{}}
	if s.Likes != nil {
		v.Likes = s.Likes(broadcast)
	}
	if room.Off && !rules.place.ended() {
		return v, nil
	}
	if room.Pinned != "" {
		m, err := s.Store.Message(ctx, broadcast, room.Pinned)
		if err == nil && m.State == Shown {
			line := said(m)
			v.Pinned = &line
		}
	}
	found, err := s.Store.Newest(ctx, broadcast, "", newestMax)
	for _, m := range found {
		v.Messages = append(v.Messages, said(m))
	}
	return v, err
}

func ruled(r Room, s Settings) Ruled { return Ruled{r.Off, s.Slow, s.Followers} }

// Before lists what was said before a message, the oldest first.
func (s *Service) Before(ctx context.Context, broadcast, before string, limit int) ([]Said, error) {
	if off, err := s.hidden(ctx, broadcast); off || err != nil {
		return nil, err
	}
	found, err := s.Store.Newest(ctx, broadcast, before, min(max(limit, 1), historyMax))
	return lines(found), err
}

// Frames lists what belongs to frames from from on and before until, in their order. after is the last one of the
// page before.
func (s *Service) Frames(ctx context.Context, broadcast string, from, until mediatime.Time, after string, limit int) ([]Said, error) {
	if off, err := s.hidden(ctx, broadcast); off || err != nil {
		return nil, err
	}
	found, err := s.Store.Frames(ctx, broadcast, from, until, after, min(max(limit, 1), historyMax))
	return lines(found), err
}

// hidden tells whether the chat is off and the show goes on.
func (s *Service) hidden(ctx context.Context, broadcast string) (bool, error) {
	rules, err := s.of(ctx, broadcast)
	if err != nil {
		return false, err
	}
	return rules.room.Off && !rules.place.ended(), nil
}

func lines(found []Message) []Said {
	out := make([]Said, len(found))
	for i, m := range found {
		out[i] = said(m)
	}
	return out
}

// Standing is what somebody may do in the chat. A guest has no name and may read.
type Standing struct {
	Author string `json:"author" doc:"What others know you by."`
	Name   string `json:"name"`
	Role   Role   `json:"role,omitempty" enum:",moderator,creator,owner"`
	Follow bool   `json:"follows"`
	Code   string `json:"code,omitempty" doc:"Why you may not say anything now."`
	Until  int64  `json:"until,omitempty" doc:"Until when, Unix milliseconds."`
}

// Standing tells it.
func (s *Service) Standing(ctx context.Context, broadcast string, who Who) (Standing, error) {
	rules, err := s.of(ctx, broadcast)
	if err != nil {
		return Standing{}, err
	}
	if who.Account == "" {
		return Standing{Code: Code(ErrGuest)}, nil
	}
	p, err := s.person(ctx, who.Account, rules.place)
	if err != nil {
		return Standing{}, err
	}
	out := Standing{Author: Author(rules.place.Channel, who.Account), Name: p.Name, Role: p.Role}
	if out.Follow, err = s.People.Follows(ctx, who.Account, rules.place.Channel); err != nil || p.Role.team() {
		return out, err
	}
	silence, err := s.silenceOf(ctx, rules.place.Channel, who)
	switch {
	case err != nil:
		return out, err
	case silence.Kind == Ban:
		out.Code = Code(ErrBanned)
	case silence.Kind == Mute:
		out.Code = Code(ErrMuted)
	default:
		err := s.mayTalk(ctx, rules, p, who.Account)
		if out.Code = Code(err); out.Code == "busy" {
			return out, err
		}
	}
	if !silence.Until.IsZero() {
		out.Until = silence.Until.UnixMilli()
	}
	return out, nil
}
