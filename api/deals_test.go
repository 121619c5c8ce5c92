package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// withDeals lets the stage's shop have deals, on a show whose clock stands at ten minutes.
func withDeals(t *testing.T) *stage {
	s := newStage(t)
	s.Overlay.Deals, s.Claims = s.rows, s.rows
	s.Overlay.Lead = -1
	s.edge = 600_000_000
	s.house.Checkout.Seen = func(_ context.Context, broadcast, session string) (string, bool) {
		return "whep", broadcast == s.show && session == "view"
	}
	return s
}

func (s *stage) dealBody() object {
	return object{"product": s.product, "price": object{"amount": 1900, "currency": "EUR"}, "quantity": 3, "per_buyer": 1, "countdown_s": 10, "duration_s": 60}
}

// buy answers with the status and the problem's name.
func (s *stage) buy(t *testing.T, key, variant, quote string, more object) (status int, code string, out struct {
	OrderID string `json:"order_id"`
	State   string
	Total   shop.Money
}) {
	t.Helper()
	line := object{"variant": variant, "quantity": 1}
	if quote != "" {
		line["quote"] = quote
	}
	body := object{"lines": []object{line}, "broadcast": s.show, "instrument": payment.TokenApproved}
	for k, v := range more {
		body[k] = v
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/checkout", bytes.NewReader(encode(t, body)))
	r.Header.Set("Authorization", "Bearer "+s.owner)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var problem struct{ Type string }
	decode(t, w.Body.Bytes(), &problem)
	decode(t, w.Body.Bytes(), &out)
	return w.Code, problem.Type[strings.LastIndexByte(problem.Type, '/')+1:], out
}

func TestADealThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := withDeals(t)
	s.house.Instruments.Public = true
	at := "/v1/broadcasts/" + s.show + "/deals"
	var d overlay.DealRecord
	s.call(t, http.MethodPost, at, s.owner, s.dealBody(), 201, &d)
	for field, bad := range map[string]any{
		"price": object{"amount": 2900, "currency": "EUR"}, "quantity": 0, "per_buyer": 4, "countdown_s": 9, "duration_s": 1201, "product": "nothing", "variants": []string{"nothing"},
		"starts_at": "2020-01-01T00:00:00Z",
	} {
		body := s.dealBody()
		body[field] = bad
		s.call(t, http.MethodPost, at, s.owner, body, 422, nil)
	}
	s.call(t, http.MethodPost, at+"/"+d.ID+"/start", "", nil, 401, nil)
	s.call(t, http.MethodPost, at+"/nothing/start", s.owner, nil, 404, nil)
	s.call(t, http.MethodPost, at+"/"+d.ID+"/start", s.owner, object{"media_time": 1}, 422, nil)
	s.call(t, http.MethodPost, at+"/"+d.ID+"/start", s.owner, object{"media_time": 700_000_000}, 422, nil)
	s.call(t, http.MethodPost, at+"/"+d.ID+"/start", s.owner, object{"media_time": 599_000_000}, 200, &d)
	if d.State != shop.DealAnnounced || d.Opens != 610_000_000 {
		t.Fatalf("%+v", d)
	}
	var scene overlay.Scene
	s.call(t, http.MethodGet, "/v1/broadcasts/"+s.show+"/scene", "", nil, 200, &scene)
	if len(scene.Deals) != 1 {
		t.Fatalf("%+v", scene.Deals)
	}
	offer := scene.Deals[0].Variants[0]
	if status, code, _ := s.buy(t, "early", offer.ID, offer.Quote, nil); status != 409 || code != "deal-not-open" {
		t.Fatal(status, code)
	}
	s.opened(t, d.ID, 0)
	offer = s.offer(t)
	if status, code, out := s.buy(t, "one", offer.ID, offer.Quote, nil); status != 201 || out.Total.Amount != 1900 {
		t.Fatal(status, code, out)
	}
	if status, code, _ := s.buy(t, "two", offer.ID, offer.Quote, nil); status != 422 || code != "limit-reached" {
		t.Fatal(status, code)
	}
	if status, code, out := s.buy(t, "three", offer.ID, "", nil); status != 201 || out.Total.Amount != 2900 {
		t.Fatal("over the deal's limit today's price is the list's", status, code, out)
	}
	if status, code, _ := s.buy(t, "four", offer.ID, offer.Quote[:len(offer.Quote)-3]+"abc", nil); status != 422 || code != "bad-quote" {
		t.Fatal(status, code)
	}
	s.edge = 620_000_000
	s.call(t, http.MethodPost, at+"/"+d.ID+"/end", s.owner, nil, 200, &d)
	if d.State != shop.DealEnded || d.Reason != shop.DealByCreator {
		t.Fatalf("%+v", d)
	}
	s.ended(t, d.ID, 20*time.Second)
	if status, code, _ := s.buy(t, "five", offer.ID, offer.Quote, object{"instrument": payment.TokenApproved}); status != 409 || code != "deal-ended" {
		t.Fatal(status, code)
	}
	var list struct{ Items []overlay.DealRecord }
	s.call(t, http.MethodGet, at, s.owner, nil, 200, &list)
	s.call(t, http.MethodGet, at, "", nil, 401, nil)
	if len(list.Items) != 1 || list.Items[0].Left != 2 {
		t.Fatalf("%+v", list.Items)
	}
}

func TestAFairDealThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := withDeals(t)
	s.house.Instruments.Public = true
	at := "/v1/broadcasts/" + s.show + "/deals"
	body := s.dealBody()
	body["fair"] = true
	var d overlay.DealRecord
	s.call(t, http.MethodPost, at, s.owner, body, 201, &d)
	s.call(t, http.MethodGet, at+"/"+d.ID+"/draw", "", nil, 404, nil) // nobody knows of it yet
	s.call(t, http.MethodPost, at+"/"+d.ID+"/start", s.owner, nil, 200, &d)
	var scene overlay.Scene
	s.call(t, http.MethodGet, "/v1/broadcasts/"+s.show+"/scene", "", nil, 200, &scene)
	card := scene.Deals[0]
	if len(card.Commitment) != 64 || card.Seed != "" || !card.Fair {
		t.Fatalf("%+v", card)
	}
	s.opened(t, d.ID, 0)
	offer := s.offer(t)
	if status, code, _ := s.buy(t, "one", offer.ID, offer.Quote, nil); status != 422 || code != "deal-alone" {
		t.Fatal("without a view that the server serves", status, code)
	}
	view := object{"view_session": "view", "media_time": 601_000_000}
	status, code, claim := s.buy(t, "two", offer.ID, offer.Quote, view)
	if status != 202 || claim.State != "claimed" || claim.Total.Amount != 1900 {
		t.Fatal(status, code, claim)
	}
	if status, _, again := s.buy(t, "two", offer.ID, offer.Quote, view); status != 202 || again.OrderID != claim.OrderID {
		t.Fatal(status, again)
	}
	if status, code, _ := s.buy(t, "three", offer.ID, offer.Quote, view); status != 409 || code != "deal-claimed" {
		t.Fatal(status, code)
	}
	var order struct{ State string }
	s.call(t, http.MethodGet, "/v1/orders/"+claim.OrderID, s.owner, nil, 200, &order)
	if order.State != "claimed" {
		t.Fatal(order)
	}
	s.call(t, http.MethodGet, "/v1/orders/"+claim.OrderID, "", nil, 401, nil)
	s.opened(t, d.ID, 5*time.Second) // the window is over
	if status, code, _ := s.buy(t, "late", offer.ID, offer.Quote, object{"view_session": "view"}); status != 503 || code != "deal-draws" {
		t.Fatal(status, code)
	}
	draw(t, s)
	s.call(t, http.MethodGet, "/v1/orders/"+claim.OrderID, s.owner, nil, 200, &order)
	if order.State != "paid" && order.State != "held" {
		t.Fatal(order)
	}
	var drawn overlay.Draw
	s.call(t, http.MethodGet, at+"/"+d.ID+"/draw", "", nil, 200, &drawn)
	if !drawn.Drawn || shop.Commitment(drawn.Seed) != card.Commitment || len(drawn.Claims) != 1 || !drawn.Claims[0].Won ||
		drawn.Claims[0].Key != shop.DrawKey(drawn.Seed, claim.OrderID) || len(drawn.Transports) != 1 || drawn.Transports[0].Transport != "whep" {
		t.Fatalf("%+v", drawn)
	}
}

type held struct{ s *stage }

func (h held) Draw(ctx context.Context, deal string) error {
	return h.s.house.Checkout.Draw(ctx, h.s.rows, deal)
}

// draw has the deals moved along until the draw was held.
func draw(t *testing.T, s *stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	dealer := &overlay.Dealer{Service: s.Overlay, Drawer: held{s}, Log: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	go func() { done <- dealer.Run(ctx) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ready := false; !ready; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("no draw was held")
		}
		found, err := s.rows.Deals(ctx, s.show)
		ready = err == nil && found[0].Drawn
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// opened moves a deal's times so that it opened so long ago.
func (s *stage) opened(t *testing.T, deal string, ago time.Duration) {
	t.Helper()
	s.moved(t, deal, func(d *shop.Deal) { d.OpensAt, d.State = time.Now().Add(-ago), shop.DealOpen })
}

func (s *stage) ended(t *testing.T, deal string, ago time.Duration) {
	t.Helper()
	s.moved(t, deal, func(d *shop.Deal) { d.EndsAt = time.Now().Add(-ago) })
}

func (s *stage) moved(t *testing.T, deal string, change func(d *shop.Deal)) {
	t.Helper()
	_, err := s.rows.ChangeDeal(t.Context(), deal, func(d *shop.Deal) ([]event.Event, bool, error) {
		change(d)
		return nil, true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// offer is what the deal's card offers on its opening frame, with a quote of now.
func (s *stage) offer(t *testing.T) overlay.DealOffer {
	t.Helper()
	var scene overlay.Scene
	s.call(t, http.MethodGet, "/v1/broadcasts/"+s.show+"/scene?at=610000000", "", nil, 200, &scene)
	if len(scene.Deals) != 1 || scene.Deals[0].State != "open" || len(scene.Deals[0].Variants) != 1 {
		t.Fatalf("%+v", scene.Deals)
	}
	return scene.Deals[0].Variants[0]
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}
