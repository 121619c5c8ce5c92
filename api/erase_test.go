package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// TestAnErasedPersonIsNowhere erases somebody who did everything that leaves traces, on both engines, and on SQLite
// looks into the bytes of the files too.
func TestAnErasedPersonIsNowhere(t *testing.T) {
	t.Parallel()
	for _, engine := range storetest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c := storetest.Config(t, engine)
			h := furnishOn(t, c)
			const email, password = "Zubaida.Quill@example.com", "correct horse"
			order := h.live(t, email, password)
			bearer, _, _, err := h.Accounts.LogIn(t.Context(), email, password)
			if err != nil {
				t.Fatal(err)
			}
			traces := apitest.Erase(t, h.Server, bearer, password, []*store.DB{h.db}, h.blobDir)
			if len(apitest.Rows(t, h.db, order)) == 0 {
				t.Error("the order went with the person: facts stay")
			}
			if err := h.end(); err != nil {
				t.Fatal(err)
			}
			if engine != store.SQLite {
				return
			}
			for _, found := range apitest.Files(t, c.Dir, append(traces, strings.ToLower(email))...) {
				t.Errorf("after closing, %s", found)
			}
		})
	}
}

// live lets somebody leave traces wherever one can, and returns the id of an order.
func (h *house) live(t *testing.T, email, password string) (order string) {
	t.Helper()
	ctx := t.Context()
	id := h.post(t, "", "/v1/accounts", object{"email": email, "password": password, "name": "Zubaida Quill"}, 201)["id"].(string)
	bearer := h.post(t, "", "/v1/sessions", object{"email": email, "password": password}, 201)["token"].(string)
	address := h.post(t, bearer, "/v1/me/addresses", object{
		"name": "Z. Quill-Marrow", "line1": "Gasse der Lampen 17", "line2": "Hof Zwei", "city": "Köln", "zip": "50667", "country": "DE", "phone": "+49 221 5550199",
	}, 201)["id"]
	h.post(t, bearer, "/v1/tokens", object{"name": "Zubaida Quill's till", "scopes": []string{}}, 201)
	h.post(t, bearer, "/v1/me/instruments", object{"provider": payment.SandboxName, "token": payment.TokenApproved}, 201)
	owner, err := h.Accounts.SignUp(ctx, account.SignUp{Email: "owner@example.com", Password: password, Name: "Owner"})
	if err != nil {
		t.Fatal(err)
	}
	place, err := h.Accounts.CreateShop(ctx, owner, account.Shop{Name: "Souk", Currency: "EUR", TimeZone: "UTC", Locale: "en"})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Accounts.SetMember(ctx, account.Owner{Shop: place.ID}, id, account.RoleFinance); err != nil {
		t.Fatal(err)
	}
	v := h.stocked(t, account.Owner{Shop: place.ID})
	bought := h.post(t, bearer, "/v1/checkout", object{
		"lines": []object{{"variant": v.ID, "quantity": 1}}, "instrument": payment.TokenApproved, "ship_to": address,
	}, 201)
	return bought["order_id"].(string)
}

func (h *house) post(t *testing.T, bearer, path string, body object, status int) object {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "Zubaida.Quill@example.com")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	out := object{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
