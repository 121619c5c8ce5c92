package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	datesFresh   = 500 * time.Millisecond // pins are read again after this
	datesRead    = 5 * time.Second        // one reading may take this long
	datesKeptMax = 4096                   // broadcasts
)

// pinDates lets playlists name a broadcast's pins. It answers from memory and reads the pins again beside that:
// players act on the feed, playlists serve others.
type pinDates struct {
	overlay *overlay.Service
	now     func() time.Time

	mu      sync.Mutex
	kept    map[string]*dated
	running sync.WaitGroup
	stopped bool
}

type dated struct {
	ranges  []hls.DateRange
	read    time.Time
	reading bool
}

// Run waits for ctx and for the readings under way.
func (p *pinDates) Run(ctx context.Context) error {
	<-ctx.Done()
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// DateRanges lists the pins that lie at least partly after from, as they were known at most a moment ago.
func (p *pinDates) DateRanges(broadcast string, from mediatime.Time) []hls.DateRange {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.kept[broadcast]
	if d == nil {
		if p.kept == nil || len(p.kept) >= datesKeptMax {
			p.kept = map[string]*dated{}
		}
		d = &dated{}
		p.kept[broadcast] = d
	}
	if now := p.now(); !d.reading && !p.stopped && now.Sub(d.read) >= datesFresh {
		d.reading = true
		p.running.Go(func() { p.refresh(broadcast, d) })
	}
	var out []hls.DateRange
	for _, r := range d.ranges {
		if r.Until == 0 || r.Until > from {
			out = append(out, r)
		}
	}
	return out
}

func (p *pinDates) refresh(broadcast string, d *dated) {
	ctx, cancel := context.WithTimeout(context.Background(), datesRead)
	defer cancel()
	pins, err := p.overlay.History(ctx, broadcast)
	var deals []overlay.DealRecord
	if err == nil {
		deals, err = p.overlay.ListDeals(ctx, broadcast)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d.reading, d.read = false, p.now()
	if err != nil {
		return // what is known stands; the next part asks again
	}
	d.ranges = append(pinRanges(pins), dealRanges(deals)...)
}

// pinRanges names pins as playlists do.
func pinRanges(pins []overlay.Record) (out []hls.DateRange) {
	for _, pin := range pins {
		r := hls.DateRange{ID: "pin-" + pin.ID, Class: "live.hawker.pin", From: pin.From, Attributes: map[string]string{"X-PRODUCT": pin.Product}}
		if pin.Set != nil {
			r.Attributes["X-SET"], r.Attributes["X-PRODUCTS"] = pin.Set.ID, strconv.Itoa(len(pin.Set.Products))
		}
		if pin.Until != nil {
			r.Until = *pin.Until
		}
		out = append(out, r)
	}
	return out
}

// dealRanges names deals that have opened as playlists do. What a tag says never changes: the end comes when it is known.
func dealRanges(deals []overlay.DealRecord) (out []hls.DateRange) {
	for _, d := range deals {
		if d.State != shop.DealOpen && d.State != shop.DealEnded {
			continue
		}
		r := hls.DateRange{ID: "deal-" + d.ID, Class: "live.hawker.deal", From: d.Opens, Attributes: map[string]string{
			"X-PRODUCT": d.Product, "X-PRICE": d.Price.Decimal() + " " + d.Price.Currency,
		}}
		if d.State == shop.DealEnded {
			r.Until = d.Ends
		}
		out = append(out, r)
	}
	return out
}
