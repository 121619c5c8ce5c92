package main

import (
	"context"
	"fmt"
	"math"
	"strings"
)

const (
	closeEnough = 1.12 // between a crowd that is held and one that is not: near enough to say where it ends
	growsBy     = 1.3  // a crowd that was held, for the next try
	shrinksBy   = .6   // one that was not
	timesLeast  = .01  // of the plan: an installation that does not hold that holds nothing
	plainlyUsed = .6   // of a resource, or it is not what gave way
)

// search closes in on the largest crowd that is held, in times of the plan.
type search struct {
	holds float64 // the largest that was; 0: none yet
	fails float64 // the smallest that was not; +Inf: none yet
	most  float64 // what there can be by what does not depend on how they come together: memory, line, descriptors
}

// next is the crowd to try, false where enough is known.
func (s *search) next(guess float64) (times float64, more bool) {
	switch {
	case s.holds == 0 && math.IsInf(s.fails, 1):
		return min(guess, s.most), true
	case s.holds == 0:
		return s.fails * shrinksBy, s.fails*shrinksBy >= timesLeast
	case math.IsInf(s.fails, 1):
		return min(s.holds*growsBy, s.most), s.holds < s.most/closeEnough
	}
	return math.Sqrt(s.holds * s.fails), s.fails/s.holds > closeEnough
}

func (s *search) saw(times float64, held bool) {
	if held {
		s.holds = max(s.holds, times)
	} else {
		s.fails = min(s.fails, times)
	}
}

// end is where it ends, as far as is known: in the middle between what was held and what was not.
func (s *search) end() float64 {
	if s.holds == 0 || math.IsInf(s.fails, 1) {
		return s.holds
	}
	return math.Sqrt(s.holds * s.fails)
}

// together lets all kinds come at once, larger and smaller crowds, until it is known where they are no longer served
// well. What each kind costs alone says where to begin; together they disturb each other, and the last of the processors
// are of no use to those who wait for an answer or a picture.
func (r *rehearsal) together(ctx context.Context) error {
	judged := r.model().judge(r.plan, r.limits)
	s := search{fails: math.Inf(1), most: math.Inf(1)}
	for _, v := range judged {
		if !v.soft {
			s.most = min(s.most, v.Fits)
		}
	}
	guess := judged[0].Fits
	if math.IsInf(guess, 1) {
		return nil // nothing that is known ends anywhere
	}
	var held, failed trial
	for range r.Tries {
		times, more := s.next(guess * ordersMost)
		if !more {
			break
		}
		t, err := r.step(ctx, r.plan.times(times), times)
		if err != nil {
			return err
		}
		r.tried = append(r.tried, t)
		holds := len(t.Faults) == 0
		if s.saw(times, holds); holds && times == s.holds {
			held = t
		} else if times == s.fails {
			failed = t
		}
	}
	r.learn(s, held, failed)
	return nil
}

// learn takes from the tries what all cost together, and how much of what gave way is of use.
func (r *rehearsal) learn(s search, held, failed trial) {
	at := held
	if s.holds == 0 {
		if at = failed; math.IsInf(s.fails, 1) {
			return
		}
	}
	alone := fit(r.idle, r.steps).expect(at.Crowd).CPU - r.idle.CPU
	if measured := at.Use.CPU - r.idle.CPU; alone > 0 && measured > 0 {
		r.dearer = measured / alone
	}
	if math.IsInf(s.fails, 1) {
		r.raise(at.Share)
		return
	}
	end := s.end()
	if s.holds == 0 {
		end = s.fails * shrinksBy
	}
	r.end, r.gaveWay = end, usedMost(failed.Use, r.limits)
	for _, res := range resources {
		if res.Name == r.gaveWay {
			idle := *res.of(&r.idle)
			*res.of(&r.limits) = idle + (*res.of(&at.Use)-idle)/at.Share*end
		}
	}
	r.why = strings.Join(failed.Faults, "; ")
	r.raise(end)
}

// holds says how many times the plan is held, and which resource ends there; empty: none of those that are measured.
func (r *rehearsal) holds() (times float64, ends string) {
	v := r.model().judge(r.plan, r.limits)[0]
	if r.end > 0 && r.gaveWay == "" {
		return min(r.end, v.Fits), ""
	}
	return v.Fits, v.Name
}

// raise corrects what was taken for the end of a resource and was not: so many times the plan were held.
func (r *rehearsal) raise(times float64) {
	m := r.model()
	for _, v := range m.judge(r.plan, r.limits) {
		if v.soft && v.Fits < times && v.Name != r.gaveWay {
			expected := m.expect(r.plan.times(times * 1.001))
			*v.of(&r.limits) = *v.of(&expected)
		}
	}
}

// usedMost is the resource that is nearest to its end; empty where none is near.
func usedMost(u, limits use) (name string) {
	most := plainlyUsed
	for _, r := range resources {
		if limit := *r.of(&limits); limit > 0 && *r.of(&u)/limit > most {
			most, name = *r.of(&u)/limit, r.Name
		}
	}
	return name
}

// learnt says in sentences what the tries showed.
func (r *rehearsal) learnt() string {
	if len(r.tried) == 0 {
		return ""
	}
	out := fmt.Sprintf("Tried together %d times.", len(r.tried))
	if r.dearer > 0 {
		out += fmt.Sprintf(" There they cost %.2f times the processors that they cost one kind at a time.", r.dearer)
	}
	switch {
	case r.why == "":
		return out + " Every try was held."
	case r.gaveWay == "":
		return out + " What gave way is none of the resources that are measured: " + r.why + "."
	case r.gaveWay == resources[0].Name:
		out += fmt.Sprintf(" Of %s, %s are of use; beyond that:", amount("cores", r.has.CPU), number(r.limits.CPU))
	default:
		out += " Its " + r.gaveWay + " gave way:"
	}
	return out + " " + r.why + "."
}
