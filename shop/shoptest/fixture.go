package shoptest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
)

// Stocked puts a product with one variant on sale, at 29.00 EUR, and returns the variant.
func Stocked(t testing.TB, c shop.Catalogue, shopID string, units int64) shop.Variant {
	t.Helper()
	return Priced(t, c, shopID, units, 2900)
}

// Priced is Stocked at another price.
func Priced(t testing.TB, c shop.Catalogue, shopID string, units, price int64) shop.Variant {
	t.Helper()
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	money := shop.Money{Amount: price, Currency: "EUR"}
	p := shop.Product{
		ID: uuid.Must(uuid.NewV7()).String(), ShopID: shopID, Title: "Linen shirt", Kind: shop.KindGoods, State: shop.Active, Price: money, CreatedAt: at, UpdatedAt: at,
	}
	p.Variants = []shop.Variant{{
		ID: uuid.Must(uuid.NewV7()).String(), ProductID: p.ID, ShopID: shopID, Title: "M", SKU: "LS-M", Price: money, State: shop.Active, Position: 1, Stock: shop.Stock{OnHand: units},
	}}
	if err := c.CreateProduct(context.Background(), p, "seller"); err != nil {
		t.Fatal(err)
	}
	v := p.Variants[0]
	v.Stock = shop.Stock{}.Opening(v.ID, units, "seller", at).After()
	return v
}

// Signer signs with one fixed key, named "k1".
type Signer struct{ Retired atomic.Bool }

var _ shop.Signer = (*Signer)(nil)

// Sign signs.
func (*Signer) Sign(payload []byte) (string, []byte, error) {
	mac := hmac.New(sha256.New, []byte("a key of thirty-two bytes exactly"))
	mac.Write(payload)
	return "k1", mac.Sum(nil), nil
}

// Verify knows k1 until it is retired.
func (s *Signer) Verify(keyID string, payload, mac []byte) bool {
	_, want, _ := s.Sign(payload)
	return keyID == "k1" && !s.Retired.Load() && hmac.Equal(mac, want)
}
