package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accounttest"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// shows knows one broadcast, of one shop, and those that the walk makes.
type shows struct {
	api.Broadcasts
	shop  string
	since time.Duration // that the show's publisher has been there; 0: a minute
	reads int           // of the show
	mu    sync.Mutex
	made  map[string]account.Owner
}

func (s *shows) Get(_ context.Context, id string) (streaming.Broadcast, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.made[id]
	switch {
	case id == "show":
		s.reads++
		return streaming.Broadcast{ID: id, ShopID: s.shop, Anchors: mediatime.Anchors{{Generation: 1, Wall: time.Now().Add(-cmp.Or(s.since, time.Minute))}}}, nil
	case !ok:
		return streaming.Broadcast{}, streaming.ErrNotFound
	}
	return streaming.Broadcast{ID: id, ShopID: o.Shop, ChannelID: o.Channel}, nil
}

func (s *shows) add(o account.Owner) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := uuid.NewString()
	if s.made == nil {
		s.made = map[string]account.Owner{}
	}
	s.made[id] = o
	return id
}

func (s *shows) Rename(context.Context, string, string) (streaming.Broadcast, error) {
	return streaming.Broadcast{}, streaming.ErrTitle
}

func (s *shows) End(context.Context, string) (streaming.Broadcast, error) {
	return streaming.Broadcast{}, streaming.ErrMove
}

func (s *shows) List(context.Context, streaming.Filter) ([]streaming.Broadcast, error) {
	return nil, nil
}

func (s *shows) SetAccess(context.Context, string, streaming.Access) (streaming.Broadcast, error) {
	return streaming.Broadcast{}, streaming.ErrAccess
}

func (s *shows) Rehearse(context.Context, string, string) (streaming.Broadcast, error) {
	return streaming.Broadcast{}, streaming.ErrTitle
}

func (s *shows) CreateFor(context.Context, string, string, time.Time, streaming.Access) (streaming.Broadcast, error) {
	return streaming.Broadcast{}, streaming.ErrTitle
}

// memory keeps blobs.
type memory struct {
	mu sync.Mutex
	by map[string][]byte
}

func (m *memory) Put(_ context.Context, key, _ string, body io.Reader) error {
	b, err := io.ReadAll(body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by[key] = b
	return err
}

func (m *memory) Open(_ context.Context, key string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return io.NopCloser(bytes.NewReader(m.by[key])), nil
}

// market is a server that sells, on the models.
type market struct {
	*api.Server
	t       testing.TB
	store   *shoptest.Model
	sandbox *payment.Sandbox
	shows   *shows
}

func newMarket(t testing.TB, change ...func(a *checkout.Allocator)) *market {
	t.Helper()
	sealer, err := account.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	m := &market{t: t, store: &shoptest.Model{}, shows: &shows{}}
	m.sandbox = &payment.Sandbox{Books: m.store, Secret: make([]byte, 32), Log: log}
	providers := map[string]payment.Provider{payment.SandboxName: m.sandbox}
	instruments := &payment.Instruments{Store: m.store, Providers: providers, Public: true}
	allocator := &checkout.Allocator{
		Store: m.store, Orders: m.store, Instruments: instruments, Providers: providers, Log: log,
		Quotes: &shop.Quotes{Signer: &shoptest.Signer{}, Now: time.Now},
	}
	for _, f := range change {
		f(allocator)
	}
	service := &shop.Service{Catalogue: m.store, Pictures: m.store, Orders: m.store, Ledger: m.store, Waits: m.store, Blobs: &memory{by: map[string][]byte{}}, Changed: allocator.NoteStock, RefundDue: allocator.RefundDue}
	m.sandbox.Deliver = func(ctx context.Context, header map[string][]string, body []byte) error {
		return allocator.Webhook(ctx, payment.SandboxName, header, body)
	}
	people := &accounttest.Model{}
	ring := &account.Ring{Store: people, Sealer: sealer, Log: log}
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Server = &api.Server{
		Log: log, PublicURL: "http://shop.example", Broadcasts: m.shows, Ladders: noLadders{}, Shop: service, Checkout: allocator, Instruments: instruments,
		Accounts: &account.Service{
			Store: people, Sealer: sealer, Log: log, Passwords: account.Passwords{MemoryKiB: 8, Passes: 1}, PublishSigner: ring.For(account.PurposePublish),
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = allocator.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return m
}

type object = map[string]any

func (m *market) send(method, path, bearer string, body any, headers ...string) *httptest.ResponseRecorder {
	m.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		text = b
	case string:
		text = []byte(b)
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			m.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	return w
}

// ask wants a status and decodes the answer.
func (m *market) ask(status int, method, path, bearer string, body any, headers ...string) object {
	m.t.Helper()
	w := m.send(method, path, bearer, body, headers...)
	if w.Code != status {
		m.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	out := object{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			m.t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	return out
}

func (m *market) join() (account, bearer string) {
	m.t.Helper()
	email := uuid.NewString() + "@example.com"
	id := m.ask(201, "POST", "/v1/accounts", "", object{"email": email, "password": "correct horse", "name": "Nour"})["id"].(string)
	return id, m.ask(201, "POST", "/v1/sessions", "", object{"email": email, "password": "correct horse"})["token"].(string)
}

// open opens a shop with one product and returns the seller's bearer, shop, product and variant.
func (m *market) open(stock int) (seller, shop, product, variant string) {
	m.t.Helper()
	_, seller = m.join()
	shop = m.ask(201, "POST", "/v1/shops", seller, object{"name": "=Souk", "currency": "EUR", "time_zone": "UTC", "locale": "en"})["id"].(string)
	p := m.ask(201, "POST", "/v1/shops/"+shop+"/products", seller, object{
		"title": "=cmd|shirt", "price": object{"amount": 2900, "currency": "EUR"}, "compare_at": object{"amount": 3900, "currency": "EUR"},
		"variants": []object{{"title": "M", "sku": "LS-M", "stock": stock}, {"title": "L", "stock": stock, "price": object{"amount": 3100, "currency": "EUR"}}},
	})
	return seller, shop, p["id"].(string), p["variants"].([]any)[0].(object)["id"].(string)
}

func cart(variant string, quantity any) object {
	return object{"lines": []object{{"variant": variant, "quantity": quantity}}, "instrument": "sandbox_approved"}
}

func TestASaleFromTheCatalogueToTheRefund(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, home, product, variant := m.open(3)
	m.shows.shop = home
	_, buyer := m.join()
	address := m.ask(201, "POST", "/v1/me/addresses", buyer, object{"name": "Nour", "line1": "+1 Road", "city": "Berlin", "zip": "10115", "country": "DE"})["id"].(string)
	card := m.ask(201, "POST", "/v1/me/instruments", buyer, object{"provider": "sandbox", "token": "sandbox_approved"})["id"].(string)
	order := object{
		"lines": []object{{"variant": variant, "quantity": 2}}, "instrument": card, "ship_to": address, "broadcast": "show", "pin": "pin", "media_time": 14_000_000, "view_session": "s",
	}
	bought := m.ask(201, "POST", "/v1/checkout", buyer, order, "Idempotency-Key", "k1")
	if bought["state"] != "paid" || bought["total"].(object)["amount"] != 5800.0 || bought["currency"] != "EUR" || len(bought["orders"].([]any)) != 1 {
		t.Fatalf("%v", bought)
	}
	id := bought["order_id"].(string)
	if again := m.ask(201, "POST", "/v1/checkout", buyer, order, "Idempotency-Key", "k1"); again["order_id"] != id {
		t.Fatalf("a retry is another order: %v", again)
	}
	order["pin"] = "other"
	if got := m.ask(422, "POST", "/v1/checkout", buyer, order, "Idempotency-Key", "k1"); got["code"] != "key-reused" {
		t.Fatalf("%v", got)
	}
	if got := m.ask(200, "GET", "/v1/products/"+product, "", nil)["variants"].([]any)[0].(object)["available"]; got != 1.0 {
		t.Fatalf("%v left", got)
	}
	if got := m.ask(409, "POST", "/v1/checkout", buyer, cart(variant, 2)); got["code"] != "sold-out" {
		t.Fatalf("%v", got)
	}
	refund := object{"reason": "too small", "lines": []object{{"line": 1, "quantity": 1, "restock": true}}}
	first := m.ask(201, "POST", "/v1/orders/"+id+"/refunds", seller, refund, "Idempotency-Key", "r1")
	if first["amount"].(object)["amount"] != 2900.0 {
		t.Fatalf("%v", first)
	}
	if again := m.ask(201, "POST", "/v1/orders/"+id+"/refunds", seller, refund, "Idempotency-Key", "r1"); again["id"] != first["id"] {
		t.Fatal("a retry is another refund")
	}
	m.ask(422, "POST", "/v1/orders/"+id+"/refunds", seller, object{"reason": "too small", "lines": []object{{"line": 1, "quantity": 1, "amount": 2901}}})
	m.ask(201, "POST", "/v1/orders/"+id+"/refunds", seller, object{"reason": "too small", "lines": []object{{"line": 1, "quantity": 1}}})
	now := m.ask(200, "GET", "/v1/orders/"+id, buyer, nil)
	if now["state"] != "refunded" || now["lines"].([]any)[0].(object)["refunded_quantity"] != 2.0 || len(now["refunds"].([]any)) != 2 || now["shop_name"] != "=Souk" {
		t.Fatalf("%v", now)
	}
	if got := m.ask(409, "POST", "/v1/orders/"+id+"/cancel", buyer, nil); got["code"] != "wrong-state" {
		t.Fatalf("%v", got)
	}
	if mine := m.ask(200, "GET", "/v1/orders", buyer, nil)["items"].([]any); len(mine) != 1 {
		t.Fatalf("%v", mine)
	}
	if all := m.ask(200, "GET", "/v1/shops/"+home+"/orders?broadcast=show&state=refunded", seller, nil)["items"].([]any); len(all) != 1 {
		t.Fatalf("%v", all)
	}
	m.checkCSV(seller, home, id)
}

func (m *market) checkCSV(seller, home, id string) {
	m.t.Helper()
	w := m.send("GET", "/v1/shops/"+home+"/orders", seller, nil, "Accept", "text/csv")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || w.Code != 200 || len(rows) != 2 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		m.t.Fatalf("%d %v %v", w.Code, rows, err)
	}
	row := map[string]string{}
	for i, name := range rows[0] {
		row[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"Id": id, "Financial Status": "refunded", "Total": "58.00", "Refunded Amount": "58.00", "Lineitem quantity": "2", "Lineitem price": "29.00", "Lineitem name": "'=cmd|shirt - M",
		"Shipping Address1": "'+1 Road", "Vendor": "'=Souk", "Stream ID": "show", "Pin ID": "pin", "Media Time": "14000000", "Lineitem compare at price": "39.00",
	} {
		if row[name] != want {
			m.t.Errorf("%s: %q, want %q", name, row[name], want)
		}
	}
}

// TestPurchasesOfAShowReadItOnce: many in a moment read their show once, and what its newest picture allows is not
// refused by what was known a moment ago.
func TestPurchasesOfAShowReadItOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	_, home, _, variant := m.open(100)
	m.shows.shop = home
	_, buyer := m.join()
	buy := func(status int, at int64) object {
		t.Helper()
		c := cart(variant, 1)
		c["broadcast"], c["media_time"] = "show", at
		return m.ask(status, "POST", "/v1/checkout", buyer, c)
	}
	for range 20 {
		buy(201, 50_000_000)
	}
	if m.shows.reads > 10 { // once in 900 ms; this machine may be slow
		t.Errorf("20 purchases read their show %d times", m.shows.reads)
	}
	m.shows.mu.Lock()
	m.shows.since = time.Hour // a show whose newest picture is later than what is known of it
	m.shows.mu.Unlock()
	buy(201, 1_800_000_000)
	if got := buy(422, 7_200_000_000); got["code"] != "invalid" {
		t.Error(got)
	}
}

func TestBadCheckoutsAreSaidToBeBad(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, home, product, variant := m.open(3)
	m.shows.shop = home
	other, _, _, foreign := m.open(3)
	_, buyer := m.join()
	card := m.ask(201, "POST", "/v1/me/instruments", seller, object{"provider": "sandbox", "token": "sandbox_approved"})["id"].(string)
	with := func(change func(object)) object {
		c := cart(variant, 1)
		change(c)
		return c
	}
	lines := make([]object, 1000)
	for i := range lines {
		lines[i] = object{"variant": variant, "quantity": 1}
	}
	for _, c := range []struct {
		name, bearer string
		body         any
		status       int
		code         string
	}{
		{"nobody", "", cart(variant, 1), 401, "unauthenticated"},
		{"half a body", buyer, `{"lines":`, 400, "invalid"},
		{"an unknown field", buyer, with(func(o object) { o["price"] = 1 }), 422, "invalid"},
		{"no lines", buyer, with(func(o object) { o["lines"] = []object{} }), 422, "empty-cart"},
		{"1,000 lines", buyer, with(func(o object) { o["lines"] = lines }), 422, "too-many-lines"},
		{"no units", buyer, cart(variant, 0), 422, "bad-quantity"},
		{"minus one unit", buyer, cart(variant, -1), 422, "bad-quantity"},
		{"2^63-1 units", buyer, cart(variant, int64(1<<63-1)), 422, "bad-quantity"},
		{"2^63 units", buyer, `{"lines":[{"variant":"` + variant + `","quantity":9223372036854775808}],"instrument":"sandbox_approved"}`, 422, "invalid"},
		{"an unknown variant", buyer, cart(uuid.NewString(), 1), 422, "unknown-variant"},
		{"another seller's product in this show", buyer, with(func(o object) { o["lines"], o["broadcast"] = []object{{"variant": foreign, "quantity": 1}}, "show" }), 422, "foreign-variant"},
		{"an unknown show", buyer, with(func(o object) { o["broadcast"] = "nothing" }), 404, "not-found"},
		{"a forged quote", buyer, with(func(o object) { o["lines"] = []object{{"variant": variant, "quantity": 1, "quote": "hq1.e30.k1.AAAA"}} }), 422, "bad-quote"},
		{"somebody else's card", buyer, with(func(o object) { o["instrument"] = card }), 422, "unknown-instrument"},
		{"somebody else's address", buyer, with(func(o object) { o["ship_to"] = uuid.NewString() }), 422, "invalid"},
		{"for somebody else", buyer, with(func(o object) { o["buyer_ref"] = "x" }), 404, "not-found"},
		{"a frame that has not been yet", buyer, with(func(o object) { o["broadcast"], o["media_time"] = "show", 70_000_000 }), 422, "invalid"},
		{"a negative media time", buyer, with(func(o object) { o["media_time"] = -1 }), 422, "invalid"},
	} {
		w := m.send("POST", "/v1/checkout", c.bearer, c.body)
		var p object
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p["code"] != c.code || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	m.ask(204, "DELETE", "/v1/products/"+product, seller, nil)
	if got := m.ask(422, "POST", "/v1/checkout", buyer, cart(variant, 1)); got["code"] != "archived-variant" {
		t.Errorf("%v", got)
	}
	for name, body := range map[string]object{
		"a negative price": {"title": "a", "price": object{"amount": -1, "currency": "EUR"}, "variants": []object{{"title": "M", "stock": 1}}},
		"another currency": {"title": "a", "price": object{"amount": 1, "currency": "USD"}, "variants": []object{{"title": "M", "stock": 1}}},
		"no currency":      {"title": "a", "price": object{"amount": 1, "currency": "ZZZ"}, "variants": []object{{"title": "M", "stock": 1}}},
		"negative stock":   {"title": "a", "price": object{"amount": 1, "currency": "EUR"}, "variants": []object{{"title": "M", "stock": -1}}},
		"no title":         {"title": " ", "price": object{"amount": 1, "currency": "EUR"}, "variants": []object{{"title": "M", "stock": 1}}},
	} {
		if w := m.send("POST", "/v1/shops/"+home+"/products", seller, body); w.Code != 422 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := m.send("PATCH", "/v1/products/"+product, other, object{"title": "mine"}); w.Code != 404 {
		t.Errorf("another seller's product: %d %s", w.Code, w.Body)
	}
}

func TestAnIntegratorOrdersForItsBuyers(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, _, _, variant := m.open(10)
	token := m.ask(201, "POST", "/v1/tokens", seller, object{"name": "shop system", "scopes": []string{"orders:write:any", "orders:read"}})["token"].(string)
	body := cart(variant, 1)
	body["buyer_ref"] = "customer 17 <nour@example.com>"
	a := m.ask(201, "POST", "/v1/checkout", token, body, "Idempotency-Key", "k")
	body["buyer_ref"] = "customer 18"
	b := m.ask(201, "POST", "/v1/checkout", token, body, "Idempotency-Key", "k")
	if a["order_id"] == b["order_id"] || a["state"] != "paid" {
		t.Fatalf("a key is one buyer's: %v %v", a, b)
	}
	if o := m.ask(200, "GET", "/v1/orders/"+a["order_id"].(string), token, nil); strings.Contains(o["buyer"].(string), "nour") {
		t.Fatal("the order names a person")
	}
	delete(body, "buyer_ref")
	if got := m.ask(403, "POST", "/v1/checkout", token, body); got["code"] != "scope-missing" {
		t.Fatalf("for itself: %v", got)
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, _, product, _ := m.open(1)
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 6))); err != nil {
		t.Fatal(err)
	}
	id := m.ask(200, "PUT", "/v1/products/"+product+"/picture", seller, b.Bytes(), "Content-Type", "image/png")["id"].(string)
	if p := m.ask(200, "GET", "/v1/products/"+product, "", nil); p["picture"] != id {
		t.Fatalf("%v", p)
	}
	w := m.send("GET", "/v1/pictures/"+id, "", nil)
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !bytes.Equal(w.Body.Bytes(), b.Bytes()) {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"no picture":    {[]byte("<svg onload=alert(1)>"), 415},
		"half a header": {b.Bytes()[:12], 415},
		"too wide":      {wide(t), 413},
		"too large":     {make([]byte, shop.PictureBytesMax+1), 413},
	} {
		if w := m.send("PUT", "/v1/products/"+product+"/picture", seller, c.body, "Content-Type", "image/png"); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func wide(t *testing.T) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, shop.PictureSideMax+1, 1))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWebhooksMustBeSigned(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for _, path := range []string{"/v1/payments/webhooks/sandbox", "/v1/payments/webhooks/nobody"} {
		w := m.send("POST", path, "", `{"type":"payment.paid","data":{"order":"o","payment":"p","amount":{"amount":1,"currency":"EUR"}}}`, "webhook-id", "a", "webhook-timestamp", "1", "webhook-signature", "v1,AAAA")
		if w.Code != 401 && w.Code != 404 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := m.send("POST", "/v1/payments/webhooks/sandbox", "", make([]byte, payment.WebhookBytesMax+1)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large one: %d", w.Code)
	}
}

func TestEveryRoleOnEveryRouteOfTheShop(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	product := func(t *testing.T, o account.Owner) shop.Variant { return shoptest.Stocked(t, m.store, o.Shop, 10) }
	apitest.Walk(t, m.Server, apitest.Things{
		api.KindProduct: {Make: func(t *testing.T, o account.Owner) string { return product(t, o).ProductID }, Belongs: apitest.OfShop},
		api.KindVariant: {Make: func(t *testing.T, o account.Owner) string { return product(t, o).ID }, Belongs: apitest.OfShop},
		api.KindOrder: {Make: func(t *testing.T, o account.Owner) string {
			v := product(t, o)
			r, err := m.Checkout.Checkout(t.Context(), checkout.Request{
				Buyer: o.Account, Principal: o.Account, Instrument: payment.TokenRequiresAction, Lines: []checkout.RequestLine{{Variant: v.ID, Quantity: 1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return r.Orders[0].ID
		}, Belongs: apitest.OfBuyer},
		api.KindInstrument: {Make: func(t *testing.T, o account.Owner) string {
			i, err := m.Instruments.Save(t.Context(), o.Account, payment.SandboxName, payment.TokenApproved)
			if err != nil {
				t.Fatal(err)
			}
			return i.ID
		}, Belongs: apitest.OfAccount},
		api.KindBroadcast: {Make: func(_ *testing.T, o account.Owner) string { return m.shows.add(o) }, Belongs: apitest.OfChannel},
	})
}
