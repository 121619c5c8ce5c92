package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	sceneFor      = 500 * time.Millisecond // an encoded scene is shared this long; its position bridges the rest
	scenesMax     = 10_000                 // broadcasts whose scene is kept; all others are forgotten beyond it
	sceneDeadline = 5 * time.Second        // for making a scene that many wait for
)

// Scene is everything that a newly arrived viewer must know, and the position to follow from.
type Scene struct {
	Position  string             `json:"position" doc:"Follow the feed since here: nothing is missed."`
	State     string             `json:"state"`
	Broadcast SceneBroadcast     `json:"broadcast"`
	Anchors   []mediatime.Anchor `json:"anchors"`
	Now       mediatime.Time     `json:"now" doc:"Media time that entered the server when the scene was made."`
	Pins      []PinCard          `json:"pins"`
	Bag       []ProductCard      `json:"bag"`
	Deals     []DealCard         `json:"deals" doc:"Announced or open."`
	Viewers   int                `json:"viewers"`
	Version   int64              `json:"version"`
}

// SceneBroadcast is what a scene says of the broadcast itself.
type SceneBroadcast struct {
	ID          string             `json:"id"`
	Title       string             `json:"title"`
	Channel     string             `json:"channel"`
	ChannelName string             `json:"channel_name"`
	Shop        string             `json:"shop"`
	State       string             `json:"state"`
	Currency    string             `json:"currency"`
	Viewers     int                `json:"viewers"`
	StartsAt    *time.Time         `json:"starts_at,omitempty"`
	StartedAt   *time.Time         `json:"started_at,omitempty"`
	EndedAt     *time.Time         `json:"ended_at,omitempty"`
	Anchors     []mediatime.Anchor `json:"anchors"`
}

// sceneSlot holds the newest encoded scene of a broadcast, and lets one caller make the next.
type sceneSlot struct {
	made     time.Time
	json     []byte
	position event.Position
	stale    bool
	waiting  chan struct{} // closed when the one that is being made is there
}

// Scene returns what lies over the broadcast: now, or on the frame of media time at (a replay, a seek).
func (s *Service) Scene(ctx context.Context, broadcast string, at *mediatime.Time) (Scene, error) {
	// The position is taken first: what happens meanwhile is in the scene and comes again, and is dropped by
	// its version; the other way round it would be missed.
	b, err := s.Broadcasts.Broadcast(ctx, broadcast)
	if err != nil {
		return Scene{}, err
	}
	position, err := s.Bus.Position(ctx, event.BroadcastTopic(b.ID))
	if err != nil {
		return Scene{}, fmt.Errorf("read the feed's position: %w", err)
	}
	if b, err = s.Broadcasts.Broadcast(ctx, broadcast); err != nil {
		return Scene{}, err
	}
	room, err := s.Store.Room(ctx, b.ID, at)
	if err != nil {
		return Scene{}, err
	}
	out := Scene{
		Position: position.String(), State: b.State, Broadcast: s.sceneBroadcast(b), Anchors: anchors(b.Anchors),
		Pins: []PinCard{}, Bag: []ProductCard{}, Version: room.Version,
	}
	out.Viewers = out.Broadcast.Viewers
	if out.Now, _ = s.Clock.Now(b.ID); at != nil {
		out.Now = *at
	}
	find := s.finder(ctx)
	for _, pin := range room.Pins {
		card, err := s.cardOf(b, pin, find)
		if errors.Is(err, shop.ErrNotFound) {
			continue
		}
		if err != nil {
			return Scene{}, err
		}
		out.Pins = append(out.Pins, card)
	}
	for _, id := range room.Bag {
		p, err := find(id)
		if errors.Is(err, shop.ErrNotFound) || (err == nil && p.State != shop.Active) {
			continue
		}
		if err != nil {
			return Scene{}, err
		}
		card, err := s.productCard(b, p, out.Now)
		if err != nil {
			return Scene{}, err
		}
		out.Bag = append(out.Bag, card)
	}
	out.Deals, err = s.sceneDeals(ctx, b, at, find)
	return out, err
}

// EncodedScene is the present scene as JSON, with the position to follow from. It is made at most twice a second
// per broadcast, and at once after a change by this process, however many ask; they share the bytes.
func (s *Service) EncodedScene(ctx context.Context, broadcast string) ([]byte, event.Position, error) {
	for {
		s.mu.Lock()
		slot := s.slot(broadcast)
		if slot.json != nil && !slot.stale && s.now().Sub(slot.made) < sceneFor {
			defer s.mu.Unlock()
			return slot.json, slot.position, nil
		}
		if wait := slot.waiting; wait != nil {
			s.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, event.Position{}, ctx.Err()
			}
		}
		slot.waiting, slot.stale = make(chan struct{}), false
		s.mu.Unlock()
		// Others wait for this one too: the end of one caller's request must not end it.
		making, cancel := context.WithTimeout(context.WithoutCancel(ctx), sceneDeadline)
		raw, position, err := s.encode(making, broadcast)
		cancel()
		s.mu.Lock()
		close(slot.waiting)
		slot.waiting = nil
		if err != nil {
			if slot.json == nil {
				delete(s.scenes, broadcast)
			}
			s.mu.Unlock()
			return nil, event.Position{}, err
		}
		slot.json, slot.position, slot.made = raw, position, s.now()
		s.mu.Unlock()
		return raw, position, nil
	}
}

func (s *Service) encode(ctx context.Context, broadcast string) ([]byte, event.Position, error) {
	scene, err := s.Scene(ctx, broadcast, nil)
	if err != nil {
		return nil, event.Position{}, err
	}
	position, err := event.ParsePosition(scene.Position)
	if err != nil {
		return nil, event.Position{}, err
	}
	raw, err := json.Marshal(scene)
	return raw, position, err
}

// slot runs under s.mu.
func (s *Service) slot(broadcast string) *sceneSlot {
	if s.scenes == nil || len(s.scenes) >= scenesMax {
		s.scenes = map[string]*sceneSlot{} // those that are being made still reach who waits for them
	}
	slot := s.scenes[broadcast]
	if slot == nil {
		slot = &sceneSlot{}
		s.scenes[broadcast] = slot
	}
	return slot
}

// forget makes the next caller see a change that this process just made.
func (s *Service) forget(broadcast string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := s.scenes[broadcast]; slot != nil {
		slot.stale = true
	}
}

func (s *Service) sceneBroadcast(b Broadcast) SceneBroadcast {
	out := SceneBroadcast{
		ID: b.ID, Title: b.Title, Channel: b.Channel, ChannelName: b.ChannelName, Shop: b.Shop, State: b.State, Currency: b.Currency,
		StartsAt: optional(b.StartsAt), StartedAt: optional(b.StartedAt), EndedAt: optional(b.EndedAt), Anchors: anchors(b.Anchors),
	}
	if s.Audience != nil {
		out.Viewers = s.Audience.Viewers(b.ID)
	}
	return out
}

func anchors(as mediatime.Anchors) []mediatime.Anchor {
	if as == nil {
		return []mediatime.Anchor{}
	}
	return as
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
