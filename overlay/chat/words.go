package chat

import (
	"embed"
	"slices"
	"strings"
	"unicode"
)

//go:embed words/*.txt
var lists embed.FS

// Languages lists those of the lists that come with us.
var Languages = []string{"ar", "de", "en", "fr"}

// Action is what happens to a message with a word.
type Action string

// The actions.
const (
	Block Action = "block" // the author is told
	Hold  Action = "hold"  // a moderator decides
	Allow Action = "allow" // the word is none of the lists' business
	None  Action = ""
)

// pattern is an entry of a list. An asterisk at an end of it means that more may follow there.
type pattern struct {
	parts  [][]run // the words of a phrase
	before bool    // something may stand before it
	after  bool
	action Action
	text   string
}

// run is a letter as often as it stands in a row.
type run struct {
	r rune
	n int
}

// Filter finds words. It is not changed after it was made.
type Filter struct {
	first    map[rune][]pattern // by the first letter of those that begin where the word begins
	anywhere []pattern
	phrases  []pattern
	allowed  []pattern
}

// NewFilter makes a filter of the lists of languages, with an action for their words (None: without them), and of a
// channel's own words.
func NewFilter(languages []string, action Action, own []Word) *Filter {
	f := &Filter{first: map[rune][]pattern{}}
	for _, w := range own {
		f.add(w.Text, w.Action)
	}
	if action == None {
		return f
	}
	for _, l := range languages {
		if !slices.Contains(Languages, l) {
			continue
		}
		raw, err := lists.ReadFile("words/" + l + ".txt")
		if err != nil {
			panic(err) // it is embedded
		}
		for text := range strings.Lines(string(raw)) {
			text = strings.TrimSpace(text)
			switch {
			case text == "" || strings.HasPrefix(text, "#"):
			case strings.HasPrefix(text, "+"):
				f.add(text[1:], Allow)
			case strings.HasSuffix(text, " ?"):
				f.add(strings.TrimSuffix(text, " ?"), Hold)
			default:
				f.add(text, action)
			}
		}
	}
	return f
}

func (f *Filter) add(text string, action Action) {
	p, ok := parsePattern(text, action)
	switch {
	case !ok:
	case action == Allow:
		f.allowed = append(f.allowed, p)
	case len(p.parts) > 1:
		f.phrases = append(f.phrases, p)
	case p.before:
		f.anywhere = append(f.anywhere, p)
	default:
		r := p.parts[0][0].r
		f.first[r] = append(f.first[r], p)
	}
}

func parsePattern(text string, action Action) (p pattern, ok bool) {
	p = pattern{action: action, text: text}
	text = strings.TrimSpace(text)
	text, p.after = strings.CutSuffix(text, "*")
	text, p.before = strings.CutPrefix(text, "*")
	for _, part := range strings.FieldsFunc(string(plainLetters(text)), unicode.IsSpace) {
		var runs []run
		for _, r := range part {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				continue
			}
			if n := len(runs); n > 0 && runs[n-1].r == r {
				runs[n-1].n++
			} else {
				runs = append(runs, run{r, 1})
			}
		}
		if len(runs) > 0 {
			p.parts = append(p.parts, runs)
		}
	}
	return p, len(p.parts) > 0
}

// Find tells what the worst word of a text calls for, and which entry that is.
func (f *Filter) Find(text string) (Action, string) {
	worst, which := None, ""
	note := func(a Action, p pattern) {
		if a == Block && worst != Block || a == Hold && worst == None {
			worst, which = a, p.text
		}
	}
	words := fold(text)
	for _, w := range words {
		if a, p := f.word(w); a != None {
			note(a, p)
		}
	}
	for _, p := range f.phrases {
		if phrase(words, p) {
			note(p.action, p)
		}
	}
	return worst, which
}

// word tries a word as it is and, in Arabic, without what grows together with it.
func (f *Filter) word(w word) (Action, pattern) {
	if len(w.of) > len(w.units) && f.fits(f.allowed, w.of) {
		return None, pattern{}
	}
	for _, units := range bare(w.units) {
		if f.fits(f.allowed, units) {
			return None, pattern{}
		}
		for _, c := range candidates(units[0]) {
			for _, p := range f.first[c] {
				if a := p.judge(units, w.how); a != None {
					return a, p
				}
			}
		}
		for _, p := range f.anywhere {
			if a := p.judge(units, w.how); a != None {
				return a, p
			}
		}
	}
	if w.how != spelled {
		return None, pattern{}
	}
	// Spelled letters run into the words before and after them: a long word may stand anywhere among them.
	for from := 1; from < len(w.units); from++ {
		for _, c := range candidates(w.units[from]) {
			for _, p := range f.first[c] {
				if p.letters() >= 4 && p.match(w.units[from:], true) {
					return p.action, p
				}
			}
		}
	}
	return None, pattern{}
}

func candidates(u unit) []rune {
	if u.alt != 0 {
		return []rune{u.r, u.alt}
	}
	return []rune{u.r}
}

func (f *Filter) fits(patterns []pattern, units []unit) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool {
		return len(p.parts) == 1 && p.judge(units, asWritten) != None
	})
}

func (p pattern) letters() (n int) {
	for _, r := range p.parts[0] {
		n += r.n
	}
	return n
}

// judge tells what the entry says of a word.
func (p pattern) judge(units []unit, how how) Action {
	if how != asWritten && p.letters() < 3 || how == guessed && p.letters() < 4 {
		return None
	}
	last := 0
	if p.before {
		last = len(units) - 1
	}
	for from := 0; from <= last; from++ {
		if p.match(units[from:], p.after) {
			if how == guessed && p.action == Block {
				return Hold
			}
			return p.action
		}
	}
	return None
}

// match tells whether the units begin with the entry, or are it where nothing may follow.
func (p pattern) match(units []unit, open bool) bool {
	return matchRuns(p.parts[0], units, open, p.letters() <= 3)
}

// matchRuns wants each letter at least as often as it stands in the entry; more are an emphasis. In short words two
// instead of one are another word.
func matchRuns(runs []run, units []unit, open, short bool) bool {
	if len(runs) == 0 {
		return open || len(units) == 0
	}
	r, n, real := runs[0], 0, 0
	for n < len(units) && units[n].is(r.r) {
		if !units[n].any {
			real++
		}
		n++
		if n < r.n || short && n == r.n+1 {
			continue
		}
		if real == 0 && len(runs) > 1 && n > 1 {
			continue // one asterisk hides one letter
		}
		if matchRuns(runs[1:], units[n:], open, short) {
			return true
		}
	}
	return false
}

// phrase tells whether words follow each other as in the entry.
func phrase(words []word, p pattern) bool {
	for i := range words {
		if i+len(p.parts) > len(words) {
			return false
		}
		all := true
		for j, runs := range p.parts {
			open := p.after && j == len(p.parts)-1
			if words[i+j].how != asWritten || !matchRuns(runs, words[i+j].units, open, false) {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

// bare is a word and what is left of an Arabic one without "and", "so", "with", "to", "like" and "the" before it.
func bare(units []unit) [][]unit {
	out := [][]unit{units}
	for _, group := range []string{"وف", "بلك"} {
		if len(units) > 3 && strings.ContainsRune(group, units[0].r) {
			units = units[1:]
			out = append(out, units)
		}
	}
	if len(units) > 4 && units[0].r == 'ا' && units[1].r == 'ل' {
		out = append(out, units[2:])
	}
	return out
}
