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
