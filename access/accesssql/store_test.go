package accesssql_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/access/accesssql"
	"github.com/hawkerlive/hawker/access/accesstest"
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
		accesstest.Same(t, seed, 600, map[string]access.Store{
			"model":    &accesstest.Model{},
			"sqlite":   &accesssql.Store{DB: storetest.Open(t, store.SQLite, store.Hawker)},
			"postgres": &accesssql.Store{DB: storetest.Open(t, store.Postgres, store.Hawker)},
		})
	}
}
