package checkout

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

const (
	heldMax   = 100_000 // questions that are held
	heldEach  = 4       // of one place: its buyer's tabs
	heldLeast = time.Second
	heldMost  = 12 * time.Second // with its fifth of chance, well below lineAbsent
	heldShare = 4                // a place hears how it stands after this part of its estimate
	heldEvery = 250 * time.Millisecond
	heldRead  = 500 // variants that are read at once
)

// holds are the questions of the line whose answers are held back until there is news: a buyer hears at once that it is
// their turn or that what they wait for is gone, and asks a tenth as often. A question costs a goroutine and its
// connection, nothing else, until one of them is woken, or all who wait for one variant together.
type holds struct {
	mu       sync.Mutex
	open     bool
	n        int
	places   map[string][]*hold            // id
	variants map[string]map[*hold]struct{} // what those wait for
}

type hold struct {
	id       string
	variants []string
	news     chan bool // true: sold out; false: look again
}

// take holds a question; nil: it must be answered at once.
func (h *holds) take(id string) *hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open || h.n >= heldMax || len(h.places[id]) >= heldEach {
		return nil
	}
	q := &hold{id: id, news: make(chan bool, 1)}
	h.n++
	h.places[id] = append(h.places[id], q)
	return q
}

// until names what the question's place is for.
func (h *holds) until(q *hold, variants []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	q.variants = variants
	for _, id := range variants {
		if h.variants[id] == nil {
			h.variants[id] = map[*hold]struct{}{}
		}
		h.variants[id][q] = struct{}{}
	}
}

func (h *holds) leave(q *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n--
	if left := slices.DeleteFunc(h.places[q.id], func(o *hold) bool { return o == q }); len(left) > 0 {
		h.places[q.id] = left
	} else {
		delete(h.places, q.id)
	}
	for _, id := range q.variants {
		if delete(h.variants[id], q); len(h.variants[id]) == 0 {
			delete(h.variants, id)
		}
	}
}

func (q *hold) wake(soldOut bool) {
	select {
	case q.news <- soldOut:
	default: // it has news already
	}
}

// called wakes those whose turn it is.
func (h *holds) called(places []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range places {
		for _, q := range h.places[id] {
			q.wake(false)
		}
	}
}

// gone wakes everybody who waits for one of the variants.
func (h *holds) gone(variants []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range variants {
		for q := range h.variants[id] {
			q.wake(true)
		}
	}
}

// wanted are the variants that somebody waits for.
func (h *holds) wanted() (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.variants {
		ids = append(ids, id)
	}
	return ids
}

// set begins to hold, or ends it and answers everybody.
func (h *holds) set(open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open = open; open && h.places == nil {
		h.places, h.variants = map[string][]*hold{}, map[string]map[*hold]struct{}{}
	}
	if !open {
		for _, of := range h.places {
			for _, q := range of {
				q.wake(false)
			}
		}
	}
}

func (h *holds) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}

// Held is how many questions wait for news.
func (r *Room) Held() int {
	if r == nil {
		return 0
	}
	return r.held.count()
}

// Wait is Look for who would rather wait for news than ask again and again: it answers when it is the place's turn, when
// what it is for is sold out, or after a part of the time that it has to wait, at most within most. Without Run, or where
// too many wait already, it answers at once.
func (r *Room) Wait(ctx context.Context, token, buyer string, most time.Duration) (Standing, error) {
	if r == nil || most <= 0 {
		return r.Look(ctx, token, buyer)
	}
	r.init()
	id, err := r.read(token, buyer)
	if err != nil {
		return Standing{}, err
	}
	q := r.held.take(id) // before the first look: no turn is given in between
	if q == nil {
		return r.Look(ctx, token, buyer)
	}
	defer r.held.leave(q)
	s, err := r.Look(ctx, token, buyer)
	if err != nil || s.Turn() || s.SoldOut {
		return s, err
	}
	r.held.until(q, s.Variants)
	s.Again = 0
	if r.known.soldOut(ctx, r, s.Variants) { // news that came since the look found nobody to wake
		s.SoldOut = true
		return s, nil
	}
	patience := time.NewTimer(min(most, r.holdFor(&s)))
	defer patience.Stop()
	select {
	case s.SoldOut = <-q.news:
		if s.SoldOut { // thousands are told so at once, and not one of them has to be looked up
			return s, nil
		}
	case <-patience.C:
	case <-ctx.Done():
		return Standing{}, ctx.Err()
	}
	if s, err = r.Look(ctx, token, buyer); err == nil && !s.SoldOut {
		s.Again = 0
	}
	return s, err
}

// holdFor is how long a place is held: the nearer its turn, the shorter, and never so that all of them together ask more
// often than they may. Chance spreads those who came together.
func (r *Room) holdFor(s *Standing) time.Duration {
	d := max(heldLeast, s.Estimate/heldShare, time.Duration(r.waiting.Load())*time.Second/pollsMax)
	return time.Duration(float64(min(heldMost, d)) * (.8 + .4*rand.Float64()))
}

// noteStock hears of this node's commits.
func (r *Room) noteStock(stocks []shop.StockNow) {
	if r == nil {
		return
	}
	r.init()
	if gone := r.known.note(r.Now(), stocks); len(gone) > 0 {
		r.held.gone(gone)
	}
}

// Run lets places be held until ctx ends, and then answers them all. Of what other nodes and sellers do to the stock
// that is waited for it reads four times a second, whether or not the bus tells.
func (r *Room) Run(ctx context.Context) error {
	r.init()
	r.held.set(true)
	defer r.held.set(false)
	tick := time.NewTicker(heldEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if r.Shelves == nil {
			continue
		}
		for piece := range slices.Chunk(r.held.wanted(), heldRead) {
			r.held.gone(r.known.read(ctx, r, piece))
		}
	}
}
