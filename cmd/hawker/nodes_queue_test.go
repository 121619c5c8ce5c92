package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/store/redistest"
)

// The waiting room of two nodes is one: a place that one gave stands at the other, where it goes on in the same line, and
// its turn buys wherever the buyer asks, once.
func TestNodesShareTheirWaitingRoom(t *testing.T) {
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	h := houseOf(t, server.URL())
	one, two := h.nodes[0], h.nodes[1]

	const others = 400
	var ids []string
	for n := range others { // at the first node
		p, err := one.allocator.Room.Line.Join(t.Context(), checkout.Joining{Buyer: fmt.Sprint("other", n), Variants: []string{h.variant}, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	until(t, "the second node to hear of the line", 10*time.Second, func() bool { return two.allocator.Room.Waiting() > 0 })

	wish := map[string]any{"lines": []any{map[string]any{"variant": h.variant, "quantity": 1}}, "instrument": "sandbox_approved"}
	status, text := h.try(t, two, http.MethodPost, "/v1/checkout", "queued", wish, nil)
	var problem struct {
		Code  string
		Queue struct {
			Place    string
			Position int
		}
	}
	if err := json.Unmarshal([]byte(text), &problem); err != nil || status != 503 || problem.Code != "queued" || problem.Queue.Position < 1 {
		t.Fatalf("%d %s", status, text)
	}
	var stands struct {
		State    string
		Position int
	}
	h.call(t, one, http.MethodGet, "/v1/queue/"+problem.Queue.Place, nil, &stands)
	if stands.State == "waiting" && (stands.Position < 1 || stands.Position > problem.Queue.Position) {
		t.Fatalf("at one node number %d, at the other %d", problem.Queue.Position, stands.Position)
	}
	for n, id := range ids { // they go, at either node
		if err := h.nodes[n%2].allocator.Room.Line.Use(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the turn", 30*time.Second, func() bool {
		h.call(t, one, http.MethodGet, "/v1/queue/"+problem.Queue.Place, nil, &stands)
		return stands.State == "turn"
	})
	wish["place"] = problem.Queue.Place
	var order struct{ State string }
	if status, text := h.try(t, one, http.MethodPost, "/v1/checkout", "queued", wish, &order); status != 201 || order.State != "paid" {
		t.Fatalf("%d %s", status, text)
	}
	until(t, "the used place to be over at the other node", 5*time.Second, func() bool {
		status, text := h.try(t, two, http.MethodPost, "/v1/checkout", "queued again", wish, nil)
		return status >= 400 && status < 500 && len(text) > 0
	})
}

// lined is a buyer at the end of a waiting room that many others stand in.
type lined struct {
	house    *house
	others   []string
	place    string
	position int
}

func (h *house) lineUp(t *testing.T, others int) *lined {
	t.Helper()
	l := &lined{house: h}
	for n := range others {
		p, err := h.nodes[0].allocator.Room.Line.Join(t.Context(), checkout.Joining{Buyer: fmt.Sprint("other", n), Variants: []string{h.variant}, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		l.others = append(l.others, p.ID)
	}
	until(t, "the second node to hear of the line", 10*time.Second, func() bool { return h.nodes[1].allocator.Room.Waiting() > 0 })
	var problem struct {
		Queue struct {
			Place    string
			Position int
		}
	}
	status, text := h.try(t, h.nodes[1], http.MethodPost, "/v1/checkout", "in line", h.wish(""), nil)
	if err := json.Unmarshal([]byte(text), &problem); err != nil || status != 503 || problem.Queue.Position < others/2 {
		t.Fatalf("%d %s", status, text)
	}
	l.place, l.position = problem.Queue.Place, problem.Queue.Position
	return l
}

func (h *house) wish(place string) map[string]any {
	out := map[string]any{"lines": []any{map[string]any{"variant": h.variant, "quantity": 1}}, "instrument": "sandbox_approved"}
	if place != "" {
		out["place"] = place
	}
	return out
}

// stands follows the place through the time that its line needs to answer again: nobody hears of a fault of ours, who is
// told that it is their turn can buy, and the place is not behind where it was. Then everybody leaves.
func (l *lined) stands(t *testing.T) {
	t.Helper()
	h, silent, turns, began := l.house, 0, 0, time.Now()
	for n, a := range h.nodes {
		until(t, "the line", 30*time.Second, func() bool {
			var s struct {
				State    string
				Position int
			}
			status, text := h.try(t, a, http.MethodGet, "/v1/queue/"+l.place, "", struct{}{}, &s)
			switch {
			case status == 503:
				silent++
			case status == 410:
				t.Fatalf("node %d forgot the place: %s", n, text)
			case status != 200:
				t.Fatalf("node %d: %d %s", n, status, text)
			case s.State == "turn": // the line is away for so long that everybody passes
				turns++
				if status, text := h.try(t, a, http.MethodPost, "/v1/checkout", "passes", h.wish(l.place), nil); status != 201 && status != 200 && status != 503 {
					t.Fatalf("node %d: %d %s", n, status, text)
				}
			default:
				if s.Position > l.position || s.Position < l.position/2 {
					t.Fatalf("number %d, it was %d", s.Position, l.position)
				}
				return true
			}
			return false
		})
	}
	t.Logf("number %d of the line has its place again after %v; before that %d answers that the line is silent, %d that everybody passes", l.position, time.Since(began).Round(time.Millisecond), silent, turns)
	for _, a := range h.nodes {
		for _, id := range l.others {
			if err := a.allocator.Room.Line.Use(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		l.others = nil
	}
	until(t, "the turn", 30*time.Second, func() bool {
		return h.nodes[0].allocator.Room.Waiting() == 0 && h.nodes[1].allocator.Room.Waiting() == 0
	})
}
