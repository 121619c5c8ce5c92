package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What playlists say of pins, sets and deals, for players that know no feed. A deal that was only announced has no date: it
// may never open.
func TestWhatPlaylistsNameOfTheOverlay(t *testing.T) {
	until := mediatime.Time(9_000_000)
	pins := pinRanges([]overlay.Record{
		{ID: "1", Product: "lamp", From: 1_000_000, Until: &until},
		{ID: "2", Product: "cup", From: 5_000_000, Set: &overlay.PinnedSet{ID: "table", Products: []string{"cup", "plate"}}},
	})
	deal := func(id string, state shop.DealState) overlay.DealRecord {
		var d overlay.DealRecord
		d.ID, d.Product, d.State, d.Opens, d.Ends = id, "lamp", state, 20_000_000, 80_000_000
		d.Price = shop.Money{Amount: 1950, Currency: "EUR"}
		return d
	}
	deals := dealRanges([]overlay.DealRecord{deal("a", shop.DealAnnounced), deal("b", shop.DealOpen), deal("c", shop.DealEnded)})
	want := []hls.DateRange{
		{ID: "pin-1", Class: "live.hawker.pin", From: 1_000_000, Until: 9_000_000, Attributes: map[string]string{"X-PRODUCT": "lamp"}},
		{ID: "pin-2", Class: "live.hawker.pin", From: 5_000_000, Attributes: map[string]string{"X-PRODUCT": "cup", "X-SET": "table", "X-PRODUCTS": "2"}},
		{ID: "deal-b", Class: "live.hawker.deal", From: 20_000_000, Attributes: map[string]string{"X-PRODUCT": "lamp", "X-PRICE": "19.50 EUR"}},
		{ID: "deal-c", Class: "live.hawker.deal", From: 20_000_000, Until: 80_000_000, Attributes: map[string]string{"X-PRODUCT": "lamp", "X-PRICE": "19.50 EUR"}},
	}
	if diff := cmp.Diff(want, append(pins, deals...)); diff != "" {
		t.Error(diff)
	}

	// What is over before a playlist begins is not in it.
	p := &pinDates{now: time.Now, kept: map[string]*dated{"b": {ranges: want, reading: true}}}
	var ids []string
	for _, r := range p.DateRanges("b", 10_000_000) {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]string{"pin-2", "deal-b", "deal-c"}, ids); diff != "" {
		t.Error(diff)
	}
}
