package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// newLine is a market whose waiting room is open: somebody stands in front who will not buy, and turns come slowly.
func newLine(t testing.TB) *market {
	t.Helper()
	var room *checkout.Room
	m := newMarket(t, func(a *checkout.Allocator) {
		room = &checkout.Room{
			Signer: &shoptest.Signer{}, Log: slog.New(slog.DiscardHandler), Shelves: a.Store.(*shoptest.Model), RateMax: 1,
			Line: &checkout.LineMemory{PerAddress: 1 << 20, Opening: time.Millisecond},
		}
		a.Room = room
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = room.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	for i := range 100 {
		if _, err := room.Line.Join(t.Context(), checkout.Joining{Buyer: fmt.Sprint("somebody", i), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	for tick := time.NewTicker(5 * time.Millisecond); room.Waiting() == 0; <-tick.C {
	}
	return m
}

// lineUp gives an integrator's buyers places for a variant.
func (m *market) lineUp(token, variant string, buyers int) (places []string) {
	m.t.Helper()
	for i := range buyers {
		wish := cart(variant, 1)
		wish["queue"], wish["buyer_ref"] = true, fmt.Sprint("buyer", i)
		got := m.ask(503, "POST", "/v1/checkout", token, wish)
		if got["code"] != "queued" {
			m.t.Fatalf("%v", got)
		}
		places = append(places, got["queue"].(object)["place"].(string))
	}
	return places
}

// integrator makes a token that orders for anybody.
func (m *market) integrator(seller string) string {
	m.t.Helper()
	return m.ask(201, "POST", "/v1/tokens", seller, object{"name": "till", "scopes": []string{"orders:write:any"}})["token"].(string)
}

// TestSoldOutReachesEveryPlaceInLineWithinASecond: whoever bought the last unit, here or at another node, and however far
// back the place is.
func TestSoldOutReachesEveryPlaceInLineWithinASecond(t *testing.T) {
	t.Parallel()
	for what, sell := range map[string]func(m *market, token, variant string){
		"to a buyer of this node": func(m *market, token, variant string) {
			wish := cart(variant, 1)
			wish["buyer_ref"] = "quick"
			m.ask(201, "POST", "/v1/checkout", token, wish)
		},
		"by another node": func(m *market, _, variant string) {
			one, line := "another node's", shop.ClaimLine{Variant: variant, Quantity: 1}
			out, err := m.store.Apply(m.t.Context(), shop.Batch{Now: time.Now(), Claims: []shop.Claim{{
				PurchaseID: "p", Buyer: one, Key: one, Fingerprint: one, Lines: []shop.ClaimLine{line}, Instrument: "sandbox_approved", Provider: "sandbox", HoldUntil: time.Now().Add(time.Hour),
			}}})
			if err = errors.Join(err, out.Outcomes[0].Err); err != nil {
				m.t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const buyers = 500
				m := newLine(t)
				seller, _, _, variant := m.open(1)
				token := m.integrator(seller)
				places := m.lineUp(token, variant, buyers)
				told := make(chan time.Time, buyers)
				var all sync.WaitGroup
				for i, place := range places {
					all.Go(func() {
						got := m.ask(200, "GET", fmt.Sprintf("/v1/queue/%s?buyer_ref=buyer%d&wait=20", place, i), token, nil)
						if got["state"] == "sold_out" {
							told <- time.Now()
						}
					})
				}
				<-time.After(100 * time.Millisecond) // of the bubble: everybody is held
				began := time.Now()
				sell(m, token, variant)
				all.Wait()
				if len(told) != buyers {
					t.Fatalf("%d of %d were told", len(told), buyers)
				}
				for range buyers {
					if late := (<-told).Sub(began); late > time.Second {
						t.Fatalf("somebody was told after %v", late)
					}
				}
			})
		})
	}
}

// TestAHeldQuestionEndsWithNews: a turn, a place that is used up, more tabs than may wait, and the end of the server.
func TestAHeldQuestionEndsWithNews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newLine(t)
		seller, _, _, variant := m.open(5)
		token := m.integrator(seller)
		place := m.lineUp(token, variant, 1)[0]
		path := "/v1/queue/" + place + "?buyer_ref=buyer0&wait="
		m.ask(422, "GET", path+"21", token, nil)
		m.ask(403, "GET", "/v1/queue/"+place+"?buyer_ref=thief&wait=20", token, nil)
		m.ask(422, "GET", "/v1/queue/x?buyer_ref=buyer0&wait=20", token, nil)
		var all sync.WaitGroup
		answers := make(chan time.Duration, 10)
		began := time.Now()
		for range 6 {
			all.Go(func() {
				m.ask(200, "GET", path+"20", token, nil)
				answers <- time.Since(began)
			})
		}
		synctest.Wait()
		if len(answers) != 2 { // of six tabs four may wait
			t.Fatalf("%d were answered at once", len(answers))
		}
		all.Wait()
		for range 6 {
			if took := <-answers; took > 15*time.Second {
				t.Fatalf("held for %v: the line gives up who is silent for 20 s", took)
			}
		}
		for turn := false; !turn; { // a hundred come first, one a second, and none of them has been seen for 20 s
			got := m.ask(200, "GET", path+"20", token, nil)
			turn = got["state"] == "turn"
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Fatalf("the turn came after %v", took)
		}
	})
}

// BenchmarkSoldOutReachesTheLine is how long it takes until thousands of places in line, each with a connection of its
// own to a real server, have heard that the last unit is gone.
func BenchmarkSoldOutReachesTheLine(b *testing.B) {
	const buyers = 5000
	m := newLine(b)
	seller, _, _, variant := m.open(1)
	token := m.integrator(seller)
	places := m.lineUp(token, variant, buyers)
	s := httptest.NewServer(m.Handler())
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: buyers}}
	defer client.CloseIdleConnections()
	ask := func(i, wait int) (state string) {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("%s/v1/queue/%s?buyer_ref=buyer%d&wait=%d", s.URL, places[i], i, wait), nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return ""
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		var got struct{ State string }
		_ = json.NewDecoder(bytes.NewReader(text)).Decode(&got)
		return got.State
	}
	for b.Loop() {
		var all sync.WaitGroup
		told := make([]time.Time, buyers)
		for i := range places {
			all.Go(func() {
				for ask(i, 20) != "sold_out" {
				}
				told[i] = time.Now()
			})
		}
		for tick := time.NewTicker(10 * time.Millisecond); m.Checkout.Room.Held() < buyers*9/10; <-tick.C {
		}
		began := time.Now()
		wish := cart(variant, 1)
		wish["buyer_ref"] = "quick"
		m.ask(201, "POST", "/v1/checkout", token, wish)
		all.Wait()
		slices.SortFunc(told, time.Time.Compare)
		b.ReportMetric(float64(told[buyers/2].Sub(began).Milliseconds()), "ms-p50")
		b.ReportMetric(float64(told[buyers-1].Sub(began).Milliseconds()), "ms-last")
		m.ask(201, "POST", "/v1/variants/"+variant+"/stock", seller, object{"delta": 1, "reason": "found in the back"})
	}
}
