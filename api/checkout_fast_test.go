package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// general is a header that the fast way of a checkout leaves to the general one.
var general = []string{"Accept", "application/json, */*"}

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|sbx_[0-9a-v]+|20\d\d-\d\d-\d\dT[0-9:.]+Z`)

// same compares an answer with the general way's: status, headers, and the text but for ids and times.
func same(t *testing.T, what string, fast, slow *httptest.ResponseRecorder) {
	t.Helper()
	if fast.Code != slow.Code {
		t.Errorf("%s: %d %s, and generally %d %s", what, fast.Code, fast.Body, slow.Code, slow.Body)
		return
	}
	a, b := changing.ReplaceAllString(fast.Body.String(), "#"), changing.ReplaceAllString(slow.Body.String(), "#")
	if strings.TrimSpace(a) != strings.TrimSpace(b) {
		t.Errorf("%s:\n%s\nand generally\n%s", what, a, b)
	}
	for name := range slow.Header() {
		x, y := fast.Header().Values(name), slow.Header().Values(name)
		if name == "X-Request-Id" || name == "Content-Length" {
			continue
		}
		if strings.Join(x, ",") != strings.Join(y, ",") {
			t.Errorf("%s: %s is %q, and generally %q", what, name, x, y)
		}
	}
	if fast.Header().Get("X-Request-Id") == "" {
		t.Errorf("%s: no request id", what)
	}
}

func TestTheFastWayOfACheckoutAnswersLikeTheGeneralOne(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	_, home, _, variant := m.open(1 << 20)
	m.shows.shop = home
	_, buyer := m.join()
	_, _, _, gone := m.open(0)
	m.ask(409, http.MethodPost, "/v1/checkout", buyer, cart(gone, 1)) // from here on the gate knows
	seller, _, _, later := m.open(5)
	m.ask(200, http.MethodPatch, "/v1/variants/"+later, seller, object{"opens_at": "2999-01-01T00:00:00Z"})
	if got := m.ask(409, http.MethodPost, "/v1/checkout", buyer, cart(later, 1)); got["code"] != "not-open" || got["opens_at"] != "2999-01-01T00:00:00Z" {
		t.Errorf("%v", got)
	}
	for what, c := range map[string]struct{ body, bearer string }{
		"paid":             {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved"}`, buyer},
		"everything":       {` { "instrument" : "sandbox_approved" , "broadcast":"show","view_session":"s","pin":"p","media_time":5000000,"return_url":"/b/show?x=1" , "lines" : [ {"quantity":2,"variant":"V"} , {"quantity":1,"variant":"V"} ] } `, buyer},
		"two shops":        {`{"lines":[{"variant":"V","quantity":1},{"variant":"SHIRT","quantity":1}],"instrument":"sandbox_approved"}`, buyer},
		"declined":         {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_declined"}`, buyer},
		"to be confirmed":  {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_requires_action"}`, buyer},
		"sold out":         {`{"lines":[{"variant":"GONE","quantity":1}],"instrument":"sandbox_approved"}`, buyer},
		"not open yet":     {`{"lines":[{"variant":"LATER","quantity":1}],"instrument":"sandbox_approved"}`, buyer},
		"quantity 0":       {`{"lines":[{"variant":"V","quantity":0}],"instrument":"sandbox_approved"}`, buyer},
		"quantity -1":      {`{"lines":[{"variant":"V","quantity":-1}],"instrument":"sandbox_approved"}`, buyer},
		"quantity 2^63":    {`{"lines":[{"variant":"V","quantity":9223372036854775808}],"instrument":"sandbox_approved"}`, buyer},
		"quantity 2^63-1":  {`{"lines":[{"variant":"V","quantity":9223372036854775807}],"instrument":"sandbox_approved"}`, buyer},
		"a fraction":       {`{"lines":[{"variant":"V","quantity":1.5}],"instrument":"sandbox_approved"}`, buyer},
		"01":               {`{"lines":[{"variant":"V","quantity":01}],"instrument":"sandbox_approved"}`, buyer},
		"unknown variant":  {`{"lines":[{"variant":"nothing","quantity":1}],"instrument":"sandbox_approved"}`, buyer},
		"foreign variant":  {`{"lines":[{"variant":"SHIRT","quantity":1}],"instrument":"sandbox_approved","broadcast":"show"}`, buyer},
		"no such show":     {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","broadcast":"none"}`, buyer},
		"the future":       {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","broadcast":"show","media_time":999999999999}`, buyer},
		"before it all":    {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","media_time":-1}`, buyer},
		"forged quote":     {`{"lines":[{"variant":"V","quantity":1,"quote":"hq1.e30.k1.AAAA"}],"instrument":"sandbox_approved"}`, buyer},
		"empty cart":       {`{"lines":[],"instrument":"sandbox_approved"}`, buyer},
		"1000 lines":       {`{"lines":[` + strings.TrimSuffix(strings.Repeat(`{"variant":"V","quantity":1},`, 1000), ",") + `],"instrument":"sandbox_approved"}`, buyer},
		"no instrument":    {`{"lines":[{"variant":"V","quantity":1}]}`, buyer},
		"other instrument": {`{"lines":[{"variant":"V","quantity":1}],"instrument":"somebody's"}`, buyer},
		"no such address":  {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","ship_to":"x"}`, buyer},
		"no integrator":    {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","buyer_ref":"x"}`, buyer},
		"a forged place":   {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","place":"hp1.e30.k1.AAAA"}`, buyer},
		"unknown field":    {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","x":1}`, buyer},
		"a field twice":    {`{"lines":[{"variant":"V","quantity":1,"quantity":2}],"instrument":"sandbox_approved"}`, buyer},
		"null":             {`{"lines":null,"instrument":"sandbox_approved"}`, buyer},
		"an escape":        {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox\u005fapproved"}`, buyer},
		"an arrow":         {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved","pin":"<→>"}`, buyer},
		"not JSON":         {`{"lines":`, buyer},
		"more than one":    {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved"}{}`, buyer},
		"nobody":           {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved"}`, ""},
		"a wrong token":    {`{"lines":[{"variant":"V","quantity":1}],"instrument":"sandbox_approved"}`, "hk_ses_x"},
	} {
		v := shoptest.Stocked(t, m.store, "another <shop> & \u2028", 10)
		body := strings.NewReplacer(`"V"`, `"`+variant+`"`, "GONE", gone, "LATER", later, "SHIRT", v.ID).Replace(c.body)
		fast := m.send(http.MethodPost, "/v1/checkout", c.bearer, body)
		same(t, what, fast, m.send(http.MethodPost, "/v1/checkout", c.bearer, body, general...))
		if fast.Code >= 500 {
			t.Errorf("%s: %d %s", what, fast.Code, fast.Body)
		}
		key := "key of " + what
		if fast.Code == http.StatusCreated {
			first := m.ask(201, http.MethodPost, "/v1/checkout", c.bearer, body, "Idempotency-Key", key)
			again := m.ask(201, http.MethodPost, "/v1/checkout", c.bearer, body, append(general, "Idempotency-Key", key)...)
			if first["order_id"] != again["order_id"] {
				t.Errorf("%s: the two ways do not know each other's keys", what)
			}
		}
	}
	for _, key := range []string{"\x01", strings.Repeat("k", 256), "é"} {
		body := cart(variant, 1)
		fast, slow := m.send(http.MethodPost, "/v1/checkout", buyer, body, "Idempotency-Key", key), m.send(http.MethodPost, "/v1/checkout", buyer, body, append(general, "Idempotency-Key", key)...)
		same(t, "key "+key, fast, slow)
		if fast.Code != 422 {
			t.Errorf("key %q: %d %s", key, fast.Code, fast.Body)
		}
	}
}

// TestAKeyOfAnotherAccountIsAnotherKey: keys are scoped to who sends them.
func TestAKeyOfAnotherAccountIsAnotherKey(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	_, _, _, variant := m.open(10)
	_, one := m.join()
	_, other := m.join()
	a := m.ask(201, http.MethodPost, "/v1/checkout", one, cart(variant, 1), "Idempotency-Key", "k")
	b := m.ask(201, http.MethodPost, "/v1/checkout", other, cart(variant, 1), "Idempotency-Key", "k")
	if a["order_id"] == b["order_id"] {
		t.Fatal("one account's key answers another account's order")
	}
	m.ask(404, http.MethodGet, "/v1/orders/"+a["order_id"].(string), other, nil)
}

// TestAnArchivedVariantAndAnotherCurrencyAreRefused: two rows of what a cart may name wrongly.
func TestAnArchivedVariantAndAnotherCurrencyAreRefused(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, _, _, variant := m.open(10)
	_, buyer := m.join()
	quote, err := m.Checkout.Quotes.Issue(shop.Quote{Variant: variant, Price: shop.Money{Amount: 1, Currency: "USD"}, Expires: m.Checkout.Quotes.Now().Add(1e12)})
	if err != nil {
		t.Fatal(err)
	}
	wish := object{"lines": []object{{"variant": variant, "quantity": 1, "quote": quote}}, "instrument": "sandbox_approved"}
	if got := m.ask(422, http.MethodPost, "/v1/checkout", buyer, wish); got["code"] != "currency-differs" {
		t.Fatalf("%v", got)
	}
	m.ask(200, http.MethodPatch, "/v1/variants/"+variant, seller, object{"state": "archived"})
	if got := m.ask(422, http.MethodPost, "/v1/checkout", buyer, cart(variant, 1)); got["code"] != "archived-variant" {
		t.Fatalf("%v", got)
	}
}

func BenchmarkCheckoutDoor(b *testing.B) {
	m := newMarket(b)
	m.Checkout.QueueFor = 1 << 40
	v := shoptest.Stocked(b, m.store, "shop", 1<<40)
	_, buyer := m.join()
	body, err := json.Marshal(cart(v.ID, 1))
	if err != nil {
		b.Fatal(err)
	}
	for name, headers := range map[string][]string{"fast": nil, "general": general} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if w := m.send(http.MethodPost, "/v1/checkout", buyer, body, headers...); w.Code != 201 {
						b.Error(w.Code, w.Body)
					}
				}
			})
		})
	}
}
