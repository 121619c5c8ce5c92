package overlay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	graceDefault     = 15 * time.Second // a deal's price that was seen is honoured so long after its end
	countdownDefault = 30 * time.Second
	dealDefault      = 5 * time.Minute
	windowOfDraw     = 4 * time.Second
)

// DealWish is a deal as a creator asks for it. Zero durations are the defaults.
type DealWish struct {
	Product  string
	Variants []string // empty: all that are on sale
	Price    shop.Money
	Quantity int64
	PerBuyer int64

	Countdown, Duration time.Duration

	Fair   bool
	Window time.Duration

	StartsAt time.Time // when the countdown begins by itself; zero: when somebody starts it
}

// DealCard is a deal as viewers see it. Its state on a frame follows from the three media times: announced from From,
// open from Opens, over from Ends.
type DealCard struct {
	ID         string         `json:"id"`
	Product    ProductLine    `json:"product"`
	Price      shop.Money     `json:"price"`
	Variants   []DealOffer    `json:"variants"`
	Quantity   int64          `json:"quantity" doc:"Units at this price, in all."`
	Left       int64          `json:"left"`
	Number     int64          `json:"number" doc:"Of left: a higher one is newer."`
	PerBuyer   int64          `json:"per_buyer,omitempty" doc:"Most that one buyer may have; absent: no limit."`
	State      string         `json:"state" enum:"announced,open,ended" doc:"On the scene's frame."`
	From       mediatime.Time `json:"from" doc:"Media time of the first frame that it is announced on, µs."`
	Opens      mediatime.Time `json:"opens" doc:"Media time of the first frame that it is open on."`
	Ends       mediatime.Time `json:"ends" doc:"Media time of the first frame that it is over on."`
	Fair       bool           `json:"fair,omitempty" doc:"Claims of the first moments are served in an order that is drawn."`
	Window     int64          `json:"window_ms,omitempty" doc:"How long after the opening claims take part in the draw."`
	Commitment string         `json:"commitment,omitempty" doc:"SHA-256 of the draw's seed, in hex."`
	Seed       string         `json:"seed,omitempty" doc:"The draw's seed, once it has been drawn."`
	Version    int64          `json:"version"`
}

// DealOffer is what can be bought at a deal's price.
type DealOffer struct {
	ID    string     `json:"id"`
	Title string     `json:"title"`
	Price shop.Money `json:"price" doc:"Without the deal."`
	// Lowest is what a reduction is measured by.
	Lowest    *shop.Money `json:"lowest_30d,omitempty" doc:"The lowest price of the thirty days before the deal, earlier deals included: what the reduction is measured by."`
	Available int64       `json:"available"`
	Quote     string      `json:"quote,omitempty" doc:"Send it with the checkout; it is taken from the opening on, and some seconds beyond the end."`
}

// DealRecord is a deal as its creator sees it.
type DealRecord struct {
	ID        string         `json:"id"`
	Product   string         `json:"product"`
	Variants  []string       `json:"variants"`
	Price     shop.Money     `json:"price"`
	Quantity  int64          `json:"quantity"`
	Left      int64          `json:"left"`
	PerBuyer  int64          `json:"per_buyer,omitempty"`
	Countdown int64          `json:"countdown_s"`
	Duration  int64          `json:"duration_s"`
	Fair      bool           `json:"fair,omitempty"`
	Window    int64          `json:"window_s,omitempty"`
	Drawn     bool           `json:"drawn,omitempty"`
	State     shop.DealState `json:"state" enum:"prepared,scheduled,announced,open,ended,cancelled"`
	Reason    string         `json:"reason,omitempty" enum:"time,creator,sold_out,broadcast"`
	StartsAt  *time.Time     `json:"starts_at,omitempty"`
	OpensAt   *time.Time     `json:"opens_at,omitempty"`
	EndsAt    *time.Time     `json:"ends_at,omitempty"`
	From      mediatime.Time `json:"from,omitempty"`
	Opens     mediatime.Time `json:"opens,omitempty"`
	Ends      mediatime.Time `json:"ends,omitempty"`
	Version   int64          `json:"version"`
}

// DealFact is the data of deal.announced.
type DealFact struct {
	Deal    DealCard `json:"deal"`
	Version int64    `json:"version"`
}

// DealMoved is the data of deal.started and deal.ended.
type DealMoved struct {
	Deal    string         `json:"deal"`
	Product string         `json:"product"`
	At      mediatime.Time `json:"at"`
	Left    int64          `json:"left"`
	Reason  string         `json:"reason,omitempty"`
	Version int64          `json:"version"`
}

// Deals reads deals and moves them along. shopsql is behind it.
type Deals interface {
	CreateDeal(ctx context.Context, d shop.Deal) error
	Deal(ctx context.Context, id string) (shop.Deal, error)
	Deals(ctx context.Context, broadcast string) ([]shop.Deal, error)
	ChangeDeal(ctx context.Context, id string, change func(d *shop.Deal) ([]event.Event, bool, error)) (shop.Deal, error)
	DealsDue(ctx context.Context, now time.Time, limit int) ([]shop.Deal, time.Time, error)
	DealClaims(ctx context.Context, deal string, state shop.DealClaimState, after string, limit int) ([]shop.DealClaim, error)
}

// Prices knows what products have cost. shopsql is behind it.
type Prices interface {
	// PriorPrices returns the lowest that variants of a product cost in the thirty days before at.
	PriorPrices(ctx context.Context, product string, variants []string, at time.Time) (map[string]shop.PriorPrice, error)
}

// PrepareDeal stores a deal for later: for somebody to start, or to begin by itself.
func (s *Service) PrepareDeal(ctx context.Context, broadcast string, w DealWish, by string) (DealRecord, error) {
	b, err := s.Broadcasts.Broadcast(ctx, broadcast)
	if err != nil {
		return DealRecord{}, err
	}
	if b.State == stateEnded {
		return DealRecord{}, ErrEnded
	}
	p, err := s.product(ctx, b, w.Product)
	if err != nil {
		return DealRecord{}, err
	}
	d := shop.Deal{
		ID: newID(), ShopID: b.Shop, Broadcast: b.ID, Product: p.ID, Variants: slices.Clone(w.Variants), Price: w.Price, Quantity: w.Quantity, PerBuyer: w.PerBuyer,
		Countdown: orElse(w.Countdown, countdownDefault), Duration: orElse(w.Duration, dealDefault), Grace: graceDefault,
		Fair: w.Fair, State: shop.DealPrepared, Version: 1, CreatedBy: by, CreatedAt: s.now(),
	}
	if d.Fair {
		d.Window = orElse(w.Window, windowOfDraw)
		d.Seal()
	}
	if !w.StartsAt.IsZero() {
		if d.StartsAt = w.StartsAt.UTC().Truncate(time.Millisecond); d.StartsAt.Before(s.now().Add(-time.Minute)) || d.StartsAt.After(s.now().Add(dealAhead)) {
			return DealRecord{}, &shop.InputError{Field: "starts_at", Err: shop.ErrDealTimes}
		}
		d.State = shop.DealScheduled
	}
	if err := below(&d, p); err != nil {
		return DealRecord{}, err
	}
	if d.Prior, err = s.reduces(ctx, &d); err != nil {
		return DealRecord{}, err
	}
	if err := d.Validate(); err != nil {
		return DealRecord{}, err
	}
	if err := s.Deals.CreateDeal(ctx, d); err != nil {
		return DealRecord{}, err
	}
	s.dealsChanged(b.ID)
	return recordOf(d), nil
}

const dealAhead = 366 * 24 * time.Hour

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// below names the deal's variants, and refuses a price that is none: not below every price of what it is about.
func below(d *shop.Deal, p shop.Product) error {
	all := len(d.Variants) == 0
	prices := map[string]shop.Money{}
	for _, v := range p.Variants {
		if v.State != shop.Active {
			continue
		}
		prices[v.ID] = v.Price
		if all {
			d.Variants = append(d.Variants, v.ID)
		}
	}
	for i, id := range d.Variants {
		price, ok := prices[id]
		switch {
		case !ok || slices.Contains(d.Variants[:i], id):
			return &shop.InputError{Field: "variants", Err: shop.ErrVariantUnknown}
		case price.Currency != d.Price.Currency:
			return &shop.InputError{Field: "price", Err: shop.ErrCurrencyDiffers}
		case d.Price.Amount >= price.Amount:
			return &shop.InputError{Field: "price", Err: shop.ErrDealPrice}
		}
	}
	return nil
}

// reduces returns what the deal's reduction is measured by: the lowest price of each variant in the thirty days before,
// earlier deals included. A price that the variants had by themselves within that time is no reduction: who raises a
// price to lower it again is refused.
func (s *Service) reduces(ctx context.Context, d *shop.Deal) (map[string]int64, error) {
	if s.Prices == nil {
		return nil, nil
	}
	found, err := s.Prices.PriorPrices(ctx, d.Product, d.Variants, s.now())
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, id := range d.Variants {
		p, ok := found[id]
		if !ok {
			continue
		}
		if d.Price.Amount >= p.List {
			return nil, &shop.InputError{Field: "price", Err: shop.ErrDealPrior}
		}
		out[id] = p.Any
	}
	return out, nil
}

// StartDeal begins a deal's countdown at the frame of media time at, or at the one that enters the server now.
func (s *Service) StartDeal(ctx context.Context, broadcast, deal string, at *mediatime.Time, by string) (DealRecord, error) {
	b, from, err := s.frame(ctx, broadcast, at)
	if err != nil {
		return DealRecord{}, err
	}
	if _, on := s.Clock.Now(b.ID); !on {
		return DealRecord{}, ErrOffAir
	}
	return s.startDeal(ctx, b, deal, from)
}

func (s *Service) startDeal(ctx context.Context, b Broadcast, deal string, from mediatime.Time) (DealRecord, error) {
	known, err := s.dealOf(ctx, b.ID, deal)
	if err != nil {
		return DealRecord{}, err
	}
	p, err := s.product(ctx, b, known.Product)
	if err != nil {
		return DealRecord{}, err
	}
	var prior map[string]int64
	if !known.Begun() { // what it cost may be another than when it was prepared
		if prior, err = s.reduces(ctx, &known); err != nil {
			return DealRecord{}, err
		}
	}
	d, err := s.Deals.ChangeDeal(ctx, deal, func(d *shop.Deal) ([]event.Event, bool, error) {
		switch d.State {
		case shop.DealAnnounced, shop.DealOpen: // a double tap
			return nil, false, nil
		case shop.DealPrepared, shop.DealScheduled:
		default:
			return nil, false, shop.ErrDealState
		}
		if err := below(d, p); err != nil { // the price of now may be another than when it was prepared
			return nil, false, err
		}
		d.Prior = prior
		s.announce(b.ID, d, from)
		card, err := s.dealCard(b, *d, p, shop.DealAnnounced)
		if err != nil {
			return nil, false, err
		}
		return []event.Event{event.New(event.BroadcastTopic(b.ID), event.DealAnnounced, d.From, s.now(), DealFact{card, d.Version})}, true, nil
	})
	if err != nil {
		return DealRecord{}, err
	}
	s.dealsChanged(b.ID)
	return recordOf(d), nil
}

// announce ties a deal to the broadcast's clock. The whole countdown is still to come for who is nearest.
func (s *Service) announce(broadcast string, d *shop.Deal, from mediatime.Time) {
	wall := s.now()
	now, on := s.Clock.Now(broadcast)
	if !on {
		now = from
	}
	d.State, d.StartsAt = shop.DealAnnounced, wall
	d.From = int64(from)
	opens := max(from, now+mediatime.Of(s.lead())) + mediatime.Of(d.Countdown)
	d.Opens, d.Ends = int64(opens), int64(opens+mediatime.Of(d.Duration))
	d.OpensAt = wall.Add((opens - now).Duration()).Truncate(time.Millisecond)
	d.EndsAt = d.OpensAt.Add(d.Duration)
}

// EndDeal ends a deal at the frame of media time at, or at the one that enters the server now. Before it opened it is
// cancelled. Ending it twice answers the same.
func (s *Service) EndDeal(ctx context.Context, broadcast, deal string, at *mediatime.Time) (DealRecord, error) {
	b, until, err := s.frame(ctx, broadcast, at)
	if err != nil {
		return DealRecord{}, err
	}
	if _, err := s.dealOf(ctx, b.ID, deal); err != nil {
		return DealRecord{}, err
	}
	return s.endDeal(ctx, b.ID, deal, until, shop.DealByCreator)
}

func (s *Service) endDeal(ctx context.Context, broadcast, deal string, until mediatime.Time, reason string) (DealRecord, error) {
	d, err := s.Deals.ChangeDeal(ctx, deal, func(d *shop.Deal) ([]event.Event, bool, error) {
		now := s.now()
		switch d.State {
		case shop.DealEnded, shop.DealCancelled:
			return nil, false, nil
		case shop.DealPrepared, shop.DealScheduled: // nobody has seen it
			d.State, d.Reason = shop.DealCancelled, reason
			return nil, true, nil
		}
		d.Reason = reason
		if d.Left() == 0 && reason == shop.DealByTime {
			d.Reason = shop.DealBySoldOut
		}
		if reason != shop.DealByTime {
			d.EndsAt = minTime(d.EndsAt, now)
			d.Ends = min(d.Ends, max(int64(until), d.From))
		}
		if d.State = shop.DealEnded; d.Ends < d.Opens || d.EndsAt.Before(d.OpensAt) {
			d.State = shop.DealCancelled
		}
		fact := DealMoved{d.ID, d.Product, mediatime.Time(d.Ends), d.Left(), d.Reason, d.Version}
		return []event.Event{event.New(event.BroadcastTopic(broadcast), event.DealEnded, d.Ends, now, fact)}, true, nil
	})
	if err != nil {
		return DealRecord{}, err
	}
	s.dealsChanged(broadcast)
	return recordOf(d), nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// dealOf finds a deal of the broadcast.
func (s *Service) dealOf(ctx context.Context, broadcast, deal string) (shop.Deal, error) {
	d, err := s.Deals.Deal(ctx, deal)
	if errors.Is(err, shop.ErrNotFound) || (err == nil && d.Broadcast != broadcast) {
		return shop.Deal{}, ErrDeal
	}
	return d, err
}

// ListDeals lists a broadcast's deals for those who lead it, oldest first.
func (s *Service) ListDeals(ctx context.Context, broadcast string) ([]DealRecord, error) {
	if _, err := s.Broadcasts.Broadcast(ctx, broadcast); err != nil {
		return nil, err
	}
	if s.Deals == nil {
		return []DealRecord{}, nil
	}
	found, err := s.Deals.Deals(ctx, broadcast)
	out := make([]DealRecord, len(found))
	for i, d := range found {
		out[i] = recordOf(d)
	}
	return out, err
}

func recordOf(d shop.Deal) DealRecord {
	out := DealRecord{
		ID: d.ID, Product: d.Product, Variants: d.Variants, Price: d.Price, Quantity: d.Quantity, Left: d.Left(), PerBuyer: d.PerBuyer,
		Countdown: int64(d.Countdown / time.Second), Duration: int64(d.Duration / time.Second), Fair: d.Fair, Window: int64(d.Window / time.Second), Drawn: d.Drawn,
		State: d.State, Reason: d.Reason, StartsAt: optional(d.StartsAt), Version: d.Version,
	}
	if d.Begun() {
		out.OpensAt, out.EndsAt = optional(d.OpensAt), optional(d.EndsAt)
		out.From, out.Opens, out.Ends = mediatime.Time(d.From), mediatime.Time(d.Opens), mediatime.Time(d.Ends)
	}
	return out
}

// dealOn tells how a deal stands on the frame of media time t: the fold of its announcement, its opening and its end.
func dealOn(d shop.Deal, t mediatime.Time) (shop.DealState, bool) {
	switch at := int64(t); {
	case !d.Begun() || at < d.From || at >= d.Ends:
		return "", false
	case at < d.Opens:
		return shop.DealAnnounced, true
	}
	return shop.DealOpen, true
}

// dealCard shows a deal. Of one that cannot be bought any more there are no quotes.
func (s *Service) dealCard(b Broadcast, d shop.Deal, p shop.Product, state shop.DealState) (DealCard, error) {
	out := DealCard{
		ID: d.ID, Product: line(p), Price: d.Price, Variants: []DealOffer{}, Quantity: d.Quantity, Left: d.Left(), Number: d.Number, PerBuyer: d.PerBuyer, State: string(state),
		From: mediatime.Time(d.From), Opens: mediatime.Time(d.Opens), Ends: mediatime.Time(d.Ends),
		Fair: d.Fair, Window: d.Window.Milliseconds(), Commitment: d.Commitment, Version: d.Version,
	}
	if d.Drawn {
		out.Seed = d.Seed
	}
	for _, v := range p.Variants {
		if v.State != shop.Active || !d.Covers(v.ID) {
			continue
		}
		offer := DealOffer{ID: v.ID, Title: v.Title, Price: v.Price, Available: v.Stock.Available()}
		if prior, ok := d.Prior[v.ID]; ok {
			offer.Lowest = &shop.Money{Amount: prior, Currency: d.Price.Currency}
		}
		if state != shop.DealEnded {
			var err error
			offer.Quote, err = s.Quotes.Issue(shop.Quote{
				Variant: v.ID, Price: d.Price, Deal: d.ID, Fair: d.Fair, Opens: d.OpensAt.UnixMilli(), Broadcast: b.ID, MediaTime: d.Opens, Expires: d.EndsAt.Add(d.Grace),
			})
			if err != nil {
				return out, fmt.Errorf("quote a deal: %w", err)
			}
		}
		out.Variants = append(out.Variants, offer)
	}
	return out, nil
}

// sceneDeals are the deals on a frame; without one, those that viewers wait for or can have. After the show all that
// were are over.
func (s *Service) sceneDeals(ctx context.Context, b Broadcast, at *mediatime.Time, find func(string) (shop.Product, error)) ([]DealCard, error) {
	out := []DealCard{}
	if s.Deals == nil {
		return out, nil
	}
	deals, err := s.Deals.Deals(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	now, _ := s.Clock.Now(b.ID)
	for _, d := range deals {
		state, shown := shop.DealState(""), false
		if at != nil {
			state, shown = dealOn(d, *at)
		} else if shown = d.Announces() && b.State != stateEnded && int64(now) < d.Ends; shown {
			if state = shop.DealAnnounced; int64(now) >= d.Opens {
				state = shop.DealOpen
			}
		}
		if !shown {
			continue
		}
		if b.State == stateEnded {
			state = shop.DealEnded
		}
		p, err := find(d.Product)
		if errors.Is(err, shop.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		card, err := s.dealCard(b, d, p, state)
		if err != nil {
			return nil, err
		}
		out = append(out, card)
	}
	return out, nil
}

// dealsChanged follows a change: the relay has work, the scene is another, and what is due may be sooner.
func (s *Service) dealsChanged(broadcast string) {
	s.changed(broadcast)
	if s.DealsWake != nil {
		s.DealsWake()
	}
}
