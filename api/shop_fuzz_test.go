package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// FuzzCheckout sends anything as a checkout. It is answered with an order or a problem, never with a fault of ours.
func FuzzCheckout(f *testing.F) {
	m := newMarket(f)
	v := shoptest.Stocked(f, m.store, "shop", 1<<40)
	_, buyer := m.join()
	f.Add(`{"lines":[{"variant":"VARIANT","quantity":1}],"instrument":"`+payment.TokenApproved+`"}`, "key")
	f.Add(`{"lines":[{"variant":"VARIANT","quantity":9223372036854775807}],"instrument":"sandbox_late","media_time":1}`, "")
	f.Add(`{"lines":[{"variant":"VARIANT","quantity":1,"quote":"hq1.e30.k1.AAAA"}],"instrument":"sandbox_declined","return_url":"//x"}`, "k")
	f.Add(`{"lines":[{}],"instrument":"sandbox_requires_action","buyer_ref":"x","ship_to":"y"}`, "\x00")
	f.Add(`[]`, strings.Repeat("k", 300))
	f.Fuzz(func(t *testing.T, body, key string) {
		if strings.Contains(body, payment.TokenSlow) || strings.Contains(body, payment.TokenLate) {
			return // these are answered after 3 s
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/checkout", strings.NewReader(strings.ReplaceAll(body, "VARIANT", v.ID)))
		r.Header["Content-Type"] = []string{"application/json"}
		r.Header["Authorization"] = []string{"Bearer " + buyer}
		r.Header["Idempotency-Key"] = []string{key}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if a, err := m.store.Variants(t.Context(), []string{v.ID}); err != nil || a[0].Stock.Reserved < 0 || a[0].Stock.Available() > 1<<40 {
			t.Fatal(a, err)
		}
	})
}
