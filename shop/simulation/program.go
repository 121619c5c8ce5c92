package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Program is a day: a seed, and which of its steps are taken. Each step draws from chances of its own, so that leaving
// one out changes nothing in the others but what they find.
type Program struct {
	Seed  uint64
	Steps []int
}

const stepsMax = 100_000

// Whole is the first steps of a seed, all of them.
func Whole(seed uint64, steps int) Program {
	p := Program{Seed: seed, Steps: make([]int, steps)}
	for i := range p.Steps {
		p.Steps[i] = i
	}
	return p
}

// String is the program as text: "1011: 0-12 14 20".
func (p Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", p.Seed)
	for i := 0; i < len(p.Steps); {
		end := i
		for end+1 < len(p.Steps) && p.Steps[end+1] == p.Steps[end]+1 {
			end++
		}
		fmt.Fprintf(&b, " %d", p.Steps[i])
		if end > i {
			fmt.Fprintf(&b, "-%d", p.Steps[end])
		}
		i = end + 1
	}
	return b.String()
}

// ParseProgram reads what String wrote.
func ParseProgram(text string) (p Program, err error) {
	seed, steps, ok := strings.Cut(text, ":")
	if !ok {
		return p, fmt.Errorf("simulation: %q has no seed", text)
	}
	if p.Seed, err = strconv.ParseUint(strings.TrimSpace(seed), 10, 64); err != nil {
		return p, fmt.Errorf("simulation: the seed of %q: %w", text, err)
	}
	for _, field := range strings.Fields(steps) {
		first, last, span := strings.Cut(field, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && span {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 || to < from || to > stepsMax || (len(p.Steps) > 0 && from <= p.Steps[len(p.Steps)-1]) {
			return Program{}, fmt.Errorf("simulation: %q is no step", field)
		}
		for ; from <= to; from++ {
			p.Steps = append(p.Steps, from)
		}
	}
	return p, nil
}

// Shrink leaves out steps for as long as the program still fails: large pieces first, then smaller ones, at last one by
// one. It asks at most so many times, and returns the shortest program that failed. p is one that fails.
func (p Program) Shrink(fails func(Program) bool, tries int) Program {
	for size := max(1, len(p.Steps)/2); ; {
		shorter := false
		for at := 0; at < len(p.Steps) && tries > 0; {
			less := Program{p.Seed, slices.Concat(p.Steps[:at], p.Steps[min(at+size, len(p.Steps)):])}
			tries--
			if fails(less) {
				p, shorter = less, true
				continue // what came after stands here now
			}
			at += size
		}
		switch {
		case tries == 0 || (size == 1 && !shorter):
			return p
		case size > 1:
			size /= 2
		}
	}
}
