package api_test

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// house is the API over the real services.
type house struct {
	*api.Server
	db         *store.DB
	broadcasts *streaming.Broadcasts
	blobDir    string
}

func furnish(t *testing.T) *house {
	t.Helper()
	return furnishOn(t, storetest.Config(t, store.SQLite))
}

func furnishOn(t *testing.T, c store.Config) *house {
	t.Helper()
	sealer, err := account.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h := &house{blobDir: t.TempDir()}
	if h.db, err = store.Open(t.Context(), c, store.Hawker); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.close() })
	accounts := &account.Service{Store: &accountsql.Store{DB: h.db}, Sealer: sealer, Log: log, Passwords: account.Passwords{MemoryKiB: 8, Passes: 1}}
	h.broadcasts = &streaming.Broadcasts{Store: &streamingsql.Store{DB: h.db}, Hub: &streaming.Hub{Log: log}, Channels: accounts, Log: log}
	h.Server = &api.Server{Log: log, Accounts: accounts, Broadcasts: h.broadcasts}
	return h
}

func (h *house) databases() []*store.DB { return []*store.DB{h.db} }

// close closes the databases once.
func (h *house) close() error {
	if h.db == nil {
		return nil
	}
	db := h.db
	h.db = nil
	return db.Close()
}

// live lets somebody leave traces.
func (h *house) live(t *testing.T, id, bearer string) {
	t.Helper()
	ctx := t.Context()
	p, err := h.Accounts.Authenticate(ctx, bearer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Accounts.AddAddress(ctx, id, account.Address{Name: "Z. Quill-Marrow", Line1: "Gasse der Lampen 17", Line2: "Hof Zwei", City: "Köln", Zip: "50667", Country: "DE", Phone: "+49 221 5550199"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Accounts.CreateToken(ctx, p, account.Token{Name: "Zubaida Quill's till"}); err != nil {
		t.Fatal(err)
	}
	name := "Zubaida Quill"
	if _, err := h.Accounts.UpdatePerson(ctx, id, account.PersonChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	k := account.ReplayKey{Account: id, Route: "POST /v1/me/addresses", Key: "Zubaida Quill", Body: []byte(`{"name":"Zubaida Quill"}`)}
	if _, err := h.Accounts.BeginReplay(ctx, k); err != nil {
		t.Fatal(err)
	}
	if err := h.Accounts.EndReplay(ctx, k, []byte("Gasse der Lampen 17")); err != nil {
		t.Fatal(err)
	}
}

// things tells how the rooms' things are made.
func (h *house) things() apitest.Things {
	return apitest.Things{
		api.KindBroadcast: {Make: func(t *testing.T, o account.Owner) string {
			b, err := h.broadcasts.Create(t.Context(), o.Channel, "Night market", time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			return b.ID
		}, Belongs: apitest.OfChannel},
	}
}

// TestEveryRoleOnEveryRoute walks every route as everybody, on own, foreign and missing ids.
func TestEveryRoleOnEveryRoute(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	apitest.Walk(t, h.Server, h.things())
}
