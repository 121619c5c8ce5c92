package overlaysql_test

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay/overlaysql"
	"github.com/hawkerlive/hawker/overlay/overlaytest"
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

func TestTheStoreDoesWhatTheModelDoes(t *testing.T) {
	for _, e := range storetest.Engines {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			overlaytest.RunStore(t, func(t *testing.T) overlaytest.Backend {
				db := storetest.Open(t, e, store.Hawker)
				return overlaytest.Backend{Store: &overlaysql.Store{DB: db}, Facts: func(t testing.TB) []event.Event { return facts(t, db) }}
			})
		})
	}
}

func TestTheModelDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	overlaytest.RunStore(t, func(*testing.T) overlaytest.Backend {
		m := &overlaytest.Model{}
		return overlaytest.Backend{Store: m, Facts: func(testing.TB) []event.Event { return m.Facts() }}
	})
}

// facts reads the outbox in the order of appending: no relay has been here.
func facts(t testing.TB, db *store.DB) (out []event.Event) {
	t.Helper()
	ctx := context.Background()
	err := db.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, topic, kind, v, media_time, at, data FROM outbox ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e event.Event
			var data string
			if err := rows.Scan(&e.ID, &e.Topic, &e.Kind, &e.V, &e.MediaTime, &e.At, &data); err != nil {
				return err
			}
			e.Data = []byte(data)
			out = append(out, e)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
