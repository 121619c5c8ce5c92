package dashboard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

const latestMax = 20 // orders in an answer

// Catalogue finds products. *shop.Service is one.
type Catalogue interface {
	Product(ctx context.Context, id string) (shop.Product, error)
}

// Audience counts who watches now.
type Audience interface {
	Viewers(broadcast string) int
}

// Service answers with the seller's numbers. Whether somebody may see them is decided before.
type Service struct {
	// Required.
	Store     Store
	Catalogue Catalogue

	// Audience, if set, counts the viewers now.
	Audience Audience
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time
}

// Sales is a broadcast's numbers as of a time. Amounts are minor units of Currency.
type Sales struct {
	AsOf          time.Time     `json:"as_of"`
	Currency      string        `json:"currency" doc:"Empty before the first order."`
	GMV           int64         `json:"gmv" doc:"Sum over paid orders of unit price × quantity, before refunds and cancellations, without tax and shipping; dated at payment."`
	Net           int64         `json:"net" doc:"GMV less the value of goods refunded."`
	Refunds       int64         `json:"refunds" doc:"Value of goods refunded, dated at the refund."`
	Orders        int64         `json:"orders" doc:"Orders that were paid; refunded ones stay counted."`
	Units         int64         `json:"units"`
	Buyers        int64         `json:"buyers" doc:"Distinct buyers of paid orders."`
	AOV           int64         `json:"aov" doc:"GMV ÷ orders, rounded."`
	Placed        int64         `json:"placed" doc:"Holds: orders that waited for money, whatever became of them."`
	Declined      int64         `json:"declined"`
	Expired       int64         `json:"expired"`
	Cancelled     int64         `json:"cancelled"`
	Foreign       int64         `json:"foreign,omitempty" doc:"Orders in another currency. They are in none of the amounts."`
	ViewersNow    int           `json:"viewers_now" doc:"Sessions with a heartbeat in the last 10 s."`
	ViewersPeak   int64         `json:"viewers_peak" doc:"Most concurrent viewers, sampled each 5 s."`
	Views         int64         `json:"views" doc:"Sessions shown for 3 s or more; a reload within 30 min is the same."`
	UniqueViewers int64         `json:"unique_viewers"`
	Impressions   int64         `json:"impressions" doc:"Products shown, at least half of a card for a second or more, once per view and pin. What a set shows counts by product."`
	Clicks        int64         `json:"clicks"`
	Minutes       []SalesMinute `json:"minutes"`
	Products      []SalesItem   `json:"products"`
	Pins          []SalesPin    `json:"pins"`
	Latest        []SalesOrder  `json:"latest" doc:"The newest orders, at most 20."`
}

// SalesMinute is one minute by the wall clock.
type SalesMinute struct {
	Minute    time.Time `json:"minute"`
	MediaTime int64     `json:"media_time" doc:"Of the minute's beginning, in microseconds."`
	GMV       int64     `json:"gmv"`
	Refunds   int64     `json:"refunds"`
	Orders    int64     `json:"orders"`
	Units     int64     `json:"units"`
	Viewers   int64     `json:"viewers"`
	Pins      []string  `json:"pins" doc:"Pins that lay on a frame of the minute."`
}

// SalesItem is one product.
type SalesItem struct {
	Product     string `json:"product"`
	Title       string `json:"title"`
	Impressions int64  `json:"impressions"`
	Clicks      int64  `json:"clicks"`
	Orders      int64  `json:"orders"`
	Units       int64  `json:"units"`
	GMV         int64  `json:"gmv"`
	Refunds     int64  `json:"refunds"`
	Available   int64  `json:"available"`
}

// SalesPin is one pin with what is credited to it: paid order lines whose last click lies in it or, late, up to
// 60 s behind it.
type SalesPin struct {
	ID          string `json:"id"`
	Product     string `json:"product"`
	Set         string `json:"set,omitempty" doc:"The name of the set that was pinned; product is its first."`
	From        int64  `json:"from"`
	Until       *int64 `json:"until,omitempty"`
	Impressions int64  `json:"impressions" doc:"Views in which its card was shown, however many products it shows."`
	Clicks      int64  `json:"clicks"`
	Units       int64  `json:"units"`
	GMV         int64  `json:"gmv"`
	LateGMV     int64  `json:"late_gmv"`
	Refunds     int64  `json:"refunds"`
}

// SalesOrder is one of the latest orders. Its buyer is not in it.
type SalesOrder struct {
	OrderID string      `json:"order_id"`
	At      time.Time   `json:"at" doc:"When it was placed."`
	State   string      `json:"state"`
	Total   int64       `json:"total"`
	Lines   []SalesLine `json:"lines"`
}

// SalesLine is one line of it.
type SalesLine struct {
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Pin       string `json:"pin,omitempty" doc:"The pin that it is credited to."`
	Late      bool   `json:"late,omitempty"`
}

// Sales reads a broadcast's numbers. Before anything was folded of it they are zero.
func (s *Service) Sales(ctx context.Context, broadcast string) (Sales, error) {
	rows, err := s.Store.Read(ctx, broadcast, latestMax)
	if err != nil {
		return Sales{}, err
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	out := Sales{AsOf: now().UTC().Truncate(time.Millisecond), Minutes: []SalesMinute{}, Products: []SalesItem{}, Pins: []SalesPin{}, Latest: []SalesOrder{}}
	if s.Audience != nil {
		out.ViewersNow = s.Audience.Viewers(broadcast)
	}
	var b Broadcast
	if len(rows.Broadcasts) > 0 {
		b = rows.Broadcasts[0]
	}
	out.total(b)
	for _, m := range rows.Minutes {
		out.Minutes = append(out.Minutes, minute(b, m, rows.Pins))
	}
	for _, p := range rows.Products {
		item := SalesItem{Product: p.Product, Impressions: p.Impressions, Clicks: p.Clicks, Orders: p.Orders, Units: p.Units, GMV: p.GMV, Refunds: p.Refunds}
		product, err := s.Catalogue.Product(ctx, p.Product)
		if err != nil && !errors.Is(err, shop.ErrNotFound) {
			return Sales{}, fmt.Errorf("read a product that was sold: %w", err)
		}
		item.Title = product.Title
		for _, v := range product.Variants {
			item.Available += v.Stock.Available()
		}
		out.Products = append(out.Products, item)
	}
	for _, p := range rows.Pins {
		pin := SalesPin{ID: p.ID, Product: p.Product, Set: p.Set, From: p.From, Impressions: p.Impressions, Clicks: p.Clicks, Units: p.Units, GMV: p.GMV, LateGMV: p.LateGMV, Refunds: p.Refunds}
		if p.Until != Open {
			pin.Until = &p.Until
		}
		out.Pins = append(out.Pins, pin)
	}
	for _, o := range rows.Orders {
		order := SalesOrder{OrderID: o.ID, At: time.UnixMilli(o.PlacedAt).UTC(), State: o.State, Total: o.Total, Lines: []SalesLine{}}
		for _, l := range o.Lines {
			order.Lines = append(order.Lines, SalesLine{l.Product, l.Variant, l.Quantity, l.UnitPrice, l.Credit.Pin, l.Credit.Late})
		}
		out.Latest = append(out.Latest, order)
	}
	return out, nil
}

func (s *Sales) total(b Broadcast) {
	s.Currency, s.GMV, s.Refunds, s.Net = b.Currency, b.GMV, b.Refunds, b.GMV-b.Refunds
	s.Orders, s.Units, s.Buyers = b.Orders, b.Units, b.Buyers
	if b.Orders > 0 {
		s.AOV = (b.GMV + b.Orders/2) / b.Orders
	}
	s.Placed, s.Declined, s.Expired, s.Cancelled, s.Foreign = b.Placed, b.Declined, b.Expired, b.Canceled, b.Foreign
	s.ViewersPeak = max(b.Peak, int64(s.ViewersNow))
	s.Views, s.UniqueViewers, s.Impressions, s.Clicks = b.Views, b.Viewers, b.Impressions, b.Clicks
}

func minute(b Broadcast, m Minute, pins []Pin) SalesMinute {
	begin, end := b.mediaTime(m.Minute), b.mediaTime(m.Minute+minuteMS)
	out := SalesMinute{
		Minute: time.UnixMilli(m.Minute).UTC(), MediaTime: begin, GMV: m.GMV, Refunds: m.Refunds, Orders: m.Orders,
		Units: m.Units, Viewers: m.Viewers, Pins: []string{},
	}
	for _, p := range pins {
		if p.From < end && p.Until > begin && p.From != p.Until {
			out.Pins = append(out.Pins, p.ID)
		}
	}
	return out
}

// mediaTime is the media time of a wall time, by the anchor that was in force; 0 before the first frame.
func (b Broadcast) mediaTime(ms int64) int64 {
	var out int64
	for _, a := range b.Anchors {
		if wall := ms * 1000; a.Wall <= wall || out == 0 {
			out = max(0, a.MediaTime+wall-a.Wall)
		}
	}
	return out
}
