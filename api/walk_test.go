package api_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	redistest.Close()
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// TestEveryRoleOnEveryRoute walks every route as everybody, on own, foreign and missing ids.
func TestEveryRoleOnEveryRoute(t *testing.T) {
	t.Parallel()
	h := furnish(t)
	apitest.Walk(t, h.Server, h.things())
}
