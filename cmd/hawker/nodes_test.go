package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Several nodes on one PostgreSQL, that reach each other through Redis only: what one is told, the others show; and
// with Redis stopped, hung, emptied or replaced by a replica everybody goes on buying and sees what is pinned.
func TestNodesAreOneShop(t *testing.T) {
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	h := houseOf(t, server.URL())
	one, two := h.nodes[0], h.nodes[1]

	h.pins(t, "all is well")
	token, _, p, err := one.accounts.OpenSession(t.Context(), h.owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.accounts.Authenticate(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := one.accounts.LogOut(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	until(t, "the other node to forget a session", 5*time.Second, func() bool {
		_, err := two.accounts.Authenticate(t.Context(), token)
		return err != nil
	})
	t.Logf("a session that ended on one node is refused on the other after %v", time.Since(began).Round(time.Millisecond))

	for _, fault := range []struct {
		name       string
		begin, end func() error
	}{
		{"redis hangs", server.Hang, server.Resume},
		{"redis is emptied", func() error { return server.Do("FLUSHALL") }, func() error { return nil }},
		{"redis is gone", func() error { server.Kill(); return nil }, server.Again},
	} {
		if err := fault.begin(); err != nil {
			t.Fatal(err)
		}
		h.pins(t, fault.name)
		if err := fault.end(); err != nil {
			t.Fatal(err)
		}
		h.pins(t, "after "+fault.name)
	}
	h.leave(t)
}

func TestNodesOutliveAMasterOfTheirCluster(t *testing.T) {
	cluster, err := redistest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	h := houseOf(t, "redis://"+strings.Join(cluster.Addrs(), ","), "checkout.room.rate", "1", "checkout.room.opening", "1ms")
	h.pins(t, "all is well")
	line := h.lineUp(t, 300)
	for master := range 2 {
		if err := cluster.FailOver(master); err != nil {
			t.Fatal(err)
		}
		if master == 0 { // which the line is kept by
			line.stands(t)
		}
		h.pins(t, fmt.Sprintf("after master %d was replaced", master))
	}
}

// leave takes the first node away. Who followed there goes on at the other from where they were, or is told of a gap; in the
// end they know all that happened.
func (h *house) leave(t *testing.T) {
	t.Helper()
	v, two := h.viewers[0], h.nodes[1]
	h.call(t, h.nodes[0], "PUT", "/v1/broadcasts/"+h.broadcast+"/pins/"+h.product, struct{}{}, nil)
	until(t, "a pin before the node goes", 30*time.Second, func() bool { return v.shows(t) })
	was, since := v.version, v.position
	if err := h.nodes[0].stop(); err != nil {
		t.Fatal(err)
	}
	h.call(t, two, "DELETE", "/v1/broadcasts/"+h.broadcast+"/pins/"+h.product, struct{}{}, nil)
	began := time.Now()
	v.stop()
	v.node = two
	v.follow(t, since)
	until(t, "what happened while nobody was there", 30*time.Second, func() bool { return !v.shows(t) })
	if v.version != was+1 {
		t.Errorf("a viewer who went to the other node has version %d after %d", v.version, was)
	}
	// Positions are good at every node, but for those that a node gave while it was without Redis: these are a gap.
	t.Logf("a viewer whose node went away had everything from the other after %v, with %d scenes loaded anew", time.Since(began).Round(time.Millisecond), v.reloads)
	h.nodes = h.nodes[1:]
	h.buy(t)
}

// house is a shop served by two nodes, with a broadcast on air and a viewer's feed on each.
type house struct {
	nodes     []*app
	owner     string
	bearer    string
	broadcast string
	product   string
	variant   string
	viewers   []*viewer
	bought    int
	price     int64
}

// card is a pin as far as it is looked at here.
type card struct {
	Variants []struct {
		ID    string
		Price struct{ Amount int64 }
	}
}

func (c card) price() int64 {
	if len(c.Variants) != 1 {
		return 0
	}
	return c.Variants[0].Price.Amount
}

// seenScene is a scene as far as it is looked at here.
type seenScene struct {
	Position string
	Version  int64
	Pins     []card
}

func houseOf(t *testing.T, redis string, settings ...string) *house {
	t.Helper()
	dir, database := t.TempDir(), storetest.Config(t, store.Postgres).Database
	h := &house{price: 900}
	for n := range 2 {
		with := map[string]string{"database": database, "redis": redis, "ready_file": fmt.Sprint(dir, "/ready", n), "broadcast.grace": "1h"}
		for pair := range slices.Chunk(settings, 2) {
			with[pair[0]] = pair[1]
		}
		a, err := boot(dir, with)
		if err != nil {
			t.Fatal(err, bootLog)
		}
		t.Cleanup(func() {
			if err := a.stop(); err != nil {
				t.Error(err)
			}
		})
		h.nodes = append(h.nodes, a)
	}
	ctx, one := t.Context(), h.nodes[0]
	var err error
	if h.owner, err = one.accounts.SignUp(ctx, account.SignUp{Email: "owner@example.com", Password: "correct horse", Name: "Noor"}); err != nil {
		t.Fatal(err)
	}
	if h.bearer, _, _, err = one.accounts.OpenSession(ctx, h.owner); err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	var made struct{ ID string }
	h.call(t, one, "POST", "/v1/shops", object{"name": "Souk", "currency": "EUR", "time_zone": "UTC", "locale": "en"}, &made)
	shopID := made.ID
	h.call(t, one, "POST", "/v1/shops/"+shopID+"/channels", object{"name": "Live", "handle": "souk"}, &made)
	h.call(t, one, "POST", "/v1/channels/"+made.ID+"/broadcasts", object{"title": "Night market"}, &made)
	h.broadcast = made.ID
	var p shop.Product
	h.call(t, one, "POST", "/v1/shops/"+shopID+"/products", object{"title": "Lantern", "price": object{"amount": 900, "currency": "EUR"}, "variants": []object{{"title": "Red", "stock": 100000}}}, &p)
	h.product, h.variant = p.ID, p.Variants[0].ID
	pub, err := one.hub.Publish(ctx, h.broadcast, []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000, Zero: mediatime.Time(0)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pub.Close)
	now := time.Now() // nothing is sent: it is on air by its record, so that everybody may follow
	if _, err := one.broadcasts.Store.Move(ctx, streaming.Move{ID: h.broadcast, To: streaming.Live, At: now, Anchors: mediatime.Anchors{{Generation: 1, Wall: now}}}); err != nil {
		t.Fatal(err)
	}
	for _, a := range h.nodes {
		v := &viewer{house: h, node: a}
		v.watch(t)
		h.viewers = append(h.viewers, v)
	}
	return h
}

// call speaks to one node as the owner.
func (h *house) call(t *testing.T, a *app, method, path string, body, into any) {
	t.Helper()
	if status, text := h.try(t, a, method, path, "", body, into); status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
}

func (h *house) try(t *testing.T, a *app, method, path, key string, body, into any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.addresses["http"]+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.bearer)
	r.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if into != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, string(text)
}

// pins has one node pin and unpin, and everybody see it, wherever they are; and everybody buy meanwhile.
func (h *house) pins(t *testing.T, when string) {
	t.Helper()
	path := "/v1/broadcasts/" + h.broadcast + "/pins/" + h.product
	for turn, a := range h.nodes {
		began := time.Now()
		h.call(t, a, "PUT", path, struct{}{}, nil)
		for n, v := range h.viewers {
			until(t, fmt.Sprintf("%s: the pin of node %d at node %d", when, turn, n), 30*time.Second, func() bool { return v.shows(t) })
		}
		seen := time.Since(began)
		h.reprice(t, h.nodes[1-turn], when)
		h.buy(t)
		began = time.Now()
		h.call(t, a, "DELETE", path, struct{}{}, nil)
		for n, v := range h.viewers {
			until(t, fmt.Sprintf("%s: the end of the pin of node %d at node %d", when, turn, n), 30*time.Second, func() bool { return !v.shows(t) })
		}
		t.Logf("%s: a pin of node %d was seen everywhere after %v and was gone after %v", when, turn, seen.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	}
}

// reprice changes the price of what is pinned, and has everybody see the new one: on the card, and who comes in anew.
func (h *house) reprice(t *testing.T, a *app, when string) {
	t.Helper()
	h.price++
	h.call(t, a, "PATCH", "/v1/variants/"+h.variant, map[string]any{"price": map[string]any{"amount": h.price, "currency": "EUR"}}, nil)
	for n, v := range h.viewers {
		until(t, fmt.Sprintf("%s: the new price at node %d", when, n), 30*time.Second, func() bool { return v.shows(t) && v.price == h.price })
		until(t, fmt.Sprintf("%s: the new price for who comes in at node %d", when, n), 30*time.Second, func() bool {
			scene := v.scene(t)
			return len(scene.Pins) == 1 && scene.Pins[0].price() == h.price
		})
	}
}

// buy buys one on each node.
func (h *house) buy(t *testing.T) {
	t.Helper()
	for _, a := range h.nodes {
		h.bought++
		began := time.Now()
		body := map[string]any{"lines": []any{map[string]any{"variant": h.variant, "quantity": 1}}, "instrument": "sandbox_approved"}
		var out struct{ State string }
		if status, text := h.try(t, a, "POST", "/v1/checkout", fmt.Sprint("key-", h.bought), body, &out); status != 201 || out.State != "paid" {
			t.Fatalf("checkout: %d %s", status, text)
		}
		if took := time.Since(began); took > 30*time.Second { // a request that waits for Redis would hang
			t.Errorf("a checkout took %v", took)
		}
	}
}

// viewer follows a broadcast as the page does: it loads the scene, follows from its position, drops what is older than
// the scene, and loads the scene again when it is told of a gap.
type viewer struct {
	house   *house
	node    *app
	lines   chan string
	stop    context.CancelFunc
	pinned  bool
	price   int64 // on the card
	version int64

	position string // of the last frame
	reloads  int    // since it began to follow
}

// scene is what who comes in finds.
func (v *viewer) scene(t *testing.T) (scene seenScene) {
	t.Helper()
	until(t, "the scene", 20*time.Second, func() bool {
		status, _ := v.house.try(t, v.node, "GET", "/v1/broadcasts/"+v.house.broadcast+"/scene", "", nil, &scene)
		return status == 200
	})
	return scene
}

// watch loads the scene and follows from it.
func (v *viewer) watch(t *testing.T) {
	t.Helper()
	if v.stop != nil {
		v.stop()
	}
	scene, reloads := v.scene(t), v.reloads
	v.pinned, v.version = len(scene.Pins) > 0, scene.Version
	if v.pinned {
		v.price = scene.Pins[0].price()
	}
	v.follow(t, scene.Position)
	v.reloads = reloads + 1
}

// follow follows the feed from a position.
func (v *viewer) follow(t *testing.T, since string) {
	t.Helper()
	v.position, v.reloads = since, 0
	ctx, stop := context.WithCancel(t.Context())
	v.stop, v.lines = stop, make(chan string, 1000)
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.node.addresses["http"]+"/v1/broadcasts/"+v.house.broadcast+"/feed?since="+since, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	var resp *http.Response
	until(t, "the feed", 20*time.Second, func() bool {
		if resp, err = http.DefaultClient.Do(r); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			return true
		}
		resp.Body.Close()
		return false
	})
	go func(lines chan<- string) {
		defer close(lines)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}(v.lines)
}

// shows tells whether the viewer sees a pin, after all that has arrived.
func (v *viewer) shows(t *testing.T) bool {
	t.Helper()
	for {
		select {
		case line, more := <-v.lines:
			if !more || strings.HasPrefix(line, "event: gap") || strings.Contains(line, `"gap"`) {
				v.watch(t)
				return v.pinned
			}
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok {
				continue
			}
			var f struct {
				To     string
				Events []struct {
					Kind string
					Data struct {
						Version int64
						Pin     json.RawMessage // a card, or the id of one that went
						Variant string
						Price   struct{ Amount int64 }
					}
				}
			}
			if err := json.Unmarshal([]byte(data), &f); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			if f.To != "" {
				v.position = f.To
			}
			for _, e := range f.Events {
				if e.Kind == "price.changed" && e.Data.Variant == v.house.variant {
					v.price = e.Data.Price.Amount
				}
				if e.Data.Version <= v.version {
					continue
				}
				switch e.Kind {
				case "pin.placed":
					var c card
					if err := json.Unmarshal(e.Data.Pin, &c); err != nil {
						t.Fatalf("%v in %q", err, line)
					}
					v.pinned, v.version, v.price = true, e.Data.Version, c.price()
				case "pin.removed":
					v.pinned, v.version = false, e.Data.Version
				}
			}
		default:
			return v.pinned
		}
	}
}
