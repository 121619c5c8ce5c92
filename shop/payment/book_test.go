package payment_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

func TestEveryMovementStandsInTheBook(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	book, err := payment.OpenBook(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &payment.Sandbox{Book: book, Secret: []byte("0123456789abcdef0123456789abcdef"), Now: func() time.Time { return time.UnixMilli(1_800_000_000_000) }}
	euros := shop.Money{Amount: 2900, Currency: "EUR"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, token := range []string{payment.TokenApproved, payment.TokenDeclined} {
				r, err := s.Charge(t.Context(), shop.Charge{Key: "k" + token, OrderID: "o", Amount: euros, Token: token})
				if err != nil {
					t.Error(err)
				}
				if r.State == shop.PaymentPaid {
					if err := s.Refund(t.Context(), "r", r.Ref, euros); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	moved, err := payment.ReadBook(f)
	if err != nil {
		t.Fatal(err)
	}
	refs, kinds := map[string]bool{}, map[payment.MovementKind]int{}
	for _, m := range moved {
		refs[m.Ref] = true
		kinds[m.Kind]++
		if m.Amount != euros {
			t.Errorf("%+v", m)
		}
	}
	if len(refs) != 1 || kinds[payment.MovedCharge] != 8 || kinds[payment.MovedRefund] != 8 {
		t.Fatal(refs, kinds)
	}
}

func TestATornBookIsSeen(t *testing.T) {
	t.Parallel()
	if _, err := payment.ReadBook(strings.NewReader("{}\n{\"at\"")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Fatal(err)
	}
	var none *payment.Book
	if none.Note(payment.Movement{}) != nil || none.Close() != nil {
		t.Fatal("no book is no error")
	}
}
