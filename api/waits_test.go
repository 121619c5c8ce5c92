package api_test

import (
	"testing"
	"time"
)

// until asks until the answer's state is the wanted one.
func (m *market) until(path, bearer, state string) object {
	m.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if got := m.ask(200, "GET", path, bearer, nil); got["state"] == state {
			return got
		}
	}
	m.t.Fatalf("%s is not %s after 30 s", path, state)
	return nil
}

func TestABuyerWaitsForWhatIsSoldOut(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	seller, _, product, variant := m.open(1)
	_, first := m.join()
	_, second := m.join()
	_, other := m.join()
	wait := "/v1/variants/" + variant + "/wait"
	m.ask(401, "PUT", wait, "", nil)
	m.ask(404, "PUT", "/v1/variants/nothing/wait", first, nil)
	for _, method := range []string{"GET", "DELETE"} {
		if got := m.ask(200, method, wait, first, nil); got["state"] != "none" {
			t.Fatalf("%s: %v", method, got)
		}
	}
	if got := m.ask(409, "PUT", wait, first, nil); got["code"] != "in-stock" {
		t.Fatalf("%v", got)
	}
	m.ask(201, "POST", "/v1/checkout", other, cart(variant, 1))
	if got := m.ask(200, "PUT", wait, first, nil); got["state"] != "waiting" || got["position"] != 1.0 {
		t.Fatalf("%v", got)
	}
	if got := m.ask(200, "PUT", wait, second, nil); got["position"] != 2.0 || got["number"] != 2.0 {
		t.Fatalf("%v", got)
	}
	if got := m.ask(200, "GET", "/v1/products/"+product, "", nil)["variants"].([]any)[0].(object)["waiting"]; got != 2.0 {
		t.Fatalf("%v wait", got)
	}
	m.ask(201, "POST", "/v1/variants/"+variant+"/stock", seller, object{"delta": 1, "reason": "found in the back"})
	if got := m.until(wait, first, "offered"); got["until"] == nil || got["position"] != nil {
		t.Fatalf("%v", got)
	}
	// It is kept for the first: the gate's "sold out" holds for everybody else.
	for _, bearer := range []string{other, second} {
		if got := m.ask(409, "POST", "/v1/checkout", bearer, cart(variant, 1)); got["code"] != "sold-out" {
			t.Fatalf("%v", got)
		}
	}
	m.ask(201, "POST", "/v1/checkout", first, cart(variant, 1))
	if got := m.ask(200, "GET", wait, first, nil); got["state"] != "taken" {
		t.Fatalf("%v", got)
	}
	m.ask(201, "POST", "/v1/variants/"+variant+"/stock", seller, object{"delta": 1, "reason": "found in the back"})
	m.until(wait, second, "offered")
	if got := m.ask(200, "DELETE", wait, second, nil); got["state"] != "left" {
		t.Fatalf("%v", got)
	}
	if got := m.ask(200, "GET", "/v1/me/waits", second, nil)["items"].([]any); len(got) != 1 || got[0].(object)["state"] != "left" {
		t.Fatalf("%v", got)
	}
	m.ask(201, "POST", "/v1/checkout", other, cart(variant, 1))
}
