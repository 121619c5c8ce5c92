package chatsql_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/overlay/chat/chatsql"
	"github.com/hawkerlive/hawker/overlay/chat/chattest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// TestTheThreeStoresAgree runs random programs on SQLite, PostgreSQL and the model.
func TestTheThreeStoresAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		chattest.Same(t, seed, 500, map[string]chat.Store{
			"model":    &chattest.Model{},
			"sqlite":   &chatsql.Store{DB: storetest.Open(t, store.SQLite, store.Activity)},
			"postgres": &chatsql.Store{DB: storetest.Open(t, store.Postgres, store.Activity)},
		})
	}
}
