package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	marksLatin = 2 // combining marks that may follow one letter of an alphabet that has letters with marks of their own
	marksElse  = 3 // and of scripts that put vowels and signs on a letter
	sameMax    = 12
	washMax    = 4
)

// Clean makes one line of a text that somebody typed: composed (NFC), with plain single spaces, without characters that
// steer the line (controls, direction overrides, invisible ones), without towers of marks and without endless
// repetition. Joiners stay where emoji and Persian need them. It refuses what is not UTF-8, what has nothing to read
// in it (ErrText), and what is longer than runes characters after that, or made of characters that each are a sentence
// (ErrTooLong).
func Clean(s string, runes int) (string, error) {
	if len(s) > textBytesMax*2 {
		return "", ErrTooLong
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
		return "", ErrText
	}
	out, readable := wash(s)
	for range washMax { // taking characters away may bring others together that compose
		again := out
		if out, readable = wash(out); out == again {
			break
		}
	}
	if !readable {
		return "", ErrText
	}
	if utf8.RuneCountInString(out) > runes || len(out) > textBytesMax || utf8.RuneCountInString(norm.NFKD.String(out)) > 3*runes {
		return "", ErrTooLong
	}
	return out, nil
}

func wash(s string) (out string, readable bool) {
	var w washer
	for _, r := range norm.NFC.String(s) {
		w.put(r)
	}
	return norm.NFC.String(strings.TrimRight(string(w.out), " \u200c\u200d")), w.readable
}

// washer takes runes one by one.
type washer struct {
	out      []rune
	base     rune // the newest that is no mark
	marks    int  // after it
	same     int  // how often the newest stands in a row
	readable bool
}

func (w *washer) put(r rune) {
	switch {
	case unicode.IsSpace(r) || r == '\u2800' || r == '\u3164' || r == '\u115f' || r == '\u1160' || r == '\uffa0':
		r = ' ' // letters that are drawn as nothing are spaces too
		if len(w.out) == 0 || w.last() == ' ' {
			return
		}
	case r == '\u200c' || r == '\u200d':
		if w.base == 0 || w.base == ' ' || w.last() == r {
			return
		}
		w.out = append(w.out, r)
		return
	case r == '\ufe0e' || r == '\ufe0f': // how the emoji before it is drawn
		if !unicode.Is(unicode.So, w.last()) && !keycap(w.last()) {
			return
		}
		w.out = append(w.out, r)
		return
	case r == '\u20e3':
		if w.last() != '\ufe0f' && !keycap(w.last()) {
			return
		}
		w.out = append(w.out, r)
		return
	case unicode.Is(unicode.M, r):
		if w.base == 0 || w.base == ' ' {
			return
		}
		most := marksElse
		if unicode.In(w.base, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Common) {
			most = marksLatin
		}
		if unicode.Is(unicode.Me, r) || w.marks >= most {
			return
		}
		w.marks++
		w.out = append(w.out, r)
		return
	case !drawn(r):
		return
	}
	if r == w.base && w.marks == 0 {
		if w.same++; w.same > sameMax {
			return
		}
	} else {
		w.same = 1
	}
	w.base, w.marks = r, 0
	w.out = append(w.out, r)
	w.readable = w.readable || r != ' '
}

func (w *washer) last() rune {
	if len(w.out) == 0 {
		return 0
	}
	return w.out[len(w.out)-1]
}

func keycap(r rune) bool { return r >= '0' && r <= '9' || r == '#' || r == '*' }

// drawn tells whether a rune is something that one sees: no control, no format, no private use, not unassigned.
func drawn(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}

// line is Clean for what moderators type: "" is allowed.
func line(s string, runes int, refused error) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	out, err := Clean(s, runes)
	if err != nil {
		return "", refused
	}
	return out, nil
}

// cut shortens a text to so many characters.
func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	out := []rune(s)[:runes-1]
	return strings.TrimRight(string(out), " \u200c\u200d") + "…"
}
