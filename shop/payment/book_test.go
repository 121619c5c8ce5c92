package payment_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
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

func TestWhatWasTakenIsFoundByAnotherProcess(t *testing.T) {
	t.Parallel()
	path, rows := filepath.Join(t.TempDir(), "book"), &shoptest.Model{}
	process := func() *payment.Sandbox {
		book, err := payment.OpenBook(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { book.Close() })
		return &payment.Sandbox{Book: book, Books: rows, Secret: []byte("0123456789abcdef0123456789abcdef"), Log: slog.New(slog.DiscardHandler)}
	}
	first, second := process(), process()
	for token, want := range map[string]shop.PaymentState{
		payment.TokenApproved: shop.PaymentPaid, payment.TokenDeclined: shop.PaymentUnknown, // it left no trace, and no money was taken
		payment.TokenRequiresAction: shop.PaymentRequiresAction, payment.TokenSlow: shop.PaymentPending,
	} {
		c := charge(token)
		c.Key, c.OrderID = "key of "+token, "order of "+token
		q := payment.Query{Key: c.Key, OrderID: c.OrderID}
		if before, err := second.Find(t.Context(), q); err != nil || before.State != shop.PaymentUnknown || before.OrderID != c.OrderID {
			t.Fatal(before, err)
		}
		told, err := first.Charge(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		found, err := second.Find(t.Context(), q)
		if err != nil || found.State != want || found.Ref != told.Ref || found.OrderID != c.OrderID || (want != shop.PaymentUnknown && found != told) {
			t.Errorf("%s: %+v is found, %v; %+v was told", token, found, err, told)
		}
		if want != shop.PaymentRequiresAction {
			continue
		}
		if _, err := rows.DecideSandboxPayment(t.Context(), told.Ref, payment.SandboxPaid, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if found, err := second.Find(t.Context(), q); err != nil || found.State != shop.PaymentPaid || found.Amount != c.Amount {
			t.Errorf("%+v %v", found, err)
		}
	}
	// What another process is just writing has no end yet.
	torn, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer torn.Close()
	if _, err := torn.WriteString(`{"kind":"cha`); err != nil {
		t.Fatal(err)
	}
	if found, err := second.Find(t.Context(), payment.Query{Key: "another"}); err != nil || found.State != shop.PaymentUnknown {
		t.Error(found, err)
	}
	for range 1000 {
		if _, err := torn.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
	}
	gone, end := context.WithCancel(t.Context())
	end()
	if _, err := second.Find(gone, payment.Query{Key: "another"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	alone := &payment.Sandbox{Books: rows, Secret: first.Secret}
	if found, err := alone.Find(t.Context(), payment.Query{Key: "key of " + payment.TokenApproved}); err != nil || found.State != shop.PaymentUnknown {
		t.Error("without a book nothing is kept", found, err)
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
