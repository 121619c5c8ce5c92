package simulation_test

import (
	"slices"
	"testing"

	"github.com/hawkerlive/hawker/shop/simulation"
)

func TestAProgramShrinksToWhatMatters(t *testing.T) {
	t.Parallel()
	asked := 0
	fails := func(p simulation.Program) bool {
		asked++
		return slices.Contains(p.Steps, 17) && slices.Contains(p.Steps, 203) && !slices.Contains(p.Steps[:1], 203)
	}
	got := simulation.Whole(7, 250).Shrink(fails, 1000)
	if got.String() != "7: 17 203" {
		t.Fatalf("%s after %d runs", got, asked)
	}
	asked = 0
	if got = simulation.Whole(7, 250).Shrink(fails, 5); asked != 5 || !fails(got) {
		t.Fatalf("%s after %d runs", got, asked)
	}
}

func FuzzParseProgram(f *testing.F) {
	for _, seed := range []string{"7: 17 203", "1011: 0-12 14 20", "1:", "x", "1: 3 2", "1: 5-1", "1: 0-99999999", ": 1", "18446744073709551615: 1-3 5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := simulation.ParseProgram(text)
		if err != nil {
			return
		}
		again, err := simulation.ParseProgram(p.String())
		if err != nil || again.Seed != p.Seed || !slices.Equal(again.Steps, p.Steps) || !slices.IsSorted(p.Steps) {
			t.Fatalf("%q is %v, and that is %v, %v", text, p, again, err)
		}
	})
}
