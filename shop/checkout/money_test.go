package checkout_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// order reads an order as anybody of the house may.
func (d *desk) order(t testing.TB, id string) shop.Order {
	t.Helper()
	o, err := d.store.Order(context.Background(), shop.Scope{Any: true}, id)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// bank sends the bank page's form.
func (d *desk) bank(t testing.TB, next, decision string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, next, strings.NewReader(url.Values{"decision": {decision}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d.sandbox.ServeHTTP(w, r)
	return w
}

func TestTheBuyerConfirmsAtTheBank(t *testing.T) {
	t.Parallel()
	for decision, state := range map[string]shop.OrderState{"approve": shop.Paid, "refuse": shop.Declined} {
		d := open(t, &shoptest.Model{})
		v := shoptest.Stocked(t, d.store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenRequiresAction)
		if err != nil || r.Orders[0].State != shop.RequiresAction || !strings.HasPrefix(r.Next, payment.PagePath) {
			t.Fatalf("%+v %v", r, err)
		}
		for range 2 { // a second click does nothing
			w := d.bank(t, r.Next, decision)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/orders?order="+r.Orders[0].ID {
				t.Fatalf("%d %v", w.Code, w.Header())
			}
		}
		if o := d.order(t, r.Orders[0].ID); o.State != state || o.ActionURL != "" {
			t.Fatalf("%s: %+v", decision, o)
		}
		if s := d.stock(t, v.ID); s.Reserved != 0 || (s.OnHand == 0) != (state == shop.Paid) {
			t.Fatalf("%+v", s)
		}
		d.close()
	}
}

func TestASlowProviderIsAnsweredHeldAndPaysLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &shoptest.Model{})
		v := shoptest.Stocked(t, d.store, "shop", 1)
		started := time.Now()
		r, err := d.buy("mina", "k", v.ID, payment.TokenSlow)
		if err != nil || r.Orders[0].State != shop.Held {
			t.Fatalf("%+v %v", r, err)
		}
		if waited := time.Since(started); waited < 3*time.Second || waited > 4*time.Second {
			t.Fatalf("answered after %v", waited)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if o := d.order(t, r.Orders[0].ID); o.State != shop.Paid {
			t.Fatalf("%+v", o)
		}
		d.close()
	})
}

func TestAnUnpaidHoldRunsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &shoptest.Model{})
		v := shoptest.Stocked(t, d.store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenRequiresAction)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute + 2*time.Second)
		synctest.Wait()
		if o, s := d.order(t, r.Orders[0].ID), d.stock(t, v.ID); o.State != shop.Expired || s.Reserved != 0 || s.OnHand != 1 {
			t.Fatalf("%+v %+v", o, s)
		}
		d.close()
	})
}

func TestLateMoneyBuysWhatIsFreeAndElseGoesBack(t *testing.T) {
	t.Parallel()
	for name, sold := range map[string]bool{"the unit is free": false, "the unit is sold": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, &shoptest.Model{}, func(a *checkout.Allocator) { a.HoldFor = 10 * time.Second })
				v := shoptest.Stocked(t, d.store, "shop", 1)
				late, err := d.buy("mina", "k", v.ID, payment.TokenLate)
				if err != nil || late.Orders[0].State != shop.Held {
					t.Fatalf("%+v %v", late, err)
				}
				id := late.Orders[0].ID
				time.Sleep(7100 * time.Millisecond) // the hold is over; the money comes a second after its end
				synctest.Wait()
				for d.order(t, id).State != shop.Expired {
					time.Sleep(50 * time.Millisecond)
					synctest.Wait()
				}
				if sold {
					if r, err := d.buy("omar", "k", v.ID, payment.TokenApproved); err != nil || r.Orders[0].State != shop.Paid {
						t.Fatalf("%+v %v", r, err)
					}
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
				o, s := d.order(t, id), d.stock(t, v.ID)
				refunds, err := d.store.Refunds(t.Context(), id)
				if s.OnHand != 0 || s.Reserved != 0 || err != nil {
					t.Fatalf("%+v %v", s, err)
				}
				if !sold && (o.State != shop.Paid || len(refunds) != 0) {
					t.Fatalf("%+v %+v", o, refunds)
				}
				if sold && (o.State != shop.Expired || o.Paid != 2900 || o.Refunded != 2900 || len(refunds) != 1 || refunds[0].State != shop.RefundDone) {
					t.Fatalf("%+v %+v", o, refunds)
				}
				d.close()
			})
		})
	}
}

func TestCancelling(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 2)
	r, err := d.buy("mina", "k", v.ID, payment.TokenRequiresAction)
	if err != nil {
		t.Fatal(err)
	}
	id := r.Orders[0].ID
	if _, err := d.Cancel(t.Context(), shop.Scope{Buyer: "omar"}, id); !errors.Is(err, shop.ErrNotFound) {
		t.Fatalf("a stranger: %v", err)
	}
	for range 2 {
		if o, err := d.Cancel(t.Context(), shop.Scope{Buyer: "mina"}, id); err != nil || o.State != shop.Cancelled {
			t.Fatalf("%+v %v", o, err)
		}
	}
	if w := d.bank(t, r.Next, "approve"); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	if o := d.order(t, id); o.State != shop.Cancelled || o.Paid != 2900 || o.Refunded != 2900 {
		t.Fatalf("money for a cancelled order goes back: %+v", o)
	}
	paid, err := d.buy("mina", "k2", v.ID, payment.TokenApproved)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Cancel(t.Context(), shop.Scope{Buyer: "mina"}, paid.Orders[0].ID); !errors.Is(err, shop.ErrOrderState) {
		t.Fatalf("a paid order: %v", err)
	}
}

func TestAQuoteIsHonouredAndCheckedInFull(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 100)
	other := shoptest.Stocked(t, d.store, "shop", 100)
	issue := func(q shop.Quote) string {
		text, err := d.quotes.Issue(q)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	q := shop.Quote{Variant: v.ID, Price: shop.Money{Amount: 1900, Currency: "EUR"}, Broadcast: "b1", MediaTime: 14_000_000, Expires: time.Now().Add(time.Minute)}
	buy := func(quote string, change func(*checkout.Request)) (checkout.Receipt, error) {
		r := request("mina", "", v.ID, payment.TokenApproved)
		r.Lines[0].Quote, r.Source.Broadcast = quote, "b1"
		if change != nil {
			change(&r)
		}
		return d.Checkout(t.Context(), r)
	}
	good := issue(q)
	if r, err := buy(good, nil); err != nil || r.Orders[0].Total != 1900 || r.Orders[0].State != shop.Paid {
		t.Fatalf("%+v %v", r, err)
	}
	foreign, expired, yen := q, q, q
	foreign.Broadcast, expired.Expires, yen.Price.Currency = "b2", time.Now(), "JPY"
	for name, c := range map[string]struct {
		quote  string
		change func(*checkout.Request)
		want   error
	}{
		"altered":                {good[:len(good)-3] + "abc", nil, shop.ErrQuoteInvalid},
		"cut":                    {good[:20], nil, shop.ErrQuoteInvalid},
		"another text":           {"hello", nil, shop.ErrQuoteInvalid},
		"of an unknown key":      {strings.Replace(good, ".k1.", ".k2.", 1), nil, shop.ErrQuoteInvalid},
		"expired":                {issue(expired), nil, shop.ErrQuoteExpired},
		"of another broadcast":   {issue(foreign), nil, shop.ErrQuoteForeign},
		"of another variant":     {good, func(r *checkout.Request) { r.Lines[0].Variant = other.ID }, shop.ErrQuoteForeign},
		"in another currency":    {issue(yen), nil, shop.ErrCurrencyDiffers},
		"of an unknown variant":  {"", func(r *checkout.Request) { r.Lines[0].Variant = "nothing" }, shop.ErrVariantUnknown},
		"of another shop":        {"", func(r *checkout.Request) { r.Shop = "another" }, shop.ErrVariantForeign},
		"with no instrument":     {"", func(r *checkout.Request) { r.Instrument = "" }, shop.ErrInstrument},
		"with somebody's card":   {"", func(r *checkout.Request) { r.Instrument = "01936a5c-0000-7000-8000-00000000f001" }, shop.ErrInstrument},
		"of nothing":             {"", func(r *checkout.Request) { r.Lines = nil }, shop.ErrNoLines},
		"of 1,000 lines":         {"", func(r *checkout.Request) { r.Lines = make([]checkout.RequestLine, 1000) }, shop.ErrTooManyLines},
		"of no units":            {"", func(r *checkout.Request) { r.Lines[0].Quantity = 0 }, shop.ErrQuantity},
		"of minus one unit":      {"", func(r *checkout.Request) { r.Lines[0].Quantity = -1 }, shop.ErrQuantity},
		"of absurdly many units": {"", func(r *checkout.Request) { r.Lines[0].Quantity = 1<<63 - 1 }, shop.ErrQuantity},
		"under an absurd key":    {"", func(r *checkout.Request) { r.Key = strings.Repeat("k", 256) }, shop.ErrKeyInvalid},
	} {
		if _, err := buy(c.quote, c.change); !errors.Is(err, c.want) {
			t.Errorf("a quote or claim %s: %v, want %v", name, err, c.want)
		}
	}
	if s := d.stock(t, v.ID); s.OnHand != 99 || s.Reserved != 0 {
		t.Fatalf("refusals moved stock: %+v", s)
	}
}

func TestWhatWasAcceptedIsFinishedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := &slowStore{Model: &shoptest.Model{}, gate: make(chan struct{})}
	d := open(t, s)
	v := shoptest.Stocked(t, d.store, "shop", 100)
	answers := make(chan error, 20)
	for i := range 20 {
		go func() {
			r, err := d.buy(string(rune('a'+i)), "k", v.ID, payment.TokenApproved)
			if err == nil && r.Orders[0].State != shop.Paid {
				err = errors.New("state " + string(r.Orders[0].State))
			}
			answers <- err
		}()
	}
	for d.Waiting() < 20 { // all are in
		runtime.Gosched()
	}
	ended := make(chan struct{})
	go func() { d.close(); close(ended) }()
	close(s.gate)
	for range 20 {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	<-ended
	if _, err := d.buy("late", "k", v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrBusy) {
		t.Fatalf("after the end: %v", err)
	}
}
