package viewssql_test

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/dashboard/views/viewssql"
	"github.com/hawkerlive/hawker/dashboard/views/viewstest"
	"github.com/hawkerlive/hawker/event"
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
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		viewstest.RunStore(t, &viewssql.Store{DB: db}, func() (out []event.Event) {
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
		})
	})
}
