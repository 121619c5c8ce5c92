package api_test

import (
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api/apitest"
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
			ctx := t.Context()
			c := storetest.Config(t, engine)
			h := furnishOn(t, c)
			const email, password = "Zubaida.Quill@example.com", "correct horse"
			id, err := h.Accounts.SignUp(ctx, account.SignUp{Email: email, Password: password, Name: "Zubaida Quill"})
			if err != nil {
				t.Fatal(err)
			}
			bearer, _, _, err := h.Accounts.LogIn(ctx, email, password)
			if err != nil {
				t.Fatal(err)
			}
			h.live(t, id, bearer)
			traces := apitest.Erase(t, h.Server, bearer, password, h.databases(), h.blobDir)
			if err := h.close(); err != nil {
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
