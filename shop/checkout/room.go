package checkout

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
)

const (
	callEvery   = 100 * time.Millisecond // how often turns are given
	turnFor     = 30 * time.Second       // how long a turn can be used
	turnsShare  = 0.8                    // of the measured rate; the rest is for those who come back
	turnsLate   = 3                      // calls that one which comes late makes up for
	turnsMin    = 20                     // orders a second, where nothing was measured yet
	placeFor    = 6 * time.Hour          // a signed place is good
	placePrefix = "hp1"
	pollsMax    = 2000 // questions a second that a line may ask
	againMax    = 10 * time.Second
	stockFor    = 500 * time.Millisecond // how old news of stock may be that a line is told
	stocksMax   = 10_000                 // variants whose stock a line is told of
	silentFor   = time.Second            // a line that does not answer for less is only slow: its places stand
)

// Shelves reads how much is left. shop.Catalogue is one.
type Shelves interface {
	Variants(ctx context.Context, ids []string) ([]shop.Variant, error)
}

// Room is the waiting room. It opens when claims would wait longer than the allocator's QueueFor: whoever comes then
// gets a signed place in the line, and so does everybody after them until the line is empty again. Turns are given at
// the rate at which the allocator really works. A place is good for the buyer who got it, once.
type Room struct {
	// Required.
	Signer shop.Signer
	Log    *slog.Logger

	// Line defaults to a LineMemory.
	Line Line
	// Shelves, if set, says what is sold out; without it nobody in the line hears of it.
	Shelves Shelves
	// RateMax bounds the turns given in a second, for what stands behind the shop. 0: only what was measured does.
	RateMax int
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time

	once    sync.Once
	waiting atomic.Int64              // as of the last look; 0: the room is closed
	rate    atomic.Int64              // turns a second
	silent  atomic.Pointer[time.Time] // since when the line does not answer; nil: it does
	credit  float64                   // turns that may be given now; run's own, as is
	last    time.Time                 // when turns were given
	known   knownStock
	held    holds
}

func (r *Room) init() {
	r.once.Do(func() {
		if r.Line == nil {
			r.Line = &LineMemory{}
		}
		if r.Now == nil {
			r.Now = time.Now
		}
		r.rate.Store(turnsMin)
	})
}

// Waiting is how many stand in line, as of the last look.
func (r *Room) Waiting() int64 {
	if r == nil {
		return 0
	}
	return r.waiting.Load()
}

// open tells whether people wait.
func (r *Room) open() bool { return r != nil && r.waiting.Load() > 0 }

// enter decides whether a buyer may go on to buy: with a place whose turn it is, or when nobody waits. It returns the
// place's id, to be used up, and else a QueuedError or why the place is not good.
func (r *Room) enter(ctx context.Context, q *Request, c *shop.Claim) (turn string, err error) {
	if r == nil {
		return "", nil
	}
	r.init()
	if q.Place != "" {
		s, reached, err := r.look(ctx, q.Place, q.Buyer)
		switch {
		case err != nil:
			return "", err
		case !s.Turn():
			return "", &QueuedError{s}
		case !reached:
			return "", nil
		}
		// One turn is one purchase: a second one beside it, under another key, finds it taken. A line that cannot be
		// reached shuts nobody out.
		if err := r.Line.Take(ctx, s.ID, c.Key, r.Now()); errors.Is(err, shop.ErrPlaceOver) {
			return "", err
		} else if err != nil {
			r.Log.Warn("waiting room: a turn was not kept for its purchase", "error", err)
		}
		return s.ID, nil
	}
	if !q.Queue || !r.open() {
		return "", nil
	}
	return "", r.join(ctx, q, c)
}

// join gives the buyer a place. A line that cannot be reached lets everybody pass.
func (r *Room) join(ctx context.Context, q *Request, c *shop.Claim) error {
	if r.gone() {
		return nil // it is not asked, so that nobody waits for it
	}
	variants := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		variants[i] = l.Variant
	}
	home := q.Address
	if q.Unlimited {
		home = ""
	}
	p, err := r.Line.Join(ctx, Joining{Buyer: q.Buyer, Address: home, Variants: variants, Now: r.Now()})
	switch {
	case errors.Is(err, shop.ErrBusy), errors.Is(err, shop.ErrTooFast):
		return err
	case err != nil:
		r.Log.Warn("waiting room: no place given", "error", err)
		return nil
	case p.Turn():
		return nil
	}
	r.waiting.CompareAndSwap(0, 1)
	s, err := r.standing(ctx, p)
	if err != nil {
		return err
	}
	return &QueuedError{s}
}

// Look tells a buyer how a place stands: shop.ErrPlace for one that we did not give, shop.ErrPlaceForeign for one that
// was given to somebody else, shop.ErrPlaceOver for one that is no longer good, shop.ErrLineSilent while the line does
// not answer. If that lasts everybody passes, those who wait like those who come: it is each place's turn. The places
// that the line remembers when it answers again stand as before.
func (r *Room) Look(ctx context.Context, token, buyer string) (Standing, error) {
	s, _, err := r.look(ctx, token, buyer)
	return s, err
}

// look is Look, and tells whether the line was reached.
func (r *Room) look(ctx context.Context, token, buyer string) (s Standing, reached bool, err error) {
	if r == nil {
		return s, false, shop.ErrPlace
	}
	r.init()
	id, err := r.read(token, buyer)
	if err != nil {
		return s, false, err
	}
	now := r.Now()
	if r.gone() {
		s, err = r.standing(ctx, Place{ID: id, Buyer: buyer, Until: now.Add(turnFor)})
		return s, false, err
	}
	p, err := r.Line.Look(ctx, id, now)
	switch {
	case err == nil:
		s, err = r.standing(ctx, p)
		return s, true, err
	case errors.Is(err, shop.ErrPlaceOver) || ctx.Err() != nil:
		return s, false, err
	default:
		return s, false, fmt.Errorf("%w: %w", shop.ErrLineSilent, err)
	}
}

// gone tells whether the line has not answered for so long that nobody is kept waiting by it.
func (r *Room) gone() bool {
	since := r.silent.Load()
	return since != nil && r.Now().Sub(*since) >= silentFor
}

// answered notes whether the line did, and says so once.
func (r *Room) answered(err error) {
	now := r.Now()
	switch since := r.silent.Load(); {
	case err == nil && since != nil:
		r.silent.Store(nil)
		r.Log.Info("waiting room: the line answers again", "after", now.Sub(*since).Round(time.Millisecond))
	case err != nil:
		r.waiting.Store(0) // a line that does not answer keeps nobody waiting
		if r.silent.CompareAndSwap(nil, &now) {
			r.Log.Warn("waiting room: no turns given", "error", err)
		}
	}
}

func (r *Room) standing(ctx context.Context, p Place) (s Standing, err error) {
	s = Standing{Place: p, SoldOut: r.known.soldOut(ctx, r, p.Variants), Again: time.Second}
	if p.Position > 0 {
		s.Estimate = time.Duration(float64(p.Position) / float64(max(1, r.rate.Load())) * float64(time.Second))
		s.Again = min(againMax, max(time.Second, time.Duration(r.waiting.Load()/pollsMax)*time.Second))
	}
	s.Token, err = r.sign(p)
	return s, err
}

// ended says what became of a turn's purchase: bought, refused, or nobody knows yet. A retry under the same key finds its
// turn in any case.
func (r *Room) ended(ctx context.Context, id, key string, err error) {
	switch {
	case id == "":
	case err == nil:
		r.used(ctx, id)
	case ctx.Err() == nil && !errors.Is(err, shop.ErrUnavailable):
		if err := r.Line.Free(ctx, id, key); err != nil {
			r.Log.Warn("waiting room: a turn is given back late", "error", err)
		}
	}
}

// used ends a turn whose buyer has bought.
func (r *Room) used(ctx context.Context, id string) {
	if id == "" {
		return
	}
	if err := r.Line.Use(context.WithoutCancel(ctx), id); err != nil {
		r.Log.Warn("waiting room: a used turn stays until it ends", "error", err)
	}
}

// Places are texts: hp1.<payload>.<key id>.<mac>. The payload is the id, the beginning of the buyer's hash and the
// second until when the text is good.

func (r *Room) sign(p Place) (string, error) {
	id, err := uuid.Parse(p.ID)
	if err != nil {
		return "", err
	}
	payload := append(id[:], buyerMark(p.Buyer)...)
	payload = binary.BigEndian.AppendUint64(payload, uint64(r.Now().Truncate(time.Hour).Add(placeFor).Unix()))
	head := placePrefix + "." + base64.RawURLEncoding.EncodeToString(payload)
	keyID, mac, err := r.Signer.Sign([]byte(head))
	if err != nil {
		return "", err
	}
	return head + "." + keyID + "." + base64.RawURLEncoding.EncodeToString(mac), nil
}

const markBytes = 12

func buyerMark(buyer string) []byte {
	sum := sha256.Sum256([]byte("place\n" + buyer))
	return sum[:markBytes]
}

func (r *Room) read(token, buyer string) (id string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != placePrefix {
		return "", shop.ErrPlace
	}
	mac, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || !r.Signer.Verify(parts[2], []byte(parts[0]+"."+parts[1]), mac) {
		return "", shop.ErrPlace
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || len(payload) != 16+markBytes+8 {
		return "", shop.ErrPlace
	}
	if string(payload[16:16+markBytes]) != string(buyerMark(buyer)) {
		return "", shop.ErrPlaceForeign
	}
	if until := binary.BigEndian.Uint64(payload[16+markBytes:]); until > math.MaxInt64 || r.Now().Unix() > int64(until) {
		return "", shop.ErrPlaceOver
	}
	return uuid.UUID(payload[:16]).String(), nil
}

// run gives turns until ctx ends.
func (r *Room) run(ctx context.Context, a *Allocator) {
	r.init()
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.call(ctx, a); ctx.Err() == nil {
			r.answered(err)
		}
	}
}

// call gives as many turns as the allocator works off until the next call. Who does not come keeps nobody waiting; if
// many come late at once, those who would wait too long keep their turn and are told to come back.
func (r *Room) call(ctx context.Context, a *Allocator) error {
	now := r.Now()
	waiting, called, err := r.Line.Size(ctx, now)
	if err != nil {
		return err
	}
	r.waiting.Store(int64(waiting))
	if waiting == 0 && called == 0 {
		return nil
	}
	rate := float64(turnsMin)
	if each := a.pace.perClaim.Load(); each > 0 {
		rate = max(rate, turnsShare*float64(time.Second)/float64(each))
	}
	if r.RateMax > 0 {
		rate = min(rate, float64(r.RateMax))
	}
	r.rate.Store(max(1, int64(rate)))
	n := r.due(now, rate)
	if a.tooMany() {
		n = 0
	}
	r.credit -= float64(n)
	turns, err := r.Line.Call(ctx, n, now, now.Add(turnFor))
	r.held.called(turns)
	return err
}

// due is how many turns a rate allows now. What was not given is not saved up: nobody could work it off at once.
func (r *Room) due(now time.Time, rate float64) int {
	since := callEvery
	if !r.last.IsZero() {
		since = max(0, now.Sub(r.last))
	}
	r.last = now
	r.credit = min(r.credit+rate*since.Seconds(), max(1, turnsLate*rate*callEvery.Seconds()))
	return int(r.credit)
}
