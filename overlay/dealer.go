package overlay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	dealerEvery   = time.Second            // other nodes start deals too, and shows end
	dealerAhead   = 31 * time.Minute       // every deal that runs is due within this
	startAhead    = 500 * time.Millisecond // deal.started is with the viewers before its frame
	dealerMost    = 500                    // deals looked at in one round
	scheduledFor  = 12 * time.Hour         // a scheduled deal waits so long for its show
	dealerPatient = 10 * time.Second       // for one deal
	drawPatient   = 10 * time.Minute
)

// Drawer serves the claims of a fair deal, in the order of the draw.
type Drawer interface {
	Draw(ctx context.Context, deal string) error
}

// Dealer moves deals along when their time comes: scheduled ones begin, announced ones open, open ones end, draws are
// held. What it does stands in the database and is guarded by the deal's state there, so that it goes on after a restart,
// and of several nodes one does each step. Run one per process.
type Dealer struct {
	// Required.
	Service *Service
	Drawer  Drawer
	Log     *slog.Logger
	// Wake tells of a change on this node; may be nil.
	Wake <-chan struct{}

	mu      sync.Mutex
	drawing map[string]bool
	work    sync.WaitGroup
}

// DealDrawn is the data of deal.drawn: the seed, and how the transports fared.
type DealDrawn struct {
	Deal       string      `json:"deal"`
	Product    string      `json:"product"`
	Seed       string      `json:"seed"`
	Commitment string      `json:"commitment"`
	Claims     int64       `json:"claims"`
	Won        int64       `json:"won"`
	Transports []DrawShare `json:"transports"`
	Version    int64       `json:"version"`
}

// DrawShare is how the claims by one transport fared. Seen is how far behind the opening frame the claimants say that
// they were when they claimed: evidence, never a priority.
type DrawShare struct {
	Transport string `json:"transport"`
	Claims    int64  `json:"claims"`
	Won       int64  `json:"won"`
	SeenMS    int64  `json:"seen_ms" doc:"Media time between the opening frame and the frame that claimants say they saw, on average."`
}

// Run moves deals along until ctx ends.
func (r *Dealer) Run(ctx context.Context) error {
	r.drawing = map[string]bool{}
	defer r.work.Wait()
	for {
		next, err := r.round(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("move deals along", "error", err)
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.Wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round looks at every deal that runs or is to begin, and says when to look again.
func (r *Dealer) round(ctx context.Context) (time.Duration, error) {
	s := r.Service
	deals, _, err := s.Deals.DealsDue(ctx, s.now().Add(dealerAhead), dealerMost)
	if err != nil {
		return dealerEvery, err
	}
	next := dealerEvery
	for _, d := range deals {
		one, cancel := context.WithTimeout(ctx, dealerPatient)
		err = errors.Join(err, r.move(one, d))
		cancel()
		at := d.NextAt()
		if d.State == shop.DealAnnounced {
			at = at.Add(-startAhead)
		}
		if wait := at.Sub(s.now()); wait > 0 {
			next = min(next, wait)
		}
	}
	return max(next, 5*time.Millisecond), err
}

func (r *Dealer) move(ctx context.Context, d shop.Deal) error {
	s := r.Service
	now := s.now()
	b, err := s.Broadcasts.Broadcast(ctx, d.Broadcast)
	if err != nil {
		return fmt.Errorf("find the show of a deal: %w", err)
	}
	switch {
	case b.State == stateEnded && (d.State == shop.DealScheduled || d.Announces()):
		until, _ := b.Anchors.Newest()
		_, err = s.endDeal(ctx, b.ID, d.ID, max(mediatime.Time(d.From), until.At(minTime(now, orNow(b.EndedAt, now)))), shop.DealByShow)
	case d.State == shop.DealScheduled && !now.Before(d.StartsAt):
		err = r.begin(ctx, b, d, now)
	case d.State == shop.DealAnnounced && !now.Before(d.OpensAt.Add(-startAhead)):
		err = r.open(ctx, d)
	case d.Fair && !d.Drawn && !now.Before(minTime(d.OpensAt.Add(d.Window), d.EndsAt)) && (d.State == shop.DealOpen || d.State == shop.DealEnded):
		r.draw(ctx, d)
	case d.State == shop.DealOpen && !now.Before(d.EndsAt):
		_, err = s.endDeal(ctx, b.ID, d.ID, mediatime.Time(d.Ends), shop.DealByTime)
	}
	return err
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// begin starts the countdown of a scheduled deal, as soon as its show is on air.
func (r *Dealer) begin(ctx context.Context, b Broadcast, d shop.Deal, now time.Time) error {
	s := r.Service
	if now.Sub(d.StartsAt) > scheduledFor {
		_, err := s.endDeal(ctx, b.ID, d.ID, 0, shop.DealByTime)
		return err
	}
	anchor, ok := b.Anchors.Newest()
	if !ok || (b.State != "live" && b.State != "rehearsal") {
		return nil
	}
	from, on := s.Clock.Now(b.ID)
	if !on { // another node has the picture
		from = anchor.At(now)
	}
	_, err := s.startDeal(ctx, b, d.ID, from+mediatime.Of(s.lead()))
	if errors.Is(err, shop.ErrDealRuns) {
		return nil // it waits for the one before
	}
	if errors.Is(err, shop.ErrDealPrice) || errors.Is(err, shop.ErrDealPrior) || errors.Is(err, ErrProduct) || errors.Is(err, shop.ErrVariantUnknown) {
		r.Log.Warn("a scheduled deal cannot begin", "deal", d.ID, "error", err)
		_, err = s.endDeal(ctx, b.ID, d.ID, 0, shop.DealByTime)
	}
	return err
}

func (r *Dealer) open(ctx context.Context, d shop.Deal) error {
	s := r.Service
	_, err := s.Deals.ChangeDeal(ctx, d.ID, func(d *shop.Deal) ([]event.Event, bool, error) {
		if d.State != shop.DealAnnounced {
			return nil, false, nil
		}
		d.State = shop.DealOpen
		fact := DealMoved{d.ID, d.Product, mediatime.Time(d.Opens), d.Left(), "", d.Version}
		return []event.Event{event.New(event.BroadcastTopic(d.Broadcast), event.DealStarted, d.Opens, s.now(), fact)}, true, nil
	})
	if err == nil {
		s.changed(d.Broadcast)
	}
	return err
}

// draw holds a deal's draw beside the other deals, once at a time.
func (r *Dealer) draw(ctx context.Context, d shop.Deal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drawing[d.ID] {
		return
	}
	r.drawing[d.ID] = true
	r.work.Go(func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), drawPatient)
		defer cancel()
		if err := r.hold(own, d); err != nil {
			r.Log.Warn("hold a draw", "deal", d.ID, "error", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.drawing, d.ID)
	})
}

// hold closes the draw, serves its claims, and publishes the seed with the results.
func (r *Dealer) hold(ctx context.Context, d shop.Deal) error {
	s := r.Service
	_, err := s.Deals.ChangeDeal(ctx, d.ID, func(d *shop.Deal) ([]event.Event, bool, error) {
		was := d.Closed
		d.Closed = true
		return nil, !was, nil
	})
	if err != nil {
		return err
	}
	if err := r.Drawer.Draw(ctx, d.ID); err != nil {
		return err
	}
	claims, won, shares, err := s.drawReport(ctx, d)
	if err != nil {
		return err
	}
	_, err = s.Deals.ChangeDeal(ctx, d.ID, func(d *shop.Deal) ([]event.Event, bool, error) {
		if d.Drawn {
			return nil, false, nil
		}
		d.Drawn = true
		fact := DealDrawn{d.ID, d.Product, d.Seed, d.Commitment, claims, won, shares, d.Version}
		return []event.Event{event.New(event.BroadcastTopic(d.Broadcast), event.DealDrawn, 0, s.now(), fact)}, true, nil
	})
	s.dealsChanged(d.Broadcast)
	return err
}

const reportPage = 1000

// drawReport counts how claims fared by transport.
func (s *Service) drawReport(ctx context.Context, d shop.Deal) (claims, won int64, shares []DrawShare, err error) {
	by, seen := map[string]*DrawShare{}, map[string]int64{}
	for after := ""; ; {
		page, err := s.Deals.DealClaims(ctx, d.ID, "", after, reportPage)
		if err != nil {
			return 0, 0, nil, err
		}
		for _, c := range page {
			after = c.DrawKey
			t := c.Claim.Source.Transport
			if by[t] == nil {
				by[t] = &DrawShare{Transport: t}
			}
			claims++
			by[t].Claims++
			seen[t] += (c.Claim.Source.MediaTime - d.Opens) / 1000
			if c.State == shop.ClaimWon {
				won++
				by[t].Won++
			}
		}
		if len(page) < reportPage {
			break
		}
	}
	shares = []DrawShare{}
	for _, t := range slices.Sorted(maps.Keys(by)) {
		by[t].SeenMS = seen[t] / by[t].Claims
		shares = append(shares, *by[t])
	}
	return claims, won, shares, nil
}

// Draw is what anybody may read of a fair deal's draw.
type Draw struct {
	Commitment string      `json:"commitment" doc:"SHA-256 of the seed's bytes, in hex; known since the announcement."`
	Seed       string      `json:"seed,omitempty" doc:"In hex; once it has been drawn."`
	Drawn      bool        `json:"drawn"`
	Quantity   int64       `json:"quantity"`
	Claims     []DrawEntry `json:"claims" doc:"In the order in which they were served: by SHA-256 of the seed's bytes followed by the claim's id."`
	Transports []DrawShare `json:"transports,omitempty"`
	Next       string      `json:"next,omitempty" doc:"Ask again with after."`
}

// DrawEntry is a claim in a draw. Its id is the order's, which only its buyer knows to be theirs.
type DrawEntry struct {
	Claim    string `json:"claim"`
	Key      string `json:"key"`
	Quantity int64  `json:"quantity"`
	Won      bool   `json:"won"`
}

// ReadDraw tells of a draw; its claims are told once the seed is.
func (s *Service) ReadDraw(ctx context.Context, broadcast, deal, after string) (Draw, error) {
	d, err := s.dealOf(ctx, broadcast, deal)
	if err != nil {
		return Draw{}, err
	}
	if !d.Fair || !d.Begun() {
		return Draw{}, ErrDeal
	}
	out := Draw{Commitment: d.Commitment, Drawn: d.Drawn, Quantity: d.Quantity, Claims: []DrawEntry{}}
	if !d.Drawn {
		return out, nil
	}
	out.Seed = d.Seed
	page, err := s.Deals.DealClaims(ctx, d.ID, "", after, reportPage)
	if err != nil {
		return Draw{}, err
	}
	for _, c := range page {
		out.Claims = append(out.Claims, DrawEntry{c.ID, c.DrawKey, c.Claim.Lines[0].Quantity, c.State == shop.ClaimWon})
	}
	if len(page) == reportPage {
		out.Next = page[len(page)-1].DrawKey
	}
	if after == "" {
		_, _, out.Transports, err = s.drawReport(ctx, d)
	}
	return out, err
}
