package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestTheSearchClosesInOnTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ end, guess, most float64 }{
		{4, 6.4, math.Inf(1)}, {6, 6.4, math.Inf(1)}, {9, 6.4, math.Inf(1)}, {.5, 1.2, math.Inf(1)}, {3, 3.1, 3.2}, {.7, 6, 8},
	} {
		s, tries := search{fails: math.Inf(1), most: c.most}, 0
		for times, more := s.next(c.guess); more; times, more = s.next(c.guess) {
			if tries++; tries > 10 {
				t.Fatalf("%+v: still %+v", c, s)
			}
			if times > c.most {
				t.Fatalf("%+v: tried %v", c, times)
			}
			s.saw(times, times <= c.end)
		}
		if got := s.end(); got < c.end/closeEnough || got > c.end*closeEnough {
			t.Errorf("%+v: it ends at %v after %d tries", c, got, tries)
		}
	}
	nothing := search{fails: math.Inf(1), most: math.Inf(1)}
	for times, more := nothing.next(1); more; times, more = nothing.next(1) {
		nothing.saw(times, false)
	}
	if nothing.end() != 0 || nothing.fails > .02 {
		t.Errorf("%+v", nothing)
	}
	all := search{fails: math.Inf(1), most: 2}
	for times, more := all.next(5); more; times, more = all.next(5) {
		all.saw(times, true)
	}
	if all.end() != 2 {
		t.Errorf("%+v", all)
	}
}

func rehearsed() *rehearsal {
	r := &rehearsal{
		rehearseCommand: &rehearseCommand{}, idle: use{CPU: .1}, plan: crowd{WHEP: 50, Orders: 500},
		steps:  []seen{{crowd{WHEP: 50}, use{CPU: .2}}, {crowd{Orders: 3000}, use{CPU: 1.3, Orders: 3000}}},
		limits: use{CPU: 2, Orders: 2900},
	}
	r.has = r.limits
	return r
}

func TestWhatIsTriedTogetherCorrectsWhatOneKindSaid(t *testing.T) {
	t.Parallel()
	r := rehearsed() // alone: .1 + .2 cores for the plan, 5.8 times for the transactions
	if v := r.model().judge(r.plan, r.limits)[0]; v.Name != "checkout's transactions" || math.Abs(v.Fits-5.8) > 1e-9 {
		t.Fatalf("%+v", v)
	}
	held := trial{Share: 3.5, Crowd: r.plan.times(3.5), Use: use{CPU: 1.6, Orders: 1750}}
	failed := trial{Share: 3.8, Crowd: r.plan.times(3.8), Use: use{CPU: 1.9, Orders: 1500}, Faults: []string{"90.0 % of buyers got their order"}}
	r.tried = []trial{failed, held}
	r.learn(search{holds: 3.5, fails: 3.8, most: math.Inf(1)}, held, failed)
	v := r.model().judge(r.plan, r.limits)[0]
	if end := math.Sqrt(3.5 * 3.8); v.Name != "processors" || math.Abs(v.Fits-end) > 1e-6 || v.Limit < 1.6 || v.Limit > 1.9 {
		t.Fatalf("%+v, it ends at %v", v, end)
	}
	if r.dearer < 1.4 || r.dearer > 1.5 { // 1.5 cores, where 3.5 times .3 were expected
		t.Errorf("together they cost %v times as much", r.dearer)
	}
	r.trials = []trial{{Share: .9, Use: use{CPU: 1.5}}, {Share: 1.1, Use: use{CPU: 1.9, Orders: 1500}, Faults: []string{"late"}}}
	var text bytes.Buffer
	r.print(&text)
	for _, want := range []string{"3.65 times the plan", "processors give way", "Tried together 2 times", "1.43 times the processors", "Of 2.00 cores, 1.66 are of use; beyond that: 90.0 %", "3.50 times the plan (", "Confirmed by the trials."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if page := string(r.page()); strings.Count(page, "<table>") != 2 || !strings.Contains(page, "All at once") {
		t.Error(page)
	}
	r.trials[1].Use = use{CPU: 1, Orders: 2900}
	if got := r.confirmed(); got != "Not confirmed: at 110 % of it checkout's transactions gave way, not processors." {
		t.Error(got)
	}
}

func TestATryThatIsHeldMovesTheEndsThatWereGuessed(t *testing.T) {
	t.Parallel()
	r := rehearsed()
	r.limits.Memory = 700 // a wall, at seven times the plan
	r.steps[0].Use.Memory = 100
	held := trial{Share: 7, Crowd: r.plan.times(7), Use: use{CPU: 1.6, Orders: 3500, Memory: 700}}
	r.tried = []trial{held}
	r.learn(search{holds: 7, fails: math.Inf(1), most: 7}, held, trial{})
	if v := r.model().judge(r.plan, r.limits)[0]; v.Name != "memory" || math.Abs(v.Fits-7) > 1e-6 {
		t.Errorf("%+v", v)
	}
	if got := r.learnt(); !strings.Contains(got, "Every try was held") {
		t.Error(got)
	}

	r = rehearsed()
	failed := trial{Share: .012, Crowd: r.plan.times(.012), Use: use{CPU: .3}, Faults: []string{"no media"}}
	r.tried = []trial{failed}
	r.learn(search{fails: .012, most: math.Inf(1)}, trial{}, failed)
	if got := r.first(); !strings.Contains(got, "holds 0.01 times the plan") || !strings.Contains(got, "nothing that is measured is used up") {
		t.Error(got)
	}
	if got := r.learnt(); r.gaveWay != "" || !strings.Contains(got, "none of the resources that are measured: no media") {
		t.Error(got)
	}
}
