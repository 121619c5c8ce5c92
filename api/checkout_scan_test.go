package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// FuzzScanWish: what the scanner takes is what encoding/json reads, strictly, and nothing that the schema refuses.
func FuzzScanWish(f *testing.F) {
	for _, seed := range []string{
		`{"lines":[{"variant":"v","quantity":1}],"instrument":"i"}`,
		` {"instrument" : "i", "lines": [ {"quantity": -12, "variant":"v", "quote":"q"} , {"variant":"w","quantity":9223372036854775807} ], "media_time":0, "pin":"p"} `,
		`{"lines":[],"instrument":""}`, `{"lines":[{"variant":"v","quantity":00}],"instrument":"i"}`, `{"lines":[{"variant":"\u0041","quantity":1}],"instrument":"i"}`,
		`{"lines":[{"variant":"v","quantity":1e3}],"instrument":"i"}`, `{"lines":[{"variant":"v","quantity":1},],"instrument":"i"}`, `{"Lines":[],"instrument":"i"}`, "{", "[]", `{"lines":[{}],"instrument":"i"}`,
		`{"lines":[{"variant":"v","quantity":1}],"instrument":"i","instrument":"j"}`, `{"lines":[{"variant":"v","quantity":-}],"instrument":"i"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := scanWish(body)
		if !ok {
			return
		}
		var want checkoutWish
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%+v\n%+v\n%v", body, got, want, err)
		}
		if got.MediaTime < 0 || len(got.Instrument) > 64 || got.Lines == nil {
			t.Fatalf("took %+v", got)
		}
	})
}

// FuzzReceipt: the hand-written texts are those of encoding/json.
func FuzzReceipt(f *testing.F) {
	f.Add("paid", "title", "sku <b>", int64(1500), int64(1_700_000_000_123), true)
	f.Add("held", "\u2028\xff\"\\", "", int64(-1), int64(0), false)
	f.Fuzz(func(t *testing.T, state, title, sku string, amount, at int64, more bool) {
		when := time.UnixMilli(at % (1 << 45)).UTC()
		if when.Year() < 1 || when.Year() > 9999 {
			return
		}
		sum := OrderSummary{Shop: title, State: state, Total: Money{amount, sku}, PlacedAt: when, ChangedAt: when, Lines: []orderLine{{Title: title, SKU: sku, Quantity: amount, Refunded: amount}}}
		if more {
			sum.HoldUntil, sum.Next, sum.Reason, sum.Broadcast = &when, &nextBody{"redirect", title}, sku, title
			sum.Lines = append(sum.Lines, orderLine{Line: 2, Picture: title, VariantTitle: sku})
		}
		body := checkoutBody{OrderID: title, OrderSummary: sum, Purchase: sku, Orders: []checkoutOrder{{title, sum}, {sku, OrderSummary{Lines: []orderLine{}}}}}
		equal(t, appendReceipt(nil, &body), body)
		p := Problem{Type: title, Title: sku, Status: 409, Code: state, Detail: title, Request: sku, Errors: []ProblemField{{title, sku}, {"", title}}}
		if more {
			p.Queue = &queueBody{Place: title, State: state, Position: amount, Estimate: at, Until: &when}
		}
		equal(t, appendProblem(nil, &p), p)
	})
}

func equal(t *testing.T, got []byte, v any) {
	t.Helper()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("%s\n%s", got, want.Bytes())
	}
}

// TestBusyIsTheSameProblemEitherWay: who is turned away before anything else hears what everybody else hears.
func TestBusyIsTheSameProblemEitherWay(t *testing.T) {
	t.Parallel()
	s := &Server{Log: slog.New(slog.DiscardHandler)}
	want := s.problem(context.WithValue(t.Context(), requestKey{}, &request{id: "id"}), shop.ErrBusy)
	if got := busy("id"); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\n%+v", got, want)
	}
}
