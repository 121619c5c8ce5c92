package chat

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	inboxMax   = 2000                   // messages that wait to be stored; more are refused with ErrBusy
	batchMax   = 200                    // messages of one transaction
	batchEvery = 50 * time.Millisecond  // and so often at most: a tick of the feed
	storeFor   = 5 * time.Second        // then the batch is refused
	rulesFor   = 300 * time.Millisecond // what was read of a room is good for this long on nodes that did not change it
	rulesMax   = 10_000
	viewFor    = 500 * time.Millisecond
	personFor  = 10 * time.Second
	personsMax = 50_000
	bansFor    = time.Second
	purgeEvery = 10 * time.Minute
	purgeMax   = 500
	keepTexts  = 365 * 24 * time.Hour
	keepWhere  = 30 * 24 * time.Hour
	pastMax    = time.Minute // a media time from further back belongs to who has wound back: now counts
)

// Service is everything that one does with chat. Fill the fields, then Run. Whether somebody may moderate is decided
// before; whether they may do it to this person is decided here.
type Service struct {
	// Required.
	Store      Store
	Broadcasts Broadcasts
	People     People
	Clock      mediatime.Clock
	Bus        event.Bus
	Log        *slog.Logger

	// Likes, if set, counts a broadcast's hearts for who comes in.
	Likes func(broadcast string) int64
	// Hash makes a keyed hash of an address. Without it addresses are not known.
	Hash func(address string) string
	// Host is our own: links to it are none.
	Host string
	// Keep is how long what was said is kept; default a year. Addresses are forgotten after 30 days, or with it.
	Keep time.Duration
	// Wake, if set, is called after a commit that left facts in the outbox. It must not block.
	Wake func()
	// OnBan, if set, is called after somebody was banned from a channel, so that doors look again.
	OnBan   func(ctx context.Context, account, channel string)
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	paces   paces
	start   sync.Once
	inbox   chan *asked
	mu      sync.Mutex
	rules   map[string]*ruleSlot // by broadcast
	persons map[string]personSlot
	views   map[string]*viewSlot
	bans    map[string]*banSlot // by channel
	stopped bool
}

func (s *Service) init() {
	s.start.Do(func() {
		s.inbox = make(chan *asked, inboxMax)
		s.rules, s.persons, s.views, s.bans = map[string]*ruleSlot{}, map[string]personSlot{}, map[string]*viewSlot{}, map[string]*banSlot{}
	})
}

// Run stores what is said until ctx ends, and forgets what is old.
func (s *Service) Run(ctx context.Context) error {
	s.init()
	var work sync.WaitGroup
	work.Go(func() { s.purge(ctx) })
	s.post(ctx)
	work.Wait()
	return nil
}

func (s *Service) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		keep := s.Keep
		if keep == 0 {
			keep = keepTexts
		}
		for n := purgeMax; n >= purgeMax; {
			var err error
			now := s.now()
			if n, err = s.Store.Purge(ctx, now.Add(-keep), now.Add(-min(keep, keepWhere)), now, purgeMax); err != nil {
				if ctx.Err() == nil {
					s.Log.Error("purge the chat", "error", err)
				}
				break
			}
		}
	}
}

// ruleSlot is what was read of a room.
type ruleSlot struct {
	place    Place
	room     Room
	settings Settings
	filter   *Filter
	words    []Word
	at       time.Time
}

// of reads what counts for a broadcast, through a cache of a moment.
func (s *Service) of(ctx context.Context, broadcast string) (*ruleSlot, error) {
	s.init()
	now := s.now()
	s.mu.Lock()
	old := s.rules[broadcast]
	s.mu.Unlock()
	if old != nil && now.Sub(old.at) < rulesFor && !old.at.After(now) {
		return old, nil
	}
	fresh := &ruleSlot{at: now}
	var err error
	if fresh.place, err = s.Broadcasts.Place(ctx, broadcast); err != nil {
		return nil, err
	}
	if fresh.settings, fresh.words, err = s.Store.Settings(ctx, fresh.place.Channel); err != nil {
		return nil, err
	}
	if fresh.room, err = s.Store.Room(ctx, broadcast); err != nil {
		return nil, err
	}
	if old != nil && old.settings.Version == fresh.settings.Version && sameWords(old.words, fresh.words) {
		fresh.filter = old.filter
	} else {
		fresh.filter = NewFilter(fresh.settings.Languages, fresh.settings.Lists, fresh.words)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules) >= rulesMax {
		clear(s.rules)
	}
	s.rules[broadcast] = fresh
	return fresh, nil
}

func sameWords(a, b []Word) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// forget has the next one read anew what this process changed; "" for everything.
func (s *Service) forget(broadcast string) {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.rules {
		if id == broadcast || broadcast == "" {
			stale := *r // others may be reading it
			stale.at = time.Time{}
			s.rules[id] = &stale
		}
	}
	for id, v := range s.views {
		if id == broadcast || broadcast == "" {
			v.stale = true
		}
	}
}

type personSlot struct {
	Person
	at time.Time
}

// person finds who somebody is, through a cache: a crowd that talks asks once each.
func (s *Service) person(ctx context.Context, account string, p Place) (Person, error) {
	s.init()
	key, now := p.Channel+"/"+account, s.now()
	s.mu.Lock()
	found, ok := s.persons[key]
	s.mu.Unlock()
	if ok && now.Sub(found.at) < personFor {
		return found.Person, nil
	}
	who, err := s.People.Person(ctx, account, p.Shop, p.Channel)
	if err != nil {
		return Person{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.persons) >= personsMax {
		clear(s.persons)
	}
	s.persons[key] = personSlot{who, now}
	return who, nil
}

// ErasePerson deletes what a person said (account.Keeper).
func (s *Service) ErasePerson(ctx context.Context, account string) error {
	s.init()
	for n := purgeMax; n >= purgeMax; {
		var err error
		if n, err = s.Store.Forget(ctx, account, purgeMax); err != nil {
			return err
		}
	}
	s.mu.Lock()
	for key := range s.persons {
		if strings.HasSuffix(key, "/"+account) {
			delete(s.persons, key)
		}
	}
	s.mu.Unlock()
	s.forget("")
	return nil
}

// Kept is what is kept of a person, in an export.
type Kept struct {
	Broadcast string    `json:"broadcast"`
	At        time.Time `json:"at"`
	Name      string    `json:"name"`
	Text      string    `json:"text"`
	State     State     `json:"state"`
}

const exportMax = 10_000

// ExportPerson returns what a person said (account.Keeper).
func (s *Service) ExportPerson(ctx context.Context, account string) (string, any, error) {
	all, err := s.Store.Said(ctx, account, exportMax)
	out := make([]Kept, len(all))
	for i, m := range all {
		out[i] = Kept{m.Broadcast, m.At, m.Name, m.Text, m.State}
	}
	return "chat", out, err
}

func (s *Service) woken() {
	if s.Wake != nil {
		s.Wake()
	}
}

func (s *Service) hash(address string) string {
	if s.Hash == nil || address == "" {
		return ""
	}
	return s.Hash(address)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
