package chat

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Folding makes what looks or sounds alike the same, so that a list holds each word once: case, marks and Arabic
// vowels, tatweel, widths and styled letters, letters of other scripts that look like Latin ones, digits and signs in
// the place of letters, dots and spaces between letters, letters repeated. It is for finding words only; nobody sees
// a folded text.

// unit is one place of a folded word: a letter, or what may stand for one.
type unit struct {
	r    rune // the letter
	alt  rune // another that the sign may mean; 0 for none
	sign bool // it is a digit or a sign and stands for the letter
	any  bool // an asterisk: any letter
}

func (u unit) is(r rune) bool { return u.any || u.r == r || u.alt == r }

// word is a folded word: what stood between spaces, or what was joined.
type word struct {
	units []unit
	how   how
	of    []unit // the whole of what stood between spaces, where that is more
}

type how int

const (
	asWritten how = iota
	joined        // dots or the like were between its letters
	spelled       // spaces were between its letters
	guessed       // a letter stood alone beside the rest: this may be chance
)

// looks are letters of other scripts that are drawn like a Latin one. (NFKD has dealt with styles and widths.)
var looks = pairs(
	"аa", "вb", "сc", "ԁd", "еe", "ёe", "һh", "нh", "іi", "їi", "јj", "кk", "ӏl", "мm", "оo", "рp", "ԛq", "ѕs", "тt", "уy", "ѵv", "ԝw", "хx", "пn", "гr", "зe", "ьb",
	"αa", "βb", "ϲc", "δd", "εe", "ηn", "ιi", "κk", "μm", "νv", "οo", "ρp", "σo", "τt", "υu", "χx", "ωw", "γy",
	"ıi", "ɩi", "ƒf", "ɡg", "ɢg", "ʜh", "ʟl", "ɴn", "ʀr", "ꜱs", "ᴀa", "ʙb", "ᴄc", "ᴅd", "ᴇe", "ᴊj", "ᴋk", "ᴍm", "ᴏo", "ᴘp", "ᴛt", "ᴜu", "ᴠv", "ᴡw", "ᴢz", "ꜰf", "øo", "đd", "łl", "ħh", "ŧt", "ðd", "ɑa", "ʏy", "ǀl",
	"ىي", "ےي", "یي", "ةه", "ۀه", "ەه", "کك", "گك", "پب", "چج", "ژز", "ڤف", "ٱا", "ﺍا",
)

// signs stand for letters where there are letters around them.
var signs = pairs("0o", "1i", "3e", "4a", "5s", "6g", "7t", "8b", "9g", "@a", "$s", "€e", "!i", "|i", "£l", "¥y", "¢c", "+t")

// second is the other letter that a sign may be.
var second = pairs("1l", "!l", "|l", "6b", "9q")

func pairs(two ...string) map[rune]rune {
	out := make(map[rune]rune, len(two))
	for _, p := range two {
		rs := []rune(p)
		out[rs[0]] = rs[1]
	}
	return out
}

// plainLetters is a text in lower case without marks and other scripts' look-alikes. Signs stay.
func plainLetters(s string) []rune {
	out := make([]rune, 0, len(s))
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKD.String(s))) {
		switch {
		case r == 'ـ' || unicode.In(r, unicode.M, unicode.Cf):
			continue
		case r == 'ß':
			out = append(out, 's', 's')
			continue
		case r == 'æ':
			out = append(out, 'a', 'e')
			continue
		case r == 'œ':
			out = append(out, 'o', 'e')
			continue
		}
		if like, ok := looks[r]; ok {
			r = like
		}
		if d := digit(r); d >= 0 {
			r = '0' + d
		}
		out = append(out, unicode.ToLower(r))
	}
	return out
}

// digit is the value of an Arabic digit, -1 for anything else.
func digit(r rune) rune {
	switch {
	case r >= '٠' && r <= '٩':
		return r - '٠'
	case r >= '۰' && r <= '۹':
		return r - '۰'
	}
	return -1
}

// chunk is what stands between two spaces.
type chunk struct {
	pieces [][]unit // what stands between dots and the like
	whole  []unit
	apart  bool // an apostrophe is among what parts them
}

// fold reads the words of a text, each as written and in the other ways in which it may be meant.
func fold(s string) []word {
	var chunks []chunk
	for _, text := range strings.FieldsFunc(string(plainLetters(s)), unicode.IsSpace) {
		if c := chunkOf([]rune(text)); len(c.whole) > 0 {
			chunks = append(chunks, c)
		}
	}
	var out []word
	for _, c := range chunks {
		for _, p := range c.pieces {
			out = append(out, word{p, asWritten, c.whole})
		}
		if len(c.pieces) > 1 && !c.apart && broken(c.pieces) {
			out = append(out, word{c.whole, joined, nil})
		}
	}
	return append(out, across(chunks)...)
}

// chunkOf reads one chunk. Digits count as letters only where letters are the most of it: A55 is a telephone.
func chunkOf(text []rune) (c chunk) {
	letters, digits := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
		} else if unicode.IsDigit(r) {
			digits++
		}
	}
	readDigits := letters > 0 && (digits <= letters || digits == letters+1 && letters+digits >= 5)
	for len(text) > 0 && strings.ContainsRune("!+|*.,?)(\"'", text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	var piece []unit
	end := func() {
		if len(piece) > 0 {
			c.pieces = append(c.pieces, piece)
		}
		piece = nil
	}
	for i, r := range text {
		u := unit{r: r}
		like, sign := signs[r]
		switch {
		case unicode.IsLetter(r):
		case sign && letters > 0 && (readDigits || !unicode.IsDigit(r)):
			u = unit{r: like, alt: second[r], sign: true}
		case unicode.IsDigit(r):
		case r == '*' && i > 0 && letters > 1 && len(c.pieces) == 0 && len(piece) > 0:
			u = unit{any: true}
		default:
			c.apart = c.apart || r == '\'' || r == '’' || r == '`' || r == 'ʼ'
			end()
			continue
		}
		piece = append(piece, u)
		c.whole = append(c.whole, u)
	}
	end()
	return c
}

// broken tells whether pieces look like one word with dots in it: all but one have at most two letters.
func broken(pieces [][]unit) bool {
	long := 0
	for _, p := range pieces {
		if len(p) > 2 {
			long++
		}
	}
	return long <= 1
}

// lonely are letters that seldom are a word, a size or an elision by themselves.
const lonely = "bfghkpqrvw"

// across joins what stands in several chunks: letters with spaces between them, and a letter that has lost its word.
func across(chunks []chunk) (out []word) {
	var run []unit
	count := 0
	end := func() {
		if count >= 3 {
			out = append(out, word{run, spelled, nil})
		}
		run, count = nil, 0
	}
	for i, c := range chunks {
		if len(c.whole) == 1 {
			run = append(run, c.whole[0])
			count++
		} else {
			end()
		}
		if i == 0 {
			continue
		}
		before := chunks[i-1]
		if alone(before) != alone(c) && len(before.pieces) == 1 && len(c.pieces) == 1 {
			out = append(out, word{append(append([]unit(nil), before.whole...), c.whole...), guessed, nil})
		}
	}
	end()
	return out
}

func alone(c chunk) bool {
	return len(c.whole) == 1 && !c.whole[0].sign && strings.ContainsRune(lonely, c.whole[0].r)
}
