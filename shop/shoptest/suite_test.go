package shoptest_test

import (
	"testing"

	"github.com/hawkerlive/hawker/shop/shoptest"
)

func TestTheModelKeepsTheRules(t *testing.T) {
	t.Parallel()
	shoptest.RunStore(t, func(*testing.T) shoptest.Store { return &shoptest.Model{} })
	shoptest.RunWaits(t, func(*testing.T) shoptest.Store { return &shoptest.Model{} })
}

func TestAProgramIsTheSameForItsSeed(t *testing.T) {
	t.Parallel()
	a, _ := shoptest.Program(7, 300)
	b, _ := shoptest.Program(7, 300)
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Want != b[i].Want {
			t.Fatalf("call %d: %s and %s", i, a[i].Name, b[i].Name)
		}
	}
}
