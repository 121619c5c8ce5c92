package restreamsql_test

import (
	"os"
	"testing"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/restream/restreamsql"
	"github.com/hawkerlive/hawker/streaming/restream/restreamtest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestStoresAgreeWithTheModel(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) { restreamtest.Same(t, &restreamsql.Store{DB: db}, 3) })
}
