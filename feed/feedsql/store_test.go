package feedsql_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/feed/feedsql"
	"github.com/hawkerlive/hawker/feed/feedtest"
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
		stores := map[string]feed.Store{"model": &feedtest.Model{}}
		for _, e := range storetest.Engines {
			s := &feedsql.Store{Main: storetest.Open(t, e, store.Hawker), Activity: storetest.Open(t, e, store.Activity)}
			if err := s.Main.Update(t.Context(), func(tx *store.Tx) error {
				for n := range 2 {
					if _, err := tx.Exec(t.Context(), `INSERT INTO shop (id, name, currency, time_zone, locale, created_at) VALUES ($1, 'Souk', 'EUR', 'UTC', 'en', 1)`, fmt.Sprintf("shop%02d", n)); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			stores[string(e)] = s
		}
		feedtest.Same(t, seed, 400, stores)
	}
}
