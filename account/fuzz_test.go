package account

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseSecret(f *testing.F) {
	good, _ := newSecret(StreamKeyPrefix)
	for _, s := range []string{good, "", "hk_key_", good + "=", good[:20], strings.Repeat("hk_key_", 9), "hk_tok_" + good[7:], good[:49] + "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseSecret(StreamKeyPrefix, s)
		if ok && (len(s) != len(StreamKeyPrefix)+secretChars || d == Digest{}) {
			t.Fatalf("%q was taken", s)
		}
		if ok && strings.ContainsAny(s, " \r\n\x00/?#") {
			t.Fatalf("%q was taken", s)
		}
	})
}

func FuzzParsePublishToken(f *testing.F) {
	good := PublishTokenPrefix + strings.Repeat("AQ", 59) + "A"
	for _, s := range []string{good, "", "hk_pub_", good + "=", good[:30], "hk_key_" + good[7:], good[:49] + "\n" + good[50:], strings.Replace(good, "AQ", "Ag", 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, said, key, mac, ok := parsePublishToken(s)
		if !ok {
			return
		}
		if len(said) != publishTokenSaid || len(mac) != 32 || len(key) != 36 || len(token.Channel) != 36 || len(token.Account) != 36 {
			t.Fatalf("%q became %+v", s, token)
		}
		if strings.ContainsAny(s, " \r\n\x00/?#") {
			t.Fatalf("%q was taken", s)
		}
	})
}

func FuzzCleanEmail(f *testing.F) {
	for _, s := range []string{"nour@example.com", "NOUR@BÜCHER.example", "a@b", "\"a b\"@c.d", "a@[127.0.0.1]", "نور@example.com", "a@b@c", "a\x00@b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, key, err := CleanEmail(s)
		if err != nil {
			return
		}
		if !utf8.ValidString(email) || len(email) > emailMax || strings.Count(key, "@") < 1 || strings.ContainsAny(email, "\x00\r\n ") {
			t.Fatalf("%q became %q %q", s, email, key)
		}
		if _, again, err := CleanEmail(email); err != nil || again != key {
			t.Fatalf("%q is unique as %q, then as %q (%v)", s, key, again, err)
		}
	})
}

func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"Nour", " نور ", "👩‍🎤", "a\u202eb", "e\u0301", "\xff", strings.Repeat("a", 500), "z\u0335\u0335\u0335\u0335\u0335\u0335"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, err := CleanText(s, 80)
		if err != nil {
			return
		}
		if again, err := CleanText(clean, 80); err != nil || again != clean {
			t.Fatalf("%q became %q, then %q (%v)", s, clean, again, err)
		}
		if strings.ContainsAny(clean, "\x00\r\n\t\u202e\u2028") || utf8.RuneCountInString(clean) > 80 {
			t.Fatalf("%q became %q", s, clean)
		}
	})
}

// TestEveryActionHasARow and every row somebody who may.
func TestThePolicyIsWhole(t *testing.T) {
	for a, r := range policy {
		if !r.Anyone && !r.Self && len(r.Shop) == 0 && len(r.Channel) == 0 {
			t.Errorf("nobody may %s", a)
		}
		if r.TokenOnly && r.Scope == "" {
			t.Errorf("neither session nor token may %s", a)
		}
	}
}
