package chat

import (
	"context"
	"fmt"

	"github.com/hawkerlive/hawker/event"
)

// Settings returns a channel's settings and its own words.
func (s *Service) Settings(ctx context.Context, channel string) (Settings, []Word, error) {
	return s.Store.Settings(ctx, channel)
}

// SetSettings changes a channel's settings. place names the broadcast whose viewers are told, if one is on air.
func (s *Service) SetSettings(ctx context.Context, place Place, set Settings, by By) (Settings, error) {
	if err := set.check(); err != nil {
		return set, err
	}
	r, err := s.record(place, by, "settings.changed", "")
	if err != nil {
		return set, err
	}
	r.Subject = fmt.Sprintf("slow %d, followers %t, newcomers %d, links %s, lists %s %v, reports %d", set.Slow, set.Followers, set.Newcomers, set.Links, set.Lists, set.Languages, set.Reports)
	if set, err = s.Store.SetSettings(ctx, place.Channel, set, r); err != nil {
		return set, err
	}
	s.forget("")
	if place.Broadcast == "" {
		return set, nil
	}
	room, err := s.Store.Room(ctx, place.Broadcast)
	if err != nil {
		return set, err
	}
	return set, s.publish(ctx, fact(place.Broadcast, event.ChatRuled, 0, s.now(), ruled(room, set)))
}

// AddWord puts a word on a channel's own list, or changes what it calls for.
func (s *Service) AddWord(ctx context.Context, place Place, text string, action Action, by By) (Word, error) {
	text, err := cleanWord(text, action)
	if err != nil {
		return Word{}, err
	}
	r, err := s.record(place, by, "word.added", "")
	if err != nil {
		return Word{}, err
	}
	r.Subject = string(action) + " " + text
	w, err := s.Store.AddWord(ctx, place.Channel, Word{newID(), text, action}, wordsMax, r)
	s.forget("")
	return w, err
}

// RemoveWord takes one off it.
func (s *Service) RemoveWord(ctx context.Context, place Place, id string, by By) error {
	r, err := s.record(place, by, "word.removed", "")
	if err != nil {
		return err
	}
	err = s.Store.RemoveWord(ctx, place.Channel, id, r)
	s.forget("")
	return err
}

// Switch turns a broadcast's chat off, or on again.
func (s *Service) Switch(ctx context.Context, broadcast string, off bool, by By) (Ruled, error) {
	action := "chat.on"
	if off {
		action = "chat.off"
	}
	room, place, err := s.setRoom(ctx, broadcast, by, action, "", func(r *Room) { r.Off = off })
	if err != nil {
		return Ruled{}, err
	}
	set, _, err := s.Store.Settings(ctx, place.Channel)
	if err != nil {
		return Ruled{}, err
	}
	out := ruled(room, set)
	return out, s.publish(ctx, fact(broadcast, event.ChatRuled, 0, s.now(), out))
}

// Pin lays a message on top of the chat, in the place of another; "" takes it away.
func (s *Service) Pin(ctx context.Context, broadcast, id string, by By) (*Said, error) {
	var line *Said
	action := "comment.unpinned"
	if id != "" {
		action = "comment.pinned"
		m, err := s.Store.Message(ctx, broadcast, id)
		if err == nil && m.State != Shown {
			err = ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		shown := said(m)
		line = &shown
	}
	room, _, err := s.setRoom(ctx, broadcast, by, action, id, func(r *Room) { r.Pinned = id })
	if err != nil {
		return nil, err
	}
	return line, s.publish(ctx, fact(broadcast, event.ChatPinned, 0, s.now(), Pinned{line, room.Version}))
}

// Announce lays a line over the picture; "" takes it away.
func (s *Service) Announce(ctx context.Context, broadcast, text string, by By) (string, error) {
	text, err := line(text, announceRunesMax, ErrAnnounce)
	if err != nil {
		return "", err
	}
	action := "announcement.set"
	if text == "" {
		action = "announcement.cleared"
	}
	room, _, err := s.setRoom(ctx, broadcast, by, action, "", func(r *Room) { r.Announcement = text })
	if err != nil {
		return "", err
	}
	return text, s.publish(ctx, fact(broadcast, event.ChatAnnounced, 0, s.now(), Announced{text, room.Version}))
}

func (s *Service) setRoom(ctx context.Context, broadcast string, by By, action, message string, change func(*Room)) (Room, Place, error) {
	place, err := s.Broadcasts.Place(ctx, broadcast)
	if err != nil {
		return Room{}, place, err
	}
	r, err := s.record(place, by, action, "")
	if err != nil {
		return Room{}, place, err
	}
	r.Message = message
	room, err := s.Store.SetRoom(ctx, broadcast, change, r)
	s.forget(broadcast)
	return room, place, err
}

// Act is a row of the audit as it is shown.
type Act struct {
	Record
	Name string // the actor's
}

// Audit lists what was done in a channel, the newest first. People are named.
func (s *Service) Audit(ctx context.Context, channel, before string, limit int) ([]Act, error) {
	all, err := s.Store.Audit(ctx, channel, before, min(max(limit, 1), historyMax))
	if err != nil {
		return nil, err
	}
	out := make([]Act, len(all))
	for i, r := range all {
		out[i] = Act{r, s.nameOf(ctx, r.Actor, channel)}
		if account, ok := accountOf(r.Subject); ok {
			out[i].Subject = s.nameOf(ctx, account, channel)
		}
	}
	return out, nil
}
