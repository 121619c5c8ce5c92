package shopsql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

var (
	seed  = flag.Uint64("seed", 20261120, "seed of the random program")
	calls = flag.Int("calls", 0, "calls of the random program; 0: 10,000, or 2,000 with -race")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

type engine struct {
	name string
	open func(t *testing.T) *store.DB
}

// engines opens empty databases of both engines. PostgreSQL need not wait for its disk here: nothing crashes.
var engines = []engine{
	{"sqlite", func(t *testing.T) *store.DB { return storetest.Open(t, store.SQLite, store.Hawker) }},
	{"postgres", func(t *testing.T) *store.DB {
		c := storetest.Config(t, store.Postgres)
		c.Database += map[bool]string{true: "&", false: "?"}[strings.Contains(c.Database, "?")] + "synchronous_commit=off"
		db, err := store.Open(context.Background(), c, store.Hawker)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}},
}

func each(t *testing.T, on []engine, fn func(t *testing.T, db *store.DB)) {
	for _, e := range on {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			fn(t, e.open(t))
		})
	}
}

func TestARandomProgramGivesTheModelsAnswers(t *testing.T) {
	n := *calls
	if n == 0 {
		n = programCalls
	}
	program, model := shoptest.Program(*seed, n)
	each(t, engines, func(t *testing.T, db *store.DB) {
		s := &shopsql.Store{DB: db}
		shoptest.Replay(t, s, program)
		shoptest.CompareFacts(t, facts(t, db), model.Facts())
		a, err := s.Verify(context.Background())
		if err != nil || len(a.Breaks) > 0 {
			t.Fatalf("%v %v", a.Breaks, err)
		}
		t.Logf("%d calls: %d orders, %d ledger entries, %d variants", n, a.Orders, a.Entries, a.Variants)
	})
}

// facts reads the outbox in the order in which it was written.
func facts(t *testing.T, db *store.DB) (out []event.Event) {
	t.Helper()
	err := db.View(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Query(context.Background(), `SELECT id, topic, kind, v, media_time, at, data FROM outbox ORDER BY id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e event.Event
			var data sql.RawBytes
			if err := rows.Scan(&e.ID, &e.Topic, &e.Kind, &e.V, &e.MediaTime, &e.At, &data); err != nil {
				return err
			}
			e.Data = json.RawMessage(strings.Clone(string(data)))
			out = append(out, e)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
