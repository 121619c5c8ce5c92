package streaming

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Channels tells what Broadcasts must know of a channel.
type Channels interface {
	// ChannelInfo returns the channel's shop and the title for a broadcast that its encoder makes.
	ChannelInfo(ctx context.Context, channelID string) (shopID, title string, err error)
}

// Broadcasts leads broadcasts through their life: by API, by the encoder, and by the encoder's silence.
type Broadcasts struct {
	Store    Store
	Hub      *Hub
	Channels Channels
	Log      *slog.Logger
	// Grace is how long an interrupted broadcast waits for its publisher. It defaults to a minute.
	Grace time.Duration
	// Silence is how long a publisher may send nothing before the broadcast is interrupted. It defaults to a second.
	Silence time.Duration
	// Rest is how long, after its people ended a broadcast, a channel takes no publisher that would make another one
	// by itself. It defaults to half a minute.
	Rest time.Duration
	// OnAccess, if set, is called after a broadcast's access has changed. It must not block.
	OnAccess func(broadcastID string)
	// Leases, if set, are shared with the other processes that have this store; nil: there is none.
	Leases Leases
	// Lease is how long a node answers for its broadcasts without a word. It defaults to fifteen seconds.
	Lease time.Duration
	// Now is the wall clock. It defaults to time.Now.
	Now func() time.Time

	wake  chan struct{}
	rests rests

	// Run's goroutine only.
	seen map[string]*air
	node string // of the leases: this run's own
}

// air is what Run knows to be recorded of a stream.
type air struct {
	state      State
	generation int
	since      time.Time // of the state
}

const airTick = 200 * time.Millisecond

// Watch returns the function for Hub.Watch: it makes Run look at once.
func (b *Broadcasts) Watch() func(string, AirEvent) {
	b.wake = make(chan struct{}, 1)
	return func(string, AirEvent) {
		select {
		case b.wake <- struct{}{}:
		default: // Run is going to look anyway
		}
	}
}

// Create makes a broadcast for everybody: Draft, or Scheduled where startsAt is set.
func (b *Broadcasts) Create(ctx context.Context, channelID, title string, startsAt time.Time) (Broadcast, error) {
	return b.CreateFor(ctx, channelID, title, startsAt, Public)
}

// CreateFor makes a broadcast for those whom access names; without it for everybody.
func (b *Broadcasts) CreateFor(ctx context.Context, channelID, title string, startsAt time.Time, access Access) (Broadcast, error) {
	if access == "" {
		access = Public
	}
	if !access.Valid() {
		return Broadcast{}, ErrAccess
	}
	now, state := b.now(), Draft
	if !startsAt.IsZero() {
		if startsAt.Before(now.Add(-time.Minute)) || startsAt.After(now.AddDate(1, 0, 0)) {
			return Broadcast{}, ErrStartsAt
		}
		state = Scheduled
	}
	return b.create(ctx, Broadcast{ChannelID: channelID, Title: title, State: state, Access: access, StartsAt: startsAt.UTC()})
}

func (b *Broadcasts) create(ctx context.Context, out Broadcast) (_ Broadcast, err error) {
	if out.Title, err = CheckTitle(out.Title); err != nil {
		return Broadcast{}, err
	}
	if out.ShopID, _, err = b.Channels.ChannelInfo(ctx, out.ChannelID); err != nil {
		return Broadcast{}, err
	}
	out.ID, out.CreatedAt = newID(), b.now()
	if err := b.Store.Create(ctx, out); err != nil {
		return Broadcast{}, err
	}
	b.rests.lift(out.ChannelID) // whoever makes a broadcast wants to go on air
	return out, nil
}

// Rehearse makes a broadcast that the channel's people alone can watch. Its next publisher goes on it.
func (b *Broadcasts) Rehearse(ctx context.Context, channelID, title string) (Broadcast, error) {
	return b.create(ctx, Broadcast{ChannelID: channelID, Title: title, State: Rehearsal, Access: ByToken})
}

// Get returns a broadcast.
func (b *Broadcasts) Get(ctx context.Context, id string) (Broadcast, error) {
	return b.Store.Broadcast(ctx, id)
}

// List returns broadcasts, newest first.
func (b *Broadcasts) List(ctx context.Context, f Filter) ([]Broadcast, error) {
	return b.Store.List(ctx, f)
}

// OnAir returns all that are live or interrupted, on whatever node.
func (b *Broadcasts) OnAir(ctx context.Context) ([]Airing, error) { return b.Store.OnAir(ctx) }

// Rename changes a broadcast's title.
func (b *Broadcasts) Rename(ctx context.Context, id, title string) (Broadcast, error) {
	title, err := CheckTitle(title)
	if err != nil {
		return Broadcast{}, err
	}
	return b.Store.Rename(ctx, id, title)
}

// SetLadder says whether smaller pictures of the broadcast are made.
func (b *Broadcasts) SetLadder(ctx context.Context, id string, on bool) error {
	return b.Store.SetLadder(ctx, id, on)
}

// Ladders lists the broadcasts with a ladder that have not ended.
func (b *Broadcasts) Ladders(ctx context.Context) ([]string, error) { return b.Store.Ladders(ctx) }

// SetAccess changes whom a broadcast is for. Who may no longer watch is put out. A rehearsal stays the team's.
func (b *Broadcasts) SetAccess(ctx context.Context, id string, access Access) (Broadcast, error) {
	if !access.Valid() {
		return Broadcast{}, ErrAccess
	}
	if one, err := b.Store.Broadcast(ctx, id); err != nil || one.State == Rehearsal {
		return Broadcast{}, cmp.Or(err, ErrMove)
	}
	out, err := b.Store.SetAccess(ctx, id, access)
	if err == nil && b.OnAccess != nil {
		b.OnAccess(id)
	}
	return out, err
}

// GoOnAir returns the broadcast that a publisher of the channel goes on: the armed one, else a new one. While the
// channel rests it makes none: ErrResting.
func (b *Broadcasts) GoOnAir(ctx context.Context, channelID string) (broadcastID string, err error) {
	shop, title, err := b.Channels.ChannelInfo(ctx, channelID)
	if err != nil {
		return "", err
	}
	now := b.now()
	fallback := Broadcast{ID: newID(), ChannelID: channelID, ShopID: shop, Title: title, State: Draft, Access: Public, CreatedAt: now}
	rests := b.rests.hold(channelID, now)
	if rests {
		fallback.ID = ""
	}
	taken, err := b.Store.Take(ctx, fallback, now)
	if rests {
		err = resting(err)
	}
	if err != nil {
		return "", err
	}
	if len(taken.Anchors) > 0 {
		b.Hub.Resume(taken.ID, taken.Anchors)
	}
	return taken.ID, nil
}

// End takes a broadcast off the air for good, at the word of its people; its channel rests for a while then. Ending
// one that has ended changes nothing.
func (b *Broadcasts) End(ctx context.Context, id string) (Broadcast, error) {
	before, err := b.Store.Broadcast(ctx, id)
	if err != nil {
		return Broadcast{}, err
	}
	now, sending := b.Hub.Now(id)
	if before.State != Ended && (before.State.OnAir() || sending) {
		// Before the move: the encoder may be back the moment after it.
		b.rests.begin(before.ChannelID, b.now(), b.now().Add(b.rest()))
		defer func() {
			if err != nil {
				b.rests.lift(before.ChannelID)
			}
		}()
	}
	out, err := b.Store.Move(ctx, Move{ID: id, To: Ended, At: b.now(), Length: now})
	if errors.Is(err, ErrMove) {
		if out, err = b.Store.Broadcast(ctx, id); err == nil && out.State != Ended {
			err = ErrMove
		}
	}
	if err == nil {
		b.Hub.End(id)
	}
	return out, err
}

// Run keeps the records true to what the hub sees, until ctx ends. It takes over the broadcasts that an earlier process
// left on air, or, where several share the store, those whose node gives no sign any more: they are interrupted, and
// their publishers have the grace to come back.
func (b *Broadcasts) Run(ctx context.Context) error {
	b.seen, b.node = map[string]*air{}, newID()
	if err := b.takeOver(ctx); err != nil {
		return err
	}
	if b.Leases != nil {
		defer b.release()
	}
	tick := time.NewTicker(airTick)
	defer tick.Stop()
	renewed := b.now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-b.wake:
		}
		for _, s := range b.Hub.Streams() {
			if err := b.look(ctx, s); err != nil && ctx.Err() == nil {
				// The next tick tries again: the record is late, not wrong.
				b.Log.Error("record of a broadcast", "broadcast", s.ID, "error", err)
			}
		}
		if b.Leases == nil || b.now().Sub(renewed) < b.lease()/leaseWords {
			continue
		}
		if err := b.renew(ctx); err != nil && ctx.Err() == nil {
			b.Log.Error("who answers for a broadcast", "error", err)
		}
		renewed = b.now()
	}
}

// every lists all broadcasts in the states.
func (b *Broadcasts) every(ctx context.Context, states ...State) (out []Broadcast, err error) {
	const most = 100 // on a page
	for f := (Filter{States: states, Limit: most}); ; f.Before = out[len(out)-1].ID {
		page, err := b.Store.List(ctx, f)
		out = append(out, page...)
		if err != nil || len(page) < most {
			return out, err
		}
	}
}

// look brings the record of one stream up to date.
func (b *Broadcasts) look(ctx context.Context, s *Stream) error {
	now := b.now()
	known := b.seen[s.ID]
	if known == nil {
		known = &air{state: Draft, since: now}
		b.seen[s.ID] = known
	}
	active := s.Publishing() && s.Active(b.silence())
	anchors := s.Anchors()
	newest, any := anchors.Newest()
	switch {
	case active && any && (known.state != Live || known.generation < newest.Generation):
		if known.state != Live && b.Leases != nil { // before anybody can see it on air and without a node
			if _, err := b.Leases.Hold(ctx, Holding{Node: b.node, Publishing: []string{s.ID}, At: now, Until: now.Add(b.lease())}); err != nil {
				return err
			}
		}
		if err := b.move(ctx, s, Move{ID: s.ID, To: Live, At: now, Anchors: anchors}); err != nil {
			return err
		}
		*known = air{state: Live, generation: newest.Generation, since: now}
	case !active && known.state == Live:
		if err := b.move(ctx, s, Move{ID: s.ID, To: Interrupted, At: now}); err != nil {
			return err
		}
		*known = air{state: Interrupted, generation: known.generation, since: now}
	case known.state == Interrupted && now.Sub(known.since) >= b.grace():
		if ours, err := b.holds(ctx, s.ID); err != nil {
			return err
		} else if !ours {
			b.drop(s.ID) // its publisher came back at another node
			return nil
		}
		if err := b.move(ctx, s, Move{ID: s.ID, To: Ended, At: now, Length: s.Last()}); err != nil {
			return err
		}
		b.Hub.End(s.ID)
		delete(b.seen, s.ID)
	}
	return nil
}

// move records a change. A record that says the broadcast has ended wins over the stream: somebody ended it.
func (b *Broadcasts) move(ctx context.Context, s *Stream, m Move) error {
	_, err := b.Store.Move(ctx, m)
	if errors.Is(err, ErrMove) || errors.Is(err, ErrNotFound) {
		record, gone := b.Store.Broadcast(ctx, s.ID)
		if errors.Is(gone, ErrNotFound) || (gone == nil && (record.State == Ended || m.To == Ended)) {
			b.Hub.End(s.ID)
			delete(b.seen, s.ID)
			return nil
		}
	}
	if err == nil {
		b.Log.Info("broadcast", "broadcast", s.ID, "state", m.To)
	}
	return err
}

// Clock is the hub's, for broadcasts that are on air.
func (b *Broadcasts) Clock() mediatime.Clock { return b.Hub }

func (b *Broadcasts) now() time.Time {
	if b.Now != nil {
		return b.Now().UTC()
	}
	return time.Now().UTC()
}

func (b *Broadcasts) grace() time.Duration {
	if b.Grace > 0 {
		return b.Grace
	}
	return time.Minute
}

func (b *Broadcasts) silence() time.Duration {
	if b.Silence > 0 {
		return b.Silence
	}
	return time.Second
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
