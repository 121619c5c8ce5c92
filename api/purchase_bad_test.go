package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
)

// untouched wants a variant to have all its units still, and nobody to have an order of it.
func (m *market) untouched(variant string, units int64) {
	m.t.Helper()
	found, err := m.store.Variants(m.t.Context(), []string{variant})
	if err != nil || len(found) != 1 || found[0].Stock.OnHand != units || found[0].Stock.Reserved != 0 {
		m.t.Errorf("refusals moved stock: %+v %v", found, err)
	}
	orders, err := m.store.Orders(m.t.Context(), shop.OrderQuery{Scope: shop.Scope{Any: true}, Limit: 1000})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, o := range orders {
		for _, l := range o.Lines {
			if l.Variant == variant {
				m.t.Errorf("a refusal is order %s", o.ID)
			}
		}
	}
}

// quoted issues a quote of ours.
func (m *market) quoted(variant, broadcast, currency string, amount int64, good time.Duration) string {
	m.t.Helper()
	text, err := m.Checkout.Quotes.Issue(shop.Quote{
		Variant: variant, Broadcast: broadcast, Price: shop.Money{Amount: amount, Currency: currency}, Expires: m.Checkout.Quotes.Now().Add(good),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// Whatever a purchase may have wrong, it is said over a connection in the problem's own words, by the way that checkouts
// usually take and by the general one, and nothing moves.
func TestEveryBadPurchaseHasItsOwnProblem(t *testing.T) {
	t.Parallel()
	const units = 10
	m := newMarket(t)
	seller, home, _, variant := m.open(units)
	m.shows.shop = home
	_, _, _, foreign := m.open(units)
	archived := m.ask(201, "POST", "/v1/shops/"+home+"/products", seller, object{
		"title": "gone", "price": object{"amount": 100, "currency": "EUR"}, "variants": []object{{"title": "M", "stock": units}},
	})["variants"].([]any)[0].(object)["id"].(string)
	m.ask(200, "PATCH", "/v1/variants/"+archived, seller, object{"state": "archived"})
	_, buyer := m.join()
	s := httptest.NewServer(m.Handler())
	defer s.Close()

	line := func(of string, quantity any, quote string) string {
		text, err := json.Marshal(object{"variant": of, "quantity": quantity, "quote": quote})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ours := m.quoted(variant, "show", "EUR", 100, time.Minute)
	for name, c := range map[string]struct{ lines, code string }{
		"no units":                          {line(variant, 0, ""), "bad-quantity"},
		"minus one unit":                    {line(variant, -1, ""), "bad-quantity"},
		"-2^63 units":                       {line(variant, int64(-1<<63), ""), "bad-quantity"},
		"2^63-1 units":                      {line(variant, int64(1<<63-1), ""), "bad-quantity"},
		"2^63 units":                        {line(variant, uint64(1<<63), ""), "invalid"},
		"2^63-1 units, and as many":         {line(variant, int64(1<<63-1), "") + "," + line(variant, int64(1<<63-1), ""), "bad-quantity"},
		"2^64+1 units":                      {strings.Replace(line(variant, 7, ""), "7", "18446744073709551617", 1), "invalid"},
		"an unknown variant":                {line(uuid.NewString(), 1, ""), "unknown-variant"},
		"an archived variant":               {line(archived, 1, ""), "archived-variant"},
		"another shop's variant":            {line(foreign, 1, ""), "foreign-variant"},
		"ours and another shop's":           {line(variant, 1, "") + "," + line(foreign, 1, ""), "foreign-variant"},
		"ours and an archived one":          {line(variant, 1, "") + "," + line(archived, 1, ""), "archived-variant"},
		"a quote in another currency":       {line(variant, 1, m.quoted(variant, "show", "USD", 100, time.Minute)), "currency-differs"},
		"a quote that is none":              {line(variant, 1, "hq1.e30.k1.AAAA"), "bad-quote"},
		"a quote with another signature":    {line(variant, 1, ours[:len(ours)-4]+"AAAA"), "bad-quote"},
		"a quote of an unknown key":         {line(variant, 1, strings.Replace(ours, ".k1.", ".k2.", 1)), "bad-quote"},
		"a quote with another one's price":  {line(variant, 1, crossed(ours, m.quoted(variant, "show", "EUR", 1, time.Minute))), "bad-quote"},
		"a quote that has just expired":     {line(variant, 1, m.quoted(variant, "show", "EUR", 100, 0)), "quote-expired"},
		"a quote that expired a year ago":   {line(variant, 1, m.quoted(variant, "show", "EUR", 100, -365*24*time.Hour)), "quote-expired"},
		"a quote of another broadcast":      {line(variant, 1, m.quoted(variant, "another show", "EUR", 100, time.Minute)), "foreign-quote"},
		"another variant's quote":           {line(variant, 1, m.quoted(foreign, "show", "EUR", 100, time.Minute)), "foreign-quote"},
		"a good line and a quote of nobody": {line(variant, 1, "") + "," + line(variant, 1, "x"), "bad-quote"},
		"1,000 lines":                       {strings.TrimSuffix(strings.Repeat(line(variant, 1, "")+",", 1000), ","), "too-many-lines"},
		"no lines":                          {"", "empty-cart"},
	} {
		body := `{"lines":[` + strings.ReplaceAll(c.lines, `,"quote":""`, "") + `],"instrument":"sandbox_approved","broadcast":"show"}`
		for _, headers := range [][]string{nil, general} {
			status, header, got := over(t, s, buyer, body, headers...)
			if status != 422 || got["code"] != c.code || header.Get("Content-Type") != "application/problem+json" || got["title"] == "" {
				t.Errorf("%s (%q): %d %v, want %s", name, headers, status, got, c.code)
			}
		}
	}
	m.untouched(variant, units)
	m.untouched(foreign, units)
	m.untouched(archived, units)
	if status, _, got := over(t, s, buyer, `{"lines":[`+line(variant, 1, ours)+`],"instrument":"sandbox_approved","broadcast":"show"}`); status != 201 || got["total"].(object)["amount"] != 100.0 {
		t.Errorf("the same with nothing wrong: %d %v", status, got)
	}
}

// crossed is one quote's text under the other's signature.
func crossed(signature, text string) string {
	a, b := strings.Split(signature, "."), strings.Split(text, ".")
	return strings.Join(append(b[:2:2], a[2:]...), ".")
}

// over sends a checkout over a connection.
func over(t *testing.T, s *httptest.Server, bearer, body string, headers ...string) (int, http.Header, object) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/checkout", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	out := object{}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatalf("%d %s: %v", resp.StatusCode, text, err)
	}
	return resp.StatusCode, resp.Header, out
}

// A place in line is good once, when its turn has come, for the buyer who got it.
func TestAPlaceInLineIsItsBuyersOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newLine(t)
		seller, _, _, variant := m.open(10)
		token := m.integrator(seller)
		place := m.lineUp(token, variant, 1)[0]
		buy := func(status int, code, buyer, key, place string) object {
			t.Helper()
			wish := cart(variant, 1)
			wish["buyer_ref"], wish["place"] = buyer, place
			got := m.ask(status, "POST", "/v1/checkout", token, wish, "Idempotency-Key", key)
			if status >= 300 && got["code"] != code {
				t.Errorf("%s with %.40s: %v, want %s", buyer, place, got, code)
			}
			return got
		}
		parts := strings.Split(place, ".")
		for name, forged := range map[string]string{
			"no place": "x", "cut": place[:len(place)/2], "another signature": place[:len(place)-4] + "AAAA", "an unknown key": strings.Replace(place, ".k1.", ".k2.", 1),
			"another's signature": strings.Join(append([]string{parts[0], "A" + parts[1][1:]}, parts[2:]...), "."), "a quote": m.quoted(variant, "", "EUR", 1, time.Minute), "dots": "hp1...",
		} {
			buy(422, "bad-place", "buyer0", "forged "+name, forged)
		}
		buy(403, "foreign-place", "thief", "shared before the turn", place)
		if got := buy(503, "queued", "buyer0", "too early", place)["queue"].(object); got["state"] != "waiting" || got["position"].(float64) < 1 {
			t.Errorf("a place that has no turn yet: %v", got)
		}
		m.untouched(variant, 10)
		for turn := false; !turn; {
			turn = m.ask(200, "GET", "/v1/queue/"+place+"?buyer_ref=buyer0&wait=20", token, nil)["state"] == "turn"
		}
		buy(403, "foreign-place", "thief", "shared at the turn", place)
		var tabs sync.WaitGroup
		var bought, over atomic.Int64
		for i := range 10 { // at once, each another purchase
			tabs.Go(func() {
				wish := cart(variant, 1)
				wish["buyer_ref"], wish["place"] = "buyer0", place
				switch w := m.send("POST", "/v1/checkout", token, wish, "Idempotency-Key", fmt.Sprint("tab ", i)); {
				case w.Code == 201:
					bought.Add(1)
				case w.Code == 410 && strings.Contains(w.Body.String(), `"place-over"`):
					over.Add(1)
				default:
					t.Errorf("tab %d: %d %s", i, w.Code, w.Body)
				}
			})
		}
		tabs.Wait()
		if bought.Load() != 1 || over.Load() != 9 {
			t.Errorf("one turn bought %d times, %d were told that it is over", bought.Load(), over.Load())
		}
		buy(410, "place-over", "buyer0", "replayed", place)
		if got := m.ask(410, "GET", "/v1/queue/"+place+"?buyer_ref=buyer0", token, nil); got["code"] != "place-over" {
			t.Errorf("a used place: %v", got)
		}
		if found, err := m.store.Variants(t.Context(), []string{variant}); err != nil || found[0].Stock.OnHand != 9 || found[0].Stock.Reserved != 0 {
			t.Errorf("%+v %v", found, err)
		}
	})
}

// A clock that jumps ahead, back, and is set right: a quote is good by the clock as it stands, at the price that it says;
// a key is the same purchase before, meanwhile and after.
func TestAClockThatJumpsSellsNothingTwice(t *testing.T) {
	t.Parallel()
	var wrong atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
	m := newMarket(t, func(a *checkout.Allocator) {
		a.Now, a.Quotes.Now = now, now
	})
	_, home, _, variant := m.open(5)
	m.shows.shop = home
	_, buyer := m.join()
	quote := m.quoted(variant, "show", "EUR", 100, time.Minute)
	wish := object{"lines": []object{{"variant": variant, "quantity": 1, "quote": quote}}, "instrument": "sandbox_approved", "broadcast": "show"}
	first := m.ask(201, "POST", "/v1/checkout", buyer, wish, "Idempotency-Key", "before")
	for i, jump := range []time.Duration{time.Hour, -time.Hour, 24 * 365 * time.Hour, -24 * 365 * time.Hour, 0} {
		wrong.Store(int64(jump))
		key := fmt.Sprint("jump ", i)
		if jump > 0 {
			if got := m.ask(422, "POST", "/v1/checkout", buyer, wish, "Idempotency-Key", key); got["code"] != "quote-expired" {
				t.Errorf("%v ahead: %v", jump, got)
			}
		} else {
			got := m.ask(201, "POST", "/v1/checkout", buyer, wish, "Idempotency-Key", key)
			if again := m.ask(201, "POST", "/v1/checkout", buyer, wish, "Idempotency-Key", key); again["order_id"] != got["order_id"] || again["total"].(object)["amount"] != 100.0 {
				t.Errorf("%v: one key is %v and %v", jump, got, again)
			}
		}
		if jump < 30*24*time.Hour { // beyond that nobody can tell an old key
			if again := m.ask(201, "POST", "/v1/checkout", buyer, wish, "Idempotency-Key", "before"); again["order_id"] != first["order_id"] {
				t.Errorf("%v: the first purchase is another one: %v", jump, again)
			}
		}
	}
	if found, err := m.store.Variants(context.WithoutCancel(t.Context()), []string{variant}); err != nil || found[0].Stock.OnHand != 1 || found[0].Stock.Reserved != 0 {
		t.Errorf("four of five were bought: %+v %v", found, err)
	}
}
