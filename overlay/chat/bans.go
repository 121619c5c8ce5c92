package chat

import (
	"context"
	"slices"
	"time"
)

// banSlot is who is silenced in a channel, read at most once a second.
type banSlot struct {
	all  []Silence
	at   time.Time
	work chan struct{} // closed when the one that is being read is there
}

// silences reads a channel's through a cache: whoever opens a feed or begins to watch asks.
func (s *Service) silences(ctx context.Context, channel string) ([]Silence, error) {
	s.init()
	for {
		s.mu.Lock()
		slot := s.bans[channel]
		if slot == nil {
			if len(s.bans) >= rulesMax {
				clear(s.bans)
			}
			slot = &banSlot{}
			s.bans[channel] = slot
		}
		if !slot.at.IsZero() && s.now().Sub(slot.at) < bansFor {
			defer s.mu.Unlock()
			return slot.all, nil
		}
		if wait := slot.work; wait != nil {
			s.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		slot.work = make(chan struct{})
		s.mu.Unlock()
		now := s.now()
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
		all, err := s.Store.Silences(reading, channel, now)
		cancel()
		s.mu.Lock()
		close(slot.work)
		slot.work = nil
		if err == nil {
			slot.all, slot.at = all, now
		}
		s.mu.Unlock()
		return all, err
	}
}

// forgetBans has the next one read anew; "" for all channels.
func (s *Service) forgetBans(channel string) {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, slot := range s.bans {
		if id == channel || channel == "" {
			slot.at = time.Time{}
		}
	}
}

// Refresh has what is known of bans, and of who is one of a channel's people, read anew: it may have been taken from
// somebody, here or on another node.
func (s *Service) Refresh() {
	s.forgetBans("")
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, p := range s.persons {
		if p.Role.team() {
			delete(s.persons, key)
		}
	}
}

// silenceOf is what keeps somebody quiet or out, the hardest; the zero one for nothing.
func (s *Service) silenceOf(ctx context.Context, channel string, who Who) (worst Silence, err error) {
	all, err := s.silences(ctx, channel)
	subjects := who.subjects()
	for _, v := range all {
		if !v.holds(s.now()) || !slices.Contains(subjects, v.Subject) {
			continue
		}
		longer := v.Until.IsZero() || !worst.Until.IsZero() && v.Until.After(worst.Until)
		if worst.ID == "" || v.Kind == Ban && worst.Kind == Mute || v.Kind == worst.Kind && longer {
			worst = v
		}
	}
	return worst, err
}

// Bans tells whether anybody is banned from a channel: mostly nobody is. Where that cannot be read, the show goes on.
func (s *Service) Bans(ctx context.Context, channel string) bool {
	all, err := s.silences(ctx, channel)
	return err == nil && slices.ContainsFunc(all, func(v Silence) bool { return v.Kind == Ban })
}

// Admit returns ErrBanned for who may not come into a channel's shows. address is not hashed yet: that is done only
// where somebody is banned.
func (s *Service) Admit(ctx context.Context, channel, account, address string) error {
	if !s.Bans(ctx, channel) {
		return nil
	}
	v, err := s.silenceOf(ctx, channel, Who{account, s.hash(address)})
	if err == nil && v.Kind == Ban && !s.ofTeam(ctx, channel, account) {
		err = ErrBanned
	}
	return err
}

// ofTeam spares the channel's people the ban of an address that they share.
func (s *Service) ofTeam(ctx context.Context, channel, account string) bool {
	if account == "" {
		return false
	}
	p, err := s.People.Person(ctx, account, "", channel)
	return err == nil && p.Role.team()
}
