package account

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

const (
	nameMax  = 80  // characters
	emailMax = 254 // bytes, RFC 5321
	marksMax = 4   // combining marks on one character
)

// CleanText normalises (NFC) and trims what a person typed on one line, and refuses what is empty, longer than max
// characters, or holds control or direction characters or towers of marks. Joiners stay: emoji and Persian need them.
func CleanText(s string, max int) (string, error) {
	if !utf8.ValidString(s) || len(s) > max*4+64 {
		return "", ErrBadText
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	if s == "" || utf8.RuneCountInString(s) > max {
		return "", ErrBadText
	}
	marks := 0
	for _, r := range s {
		if unicode.Is(unicode.Mn, r) {
			marks++
		} else {
			marks = 0
		}
		if marks > marksMax || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' ||
			unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' && !(r >= 0xe0020 && r <= 0xe007f) {
			return "", ErrBadText
		}
	}
	return s, nil
}

// CleanEmail returns an address as it is written and the key that makes it unique: everything in lower case, the
// domain in its ASCII form.
func CleanEmail(s string) (email, key string, err error) {
	s = norm.NFC.String(strings.TrimSpace(s))
	if len(s) > emailMax || strings.ContainsAny(s, " \t\r\n\"<>()\\,;:") {
		return "", "", ErrBadEmail
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s {
		return "", "", ErrBadEmail
	}
	for _, r := range s {
		if !unicode.IsGraphic(r) {
			return "", "", ErrBadEmail
		}
	}
	at := strings.LastIndexByte(s, '@')
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || domain == "" || at > 64 {
		return "", "", ErrBadEmail
	}
	local := strings.ToLower(norm.NFKC.String(s[:at]))
	return s, local + "@" + strings.ToLower(domain), nil
}

// CleanLocale returns a BCP 47 tag in its canonical form; empty is English.
func CleanLocale(s string) (string, error) {
	if s == "" {
		return "en", nil
	}
	if len(s) > 35 {
		return "", ErrBadLocale
	}
	tag, err := language.Parse(s)
	if err != nil || tag == language.Und {
		return "", ErrBadLocale
	}
	return tag.String(), nil
}
