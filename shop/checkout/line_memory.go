package checkout

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
)

// Defaults of a LineMemory.
const (
	lineMax      = 100_000
	lineOpening  = time.Second
	linePerHome  = 50               // places of one address
	lineAbsent   = 20 * time.Second // a place that nobody asked for that long is given up
	lineTaken    = 15 * time.Second // a purchase has a turn at most
	placesVerify = 8                // variants that a place remembers
)

// LineMemory is the line of one node. The zero value is ready.
type LineMemory struct {
	// Max bounds the places; beyond it nobody joins. It defaults to 100,000.
	Max int
	// Opening is how long those who come first are gathered before they are shuffled. It defaults to 1 s.
	Opening time.Duration
	// PerAddress bounds the places of one address. It defaults to 50.
	PerAddress int
	// Shuffle orders those who came at the opening. It defaults to chance.
	Shuffle func(n int, swap func(i, j int))

	mu      sync.Mutex
	by      map[string]*memoryPlace // id
	buyers  map[string]*memoryPlace
	homes   map[string]int // places per address
	opening []*memoryPlace // those who came first, until they are shuffled
	opens   time.Time      // when they are
	waiting []*memoryPlace // in order; the first head of them have gone
	head    int
	first   int64 // the number of waiting[head]
	called  []*memoryPlace
}

type memoryPlace struct {
	Place
	home   string
	number int64 // in the line; 0 while the opening is gathered
	seen   time.Time
	over   bool
	taken  string // key of the purchase that has the turn
	since  time.Time
}

var _ Line = (*LineMemory)(nil)

// Join gives a place at the end, or the one that the buyer has.
func (l *LineMemory) Join(_ context.Context, j Joining) (Place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	l.settle(j.Now)
	if p := l.buyers[j.Buyer]; p != nil {
		p.seen, p.Variants = j.Now, some(j.Variants)
		return l.tell(p), nil
	}
	if len(l.by) >= l.Max {
		return Place{}, shop.ErrBusy
	}
	if j.Address != "" && l.homes[j.Address] >= l.PerAddress {
		return Place{}, shop.ErrTooFast
	}
	p := &memoryPlace{Place: Place{ID: uuid.NewString(), Buyer: j.Buyer, Variants: some(j.Variants)}, home: j.Address, seen: j.Now}
	l.by[p.ID], l.buyers[p.Buyer] = p, p
	if p.home != "" {
		l.homes[p.home]++
	}
	if l.left() == 0 && len(l.opening) == 0 {
		l.opens = j.Now.Add(l.Opening)
	}
	if l.gathers(j.Now) {
		l.opening = append(l.opening, p)
	} else {
		l.append(p)
	}
	return l.tell(p), nil
}

func some(variants []string) []string {
	return slices.Clone(variants[:min(len(variants), placesVerify)])
}

func (l *LineMemory) init() {
	if l.by != nil {
		return
	}
	orDefault(&l.Max, lineMax)
	orDefault(&l.Opening, lineOpening)
	orDefault(&l.PerAddress, linePerHome)
	if l.Shuffle == nil {
		l.Shuffle = rand.Shuffle
	}
	l.by, l.buyers, l.homes, l.first = map[string]*memoryPlace{}, map[string]*memoryPlace{}, map[string]int{}, 1
}

// gathers tells whether the opening lasts. A clock that was set back does not make it last longer.
func (l *LineMemory) gathers(now time.Time) bool {
	return now.Before(l.opens) && l.opens.Sub(now) <= l.Opening
}

// settle shuffles those who came at the opening once that is over.
func (l *LineMemory) settle(now time.Time) {
	if len(l.opening) == 0 || l.gathers(now) {
		return
	}
	l.Shuffle(len(l.opening), func(i, j int) { l.opening[i], l.opening[j] = l.opening[j], l.opening[i] })
	for _, p := range l.opening {
		l.append(p)
	}
	l.opening = nil
}

func (l *LineMemory) append(p *memoryPlace) {
	p.number = l.first + int64(l.left())
	l.waiting = append(l.waiting, p)
}

// left is how many stand in the line, those who have gone in the meantime included.
func (l *LineMemory) left() int { return len(l.waiting) - l.head }

// tell is the place as it stands. Before the shuffle everybody may still be last.
func (l *LineMemory) tell(p *memoryPlace) Place {
	out := p.Place
	switch {
	case !p.Until.IsZero():
		out.Position = 0
	case p.number == 0:
		out.Position = int64(len(l.opening))
	default:
		out.Position = p.number - l.first + 1
	}
	return out
}

// Look finds a place.
func (l *LineMemory) Look(_ context.Context, id string, now time.Time) (Place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	l.settle(now)
	p := l.by[id]
	if p == nil || (!p.Until.IsZero() && !now.Before(p.Until)) {
		return Place{}, shop.ErrPlaceOver
	}
	p.seen = now
	return l.tell(p), nil
}

// Call gives the next n their turn.
func (l *LineMemory) Call(_ context.Context, n int, now, until time.Time) (ids []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	l.settle(now)
	l.called = slices.DeleteFunc(l.called, func(p *memoryPlace) bool {
		if !p.over && now.Before(p.Until) {
			return false
		}
		l.remove(p)
		return true
	})
	for n > 0 && l.left() > 0 {
		p := l.waiting[l.head]
		l.waiting[l.head] = nil
		l.head++
		l.first++
		switch {
		case p.over:
		case now.Sub(p.seen) > lineAbsent:
			l.remove(p)
		default:
			p.Until = until
			l.called = append(l.called, p)
			ids = append(ids, p.ID)
			n--
		}
	}
	if l.head > len(l.waiting)/2 {
		l.waiting = append([]*memoryPlace(nil), l.waiting[l.head:]...)
		l.head = 0
	}
	return ids, nil
}

// remove forgets a place.
func (l *LineMemory) remove(p *memoryPlace) {
	if p.over {
		return
	}
	p.over = true
	delete(l.by, p.ID)
	delete(l.buyers, p.Buyer)
	if p.home == "" {
		return
	}
	if l.homes[p.home]--; l.homes[p.home] <= 0 {
		delete(l.homes, p.home)
	}
}

// Take keeps a turn for one purchase.
func (l *LineMemory) Take(_ context.Context, id, key string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.by[id]
	if p == nil || p.Until.IsZero() || !now.Before(p.Until) || (p.taken != "" && p.taken != key && now.Sub(p.since).Abs() < lineTaken) {
		return shop.ErrPlaceOver
	}
	p.taken, p.since = key, now
	return nil
}

// Free gives a turn back.
func (l *LineMemory) Free(_ context.Context, id, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.by[id]; p != nil && p.taken == key {
		p.taken = ""
	}
	return nil
}

// Use ends a place.
func (l *LineMemory) Use(_ context.Context, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.by[id]; p != nil {
		l.remove(p)
	}
	return nil
}

// Size counts the line.
func (l *LineMemory) Size(_ context.Context, now time.Time) (waiting, called int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle(now)
	for _, p := range l.called {
		if !p.over && now.Before(p.Until) {
			called++
		}
	}
	return l.left() + len(l.opening), called, nil
}
