package streamingsql_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
	"github.com/hawkerlive/hawker/streaming/streamingtest"
)

func TestLeasesAgreeWithTheModel(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		r := rand.New(rand.NewPCG(1, 2))
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		rows, model := &streamingsql.Store{DB: db}, &streamingtest.Model{}
		stores := []streaming.Store{rows, model}
		both := []streaming.Leases{streamingsql.Leases{DB: db}, &streamingtest.Leases{Model: model}}
		same := func(call string, answer func(l streaming.Leases) ([]string, error)) {
			t.Helper()
			got, err := answer(both[0])
			want, modelErr := answer(both[1])
			if err != nil || modelErr != nil {
				t.Fatal(call, err, modelErr)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s (- model, + rows):\n%s", call, diff)
			}
		}
		for n := range 12 {
			for _, s := range stores {
				id := fmt.Sprint("b", n)
				state := streaming.Draft
				if n%4 == 3 {
					state = streaming.Rehearsal
				}
				if err := s.Create(t.Context(), streaming.Broadcast{ID: id, ChannelID: "c" + id, ShopID: "s", Title: "Linen", State: state, CreatedAt: now}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for n := range 250 {
			now = now.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
			node, id := fmt.Sprint("n", r.IntN(3)), fmt.Sprint("b", r.IntN(12))
			switch r.IntN(8) {
			case 0:
				to := []streaming.State{streaming.Live, streaming.Interrupted, streaming.Live, streaming.Ended}[r.IntN(4)]
				if r.IntN(3) > 0 && to == streaming.Ended {
					to = streaming.Live
				}
				for _, s := range stores { // where it may not, it may not for both
					_, _ = s.Move(t.Context(), streaming.Move{ID: id, To: to, At: now})
				}
			case 1:
				same("release", func(l streaming.Leases) ([]string, error) { return nil, l.Release(t.Context(), node) })
			case 2, 3:
				same(fmt.Sprint(n, " free"), func(l streaming.Leases) ([]string, error) { return l.Free(t.Context(), now) })
			default:
				h := streaming.Holding{Node: node, At: now, Until: now.Add(15 * time.Second)}
				for k := range 12 {
					switch r.IntN(6) {
					case 0:
						h.Publishing = append(h.Publishing, fmt.Sprint("b", k))
					case 1, 2:
						h.Waiting = append(h.Waiting, fmt.Sprint("b", k))
					}
				}
				same(fmt.Sprintf("%d hold %+v", n, h), func(l streaming.Leases) ([]string, error) { return l.Hold(t.Context(), h) })
			}
		}
	})
}
