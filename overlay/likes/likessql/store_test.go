package likessql_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/overlay/likes/likessql"
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

func TestCountsAddUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s := &likessql.Store{DB: db}
		for _, taps := range []map[string]int64{{"b": 3, "a": 1}, {"b": 4}} {
			if _, err := s.Add(t.Context(), taps); err != nil {
				t.Fatal(err)
			}
		}
		sums, err := s.Add(t.Context(), map[string]int64{"b": 1})
		if err != nil || sums["b"] != 8 {
			t.Errorf("%v, %v", sums, err)
		}
		for id, want := range map[string]int64{"a": 1, "b": 8, "c": 0} {
			if got, err := s.Count(t.Context(), id); err != nil || got != want {
				t.Errorf("%s: %d, %v", id, got, err)
			}
		}
	})
}
