package dashboardsql_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/dashboardsql"
	"github.com/hawkerlive/hawker/dashboard/dashboardtest"
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
			dashboardtest.RunStore(t, func(t *testing.T) dashboard.Store {
				return &dashboardsql.Store{DB: storetest.Open(t, e, store.Activity)}
			})
		})
	}
}

func TestTheModelDoesWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	dashboardtest.RunStore(t, func(*testing.T) dashboard.Store { return &dashboardtest.Model{} })
}
