package shop_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

func TestMoneyIsWrittenWithItsCurrencysDigits(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]shop.Money{
		"29.00": {Amount: 2900, Currency: "EUR"}, "0.05": {Amount: 5, Currency: "EUR"}, "-0.05": {Amount: -5, Currency: "EUR"}, "0.00": {Currency: "EUR"},
		"2900": {Amount: 2900, Currency: "JPY"}, "2.900": {Amount: 2900, Currency: "KWD"}, "0.001": {Amount: 1, Currency: "BHD"}, "10000000000.00": {Amount: shop.AmountMax, Currency: "EUR"},
	} {
		if got := m.Decimal(); got != want {
			t.Errorf("%+v: %q, want %q", m, got, want)
		}
	}
}

func TestAbsurdMoneyIsRefused(t *testing.T) {
	t.Parallel()
	for m, want := range map[shop.Money]error{
		{Amount: -1, Currency: "EUR"}: shop.ErrAmount, {Amount: math.MaxInt64, Currency: "EUR"}: shop.ErrAmount, {Amount: 1}: shop.ErrCurrency,
		{Amount: 1, Currency: "eur"}: shop.ErrCurrency, {Amount: 1, Currency: "XXX"}: shop.ErrCurrency, {Amount: 1, Currency: "D A"}: shop.ErrCurrency,
		{Amount: 1, Currency: "ED "}: shop.ErrCurrency, {Amount: 0, Currency: "EUR"}: nil, {Amount: shop.AmountMax, Currency: "ZWG"}: nil,
	} {
		if err := m.Validate(); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", m, err, want)
		}
	}
}

func TestTheLargestCartFitsIntoTheLargestOrder(t *testing.T) {
	t.Parallel()
	l := shop.Line{Quantity: shop.QuantityMax, UnitPrice: shop.AmountMax}
	if l.Total() < 0 || l.Total() > math.MaxInt64/shop.LinesMax {
		t.Fatal("a cart of the largest lines overflows")
	}
}

func TestOrdersMoveAlongOneTable(t *testing.T) {
	t.Parallel()
	for from, to := range map[shop.OrderState][]shop.OrderState{
		shop.Paid: {shop.Held, shop.Declined, shop.Expired, shop.Cancelled}, shop.Refunded: {shop.Paid, shop.PartiallyRefunded}, shop.Cancelled: {shop.Paid}, shop.RequiresAction: {shop.Held},
	} {
		for _, next := range to {
			if from.MayBecome(next) {
				t.Errorf("%s may become %s", from, next)
			}
		}
	}
	for _, s := range []shop.OrderState{shop.Held, shop.RequiresAction, shop.Paid, shop.Declined, shop.Expired, shop.Cancelled, shop.PartiallyRefunded, shop.Refunded} {
		if !s.Known() || s.Open() && s.Sold() {
			t.Errorf("%s is not itself", s)
		}
	}
	if shop.OrderState("won").Known() {
		t.Error("an invented state is known")
	}
}

func TestAnIdempotencyKeyIsItsOwners(t *testing.T) {
	t.Parallel()
	a, err := shop.KeyHash("ab", "c", "key")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := shop.KeyHash("a", "bc", "key"); a == b {
		t.Error("two owners share a key")
	}
	for _, key := range []string{"", "line\nbreak", "ü", strings.Repeat("k", 256)} {
		if _, err := shop.KeyHash("a", "b", key); !errors.Is(err, shop.ErrKeyInvalid) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestALedgerEntryCoversAllOfItself(t *testing.T) {
	t.Parallel()
	first := shop.Stock{}.Next("v", shop.Moves{Adjusted: 10}, "opening stock", "seller", time.UnixMilli(1000))
	second := first.After().Next("v", shop.Moves{Held: 3, Sold: 1, Released: 1}, "", "", time.UnixMilli(2000))
	if err := second.Check(first.After()); err != nil || second.OnHand != 9 || second.Reserved != 1 {
		t.Fatal(second, err)
	}
	// The layout is a promise: this hash must never change for these values.
	if want := "2bdce94b08655c0678e5b401d87d10e67f7b9222056c6477a68b8aa68110a4b0"; first.Hash != want {
		t.Fatalf("%s, want %s", first.Hash, want)
	}
	for name, change := range map[string]func(*shop.Entry){
		"variant": func(e *shop.Entry) { e.VariantID = "w" }, "number": func(e *shop.Entry) { e.Number++ }, "held": func(e *shop.Entry) { e.Held++ },
		"sold": func(e *shop.Entry) { e.Sold++ }, "released": func(e *shop.Entry) { e.Released++ }, "adjusted": func(e *shop.Entry) { e.Adjusted++ },
		"on hand": func(e *shop.Entry) { e.OnHand++ }, "reserved": func(e *shop.Entry) { e.Reserved++ }, "reason": func(e *shop.Entry) { e.Reason = "x" },
		"by": func(e *shop.Entry) { e.By = "x" }, "at": func(e *shop.Entry) { e.At = e.At.Add(time.Millisecond) },
	} {
		e := second
		change(&e)
		if e.Sum(first.Hash) == second.Hash {
			t.Errorf("the hash does not cover %s", name)
		}
	}
}

func TestOurFactsReadTheSamples(t *testing.T) {
	t.Parallel()
	for kind, into := range map[event.Kind]func() any{
		event.OrderPlaced: func() any { return &shop.OrdersFact{} }, event.OrderPaid: func() any { return &shop.OrdersFact{} }, event.OrderDeclined: func() any { return &shop.OrdersFact{} },
		event.OrderExpired: func() any { return &shop.OrdersFact{} }, event.OrderCanceled: func() any { return &shop.OrdersFact{} }, event.OrderRefunded: func() any { return &shop.OrdersFact{} },
		event.StockChanged: func() any { return &shop.StockFact{} }, event.StockOut: func() any { return &shop.StockFact{} }, event.StockBack: func() any { return &shop.StockFact{} },
		event.PriceChanged: func() any { return &shop.PriceFact{} }, event.WaitCalled: func() any { return &shop.WaitFact{} },
		event.DealLeft: func() any { return &shop.DealLeft{} }, event.DealSoldOut: func() any { return &shop.DealLeft{} },
	} {
		d := json.NewDecoder(strings.NewReader(string(eventtest.Sample(t, kind).Data)))
		d.DisallowUnknownFields()
		if err := d.Decode(into()); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestOneFactPerKindAndShop(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1000)
	f := shop.NewFacts(at)
	f.Stock(1, shop.StockNow{Shop: "a", Available: 0})
	f.Order(event.OrderPaid, shop.OrderFact{Shop: "a", Order: "1"})
	f.Order(event.OrderPlaced, shop.OrderFact{Shop: "a", Order: "1"})
	f.Order(event.OrderPlaced, shop.OrderFact{Shop: "b", Order: "2"})
	f.Order(event.OrderPlaced, shop.OrderFact{Shop: "a", Order: "3"})
	var got []string
	last := ""
	for _, e := range f.Events() {
		got = append(got, e.Topic+" "+string(e.Kind))
		if e.ID <= last {
			t.Error("the ids do not rise: the outbox would tell them in another order")
		}
		last = e.ID
	}
	if want := "shop/a order.placed,shop/a order.paid,shop/b order.placed,shop/a stock.out"; strings.Join(got, ",") != want {
		t.Fatalf("%v", got)
	}
}

func TestAQuoteOutlivesNothing(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_000_000)
	signer := &shoptest.Signer{}
	q := &shop.Quotes{Signer: signer, Now: func() time.Time { return now }}
	text, err := q.Issue(shop.Quote{Variant: "v", Price: shop.Money{Amount: 1, Currency: "EUR"}, Deal: "d", MediaTime: 7, Expires: now.Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Read(text, "v", "any")
	if err != nil || got.Price.Amount != 1 || got.Deal != "d" || got.MediaTime != 7 {
		t.Fatal(got, err)
	}
	now = now.Add(time.Second)
	if _, err := q.Read(text, "v", "any"); !errors.Is(err, shop.ErrQuoteExpired) {
		t.Error(err)
	}
	now = now.Add(-time.Hour) // a clock that jumps back makes it valid again, at the price that was promised
	signer.Retired.Store(true)
	if _, err := q.Read(text, "v", "any"); !errors.Is(err, shop.ErrQuoteInvalid) {
		t.Error(err)
	}
}

func FuzzQuote(f *testing.F) {
	q := &shop.Quotes{Signer: &shoptest.Signer{}, Now: func() time.Time { return time.UnixMilli(0) }}
	good, err := q.Issue(shop.Quote{Variant: "v", Price: shop.Money{Amount: 1, Currency: "EUR"}, Expires: time.UnixMilli(1000)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("hq1.e30.k1.AAAA")
	f.Add("...")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := q.Read(text, "v", "b"); err == nil && text != good {
			t.Fatalf("%q passes for a quote", text)
		}
	})
}

func FuzzPicture(f *testing.F) {
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"))
	f.Add([]byte("RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\x01\x00\x01\x00\x02\x00\x34\x25\xa4\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"))
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x11\x08\x00\x01\x00\x01\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		kind, width, height, err := shop.ReadPicture(body)
		if err == nil && (width < 1 || height < 1 || width > shop.PictureSideMax || height > shop.PictureSideMax || !strings.HasPrefix(kind, "image/")) {
			t.Fatalf("%s of %d × %d passes", kind, width, height)
		}
	})
}

func TestWebPIsMeasured(t *testing.T) {
	t.Parallel()
	lossless := []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x07\x40\x01\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")
	if kind, w, h, err := shop.ReadPicture(lossless); kind != "image/webp" || w != 8 || h != 6 || err != nil {
		t.Error(kind, w, h, err)
	}
	extended := append([]byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x05\x00\x00"), 0)
	if kind, w, h, err := shop.ReadPicture(extended); kind != "image/webp" || w != 8 || h != 6 || err != nil {
		t.Error(kind, w, h, err)
	}
}
