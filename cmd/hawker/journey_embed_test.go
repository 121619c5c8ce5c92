package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// libraryBytesMax is what <hawker-player> may weigh, compressed, before it shows a picture over WebRTC.
const libraryBytesMax = 26 << 10

// The player on somebody else's page: another origin plays over both transports without a cookie, and a pin's card comes on
// its frame there as well. A set shows all that it holds. The page hears what is looked at and bought, and takes the sale over.
func TestJourneyThePinLandsOnTheFrameOfAnotherOrigin(t *testing.T) {
	type change struct {
		At        mediatime.Time
		WHEP, HLS []presented
	}
	var saw struct {
		Pins              []struct{ On, Off change }
		Set               setSeen
		Deal              dealSeen
		Bytes             int
		Heard             []string
		Details           bool
		Popups, Cookies   int
		HLSWhereNotNeeded bool
		Faults            []string
	}
	browse(t, "embed.mjs", &saw)
	saw.Set.judge(t)
	saw.Deal.judge(t)
	for transport, of := range map[string]func(change) []presented{
		"whep": func(c change) []presented { return c.WHEP },
		"hls":  func(c change) []presented { return c.HLS },
	} {
		most := map[string]int{"whep": 1, "hls": 2}[transport]
		landed := false
		for _, pin := range saw.Pins {
			came := pinError(t, of(pin.On), burnt(t, pin.On.At))
			t.Logf("%s: the card came %+d frames from frame %d", transport, came, burnt(t, pin.On.At))
			landed = landed || abs(came) <= most
		}
		if !landed {
			t.Errorf("%s: no pin landed within %d frames", transport, most)
		}
	}
	for _, kind := range []string{"state", "impression", "click", "add-to-cart", "checkout", "deal"} {
		if !slices.Contains(saw.Heard, kind) {
			t.Errorf("the page did not hear of %s, but of %v", kind, saw.Heard)
		}
	}
	if !saw.Details || saw.Popups > 0 || saw.Cookies > 0 {
		t.Errorf("details %v, %d pop-ups, %d cookies", saw.Details, saw.Popups, saw.Cookies)
	}
	if saw.Bytes == 0 || saw.Bytes > libraryBytesMax {
		t.Errorf("the library has %d bytes", saw.Bytes)
	}
	t.Logf("%d bytes; hls.js fetched for WebRTC's viewer as well: %v (a busy machine connects late)", saw.Bytes, saw.HLSWhereNotNeeded)
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}

// setSeen is what a viewer of another origin's page did with a set, by the keyboard, and what was counted.
type setSeen struct {
	Said         string
	Way          []string // where the focus was
	Sale, Wanted struct{ Product, Pin, Quote string }
	Added        []string
	Impressions  int // told to the page
	Each         int // of so many products
	Products     int
	Arabic       bool
	Figures      struct {
		Set   string
		Shown int   // views in which the card was shown
		Sold  []int // how often each product was
	}
}

func (s *setSeen) judge(t *testing.T) {
	t.Helper()
	if !strings.Contains(s.Said, fmt.Sprint(s.Products, " products")) || !strings.Contains(s.Said, "from") || strings.Contains(s.Said, "Sold out") {
		t.Errorf("the card of a set of %d says %q", s.Products, s.Said)
	}
	// The panel, its close button, the first product's two, and in the end what opened it.
	if len(s.Way) != 5 || s.Way[0] != "dialog" || s.Way[1] != "Close" || !strings.HasPrefix(s.Way[2], "Add ") || !strings.HasPrefix(s.Way[3], "Buy ") || !strings.HasPrefix(s.Way[4], "See all of") {
		t.Errorf("the focus went %q", s.Way)
	}
	if s.Sale.Product != s.Wanted.Product || s.Sale.Pin != s.Wanted.Pin || !slices.Equal(s.Added, []string{s.Wanted.Product}) {
		t.Errorf("the sale: %+v, wanted %+v; added %v", s.Sale, s.Wanted, s.Added)
	}
	if s.Products < 3 || s.Each != s.Products || s.Impressions != s.Products {
		t.Errorf("%d impressions of %d products in a set of %d", s.Impressions, s.Each, s.Products)
	}
	if !s.Arabic {
		t.Error("in Arabic the set does not run from right to left")
	}
	// Two pages were open: the other one may have shown its card as well, and never opened it.
	if s.Figures.Set == "" || s.Figures.Shown < 1 || s.Figures.Shown > 2 {
		t.Errorf("the seller's figures: %+v", s.Figures)
	}
}

// dealSeen is what viewers of another origin's page saw of a deal, and what the page heard.
type dealSeen struct {
	Counted []any // what was counted down, and whether there was nothing to buy yet
	Shown   string
	Opens   mediatime.Time
	Sale    struct{ Deal, Quote string }
	Turns   map[string][]struct {
		State     string
		MediaTime mediatime.Time `json:"media_time"`
	}
	Left int
}

// judge wants every turn of the deal on its frame, over both transports, and a sale that carries the deal's quote.
func (d *dealSeen) judge(t *testing.T) {
	t.Helper()
	if len(d.Counted) != 2 || d.Counted[1] != true || !strings.Contains(d.Shown, "Ends in") || !strings.Contains(d.Shown, "3 left") || d.Left != 0 {
		t.Errorf("the deal's card: %+v", *d)
	}
	if d.Sale.Deal == "" {
		t.Errorf("the sale: %+v", d.Sale)
	}
	for transport, turns := range d.Turns {
		var states []string
		for _, turn := range turns {
			states = append(states, turn.State)
			// The rendering of a frame may be late on a busy machine, but what opens is never open before its frame.
			if turn.State == "open" && turn.MediaTime < d.Opens-mediatime.Time(20_000) {
				t.Errorf("%s: open %d us before its frame", transport, d.Opens-turn.MediaTime)
			}
		}
		if !slices.Equal(states, []string{"announced", "open", "ended"}) {
			t.Errorf("%s: the page heard %v", transport, states)
		}
	}
	if len(d.Turns) != 2 {
		t.Errorf("turns over %d transports", len(d.Turns))
	}
}
