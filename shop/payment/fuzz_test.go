package payment

import (
	"testing"

	"github.com/hawkerlive/hawker/shop"
)

func FuzzNotice(f *testing.F) {
	f.Add([]byte(`{"type":"payment.paid","timestamp":"2026-11-20T12:00:00Z","data":{"payment":"sbx_1","order":"1","amount":{"amount":2900,"currency":"EUR"}}}`))
	f.Add([]byte(`{"type":"payment.declined","data":{"payment":"sbx_1","order":"1"}}`))
	f.Add([]byte(`{"type":"payment.paid","data":{"payment":"p","order":"o","amount":{"amount":-1,"currency":"EUR"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := readNotice(body)
		if err == nil && (r.OrderID == "" || r.Ref == "" || r.State == shop.PaymentPaid && r.Amount.Validate() != nil) {
			t.Fatalf("%s passes as %+v", body, r)
		}
	})
}
