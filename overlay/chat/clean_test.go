package chat_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hawkerlive/hawker/overlay/chat"
)

func TestWhatIsSaidIsOneReadableLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, want string
		err      error
	}{
		"a plain text":                     {"is it linen?", "is it linen?", nil},
		"spaces and lines":                 {"  two \n\t lines\r\n ", "two lines", nil},
		"control characters":               {"a\x00b\x07c\x1b[31md\u0085e", "abc[31md e", nil},
		"direction overrides":              {"ab\u202Ecd\u202C \u2066ef\u2069", "abcd ef", nil},
		"direction marks":                  {"a\u200Eb\u200Fc\u061Cd", "abcd", nil},
		"invisible characters":             {"a\u200Bb\u2060c\uFEFFd\u00ADe\u180Ef", "abcdef", nil},
		"tags of languages":                {"a\U000E0041\U000E0042b", "ab", nil},
		"blank letters":                    {"a\u3164\u3164\u3164b \u2800", "a b", nil},
		"nothing":                          {"", "", chat.ErrText},
		"nothing that is seen":             {"\u200b \u2800\u202e\u3164", "", chat.ErrText},
		"not UTF-8":                        {"ab\xff\xfe", "", chat.ErrText},
		"half of a pair, as JSON gives it": {"ab\ufffd", "", chat.ErrText},
		"HTML stays text":                  {"<b onclick=x>&amp;</b>", "<b onclick=x>&amp;</b>", nil},
		"zalgo":                            {"h\u0300\u0301\u0302\u0303\u0304\u0305e\u0311\u0312\u0313\u0314", "h\u0300\u0301\u0207\u0312\u0313", nil},
		"an enclosing circle":              {"a\u20ddb", "ab", nil},
		"decomposed letters":               {"Cafe\u0301", "Café", nil},
		"Vietnamese":                       {"Tiê\u0301ng Việt", "Tiếng Việt", nil},
		"Arabic with all its vowels":       {"السَّلَامُ عَلَيْكُمْ", "السَّلَامُ عَلَيْكُمْ", nil},
		"Persian with a joiner":            {"می\u200cخواهم", "می\u200cخواهم", nil},
		"joiners alone":                    {"\u200d\u200d\u200dx\u200d\u200d", "x", nil},
		"a family":                         {"👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧", nil},
		"a heart drawn as emoji":           {"❤\ufe0f", "❤\ufe0f", nil},
		"a keycap":                         {"1\ufe0f\u20e3", "1\ufe0f\u20e3", nil},
		"a flag":                           {"🇩🇪", "🇩🇪", nil},
		"a skin":                           {"👍🏽", "👍🏽", nil},
		"private use":                      {"a\ue000b", "ab", nil},
		"a scream":                         {"a" + strings.Repeat("h", 60), "a" + strings.Repeat("h", 12), nil},
		"as long as may be":                {strings.Repeat("ab", 100), strings.Repeat("ab", 100), nil},
		"one too many":                     {strings.Repeat("ab", 100) + "c", "", chat.ErrTooLong},
		"characters that are sentences":    {strings.Repeat("ﷺa", 60), "", chat.ErrTooLong},
		"ten kilobytes":                    {strings.Repeat("ab", 5000), "", chat.ErrTooLong},
	} {
		got, err := chat.Clean(c.in, 200)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, c.want, c.err)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{
		"hello", "a\u202eb", "h\u0300\u0301\u0302\u0303", "👨\u200d👩\u200d👧", "السَّلَامُ", "a\u200b\u0301", "ﷺﷺ", "\xff", "1\ufe0f\u20e3",
		"f.u.c.k", "f u c k", "\u1100\u1161\u11a8", "a\u20dd\u0301", "\u0958", strings.Repeat("e\u200b\u0301", 30),
	} {
		f.Add(s)
	}
	filter := chat.NewFilter(chat.Languages, chat.Block, []chat.Word{{Text: "lantern*", Action: chat.Hold}})
	f.Fuzz(func(t *testing.T, s string) {
		out, err := chat.Clean(s, 200)
		if err != nil {
			return
		}
		if !utf8.ValidString(out) || utf8.RuneCountInString(out) > 200 || strings.TrimSpace(out) != out {
			t.Errorf("%q became %q", s, out)
		}
		for _, r := range out {
			if r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0xe0000 && r <= 0xe007f {
				t.Errorf("%q keeps %U", s, r)
			}
		}
		if again, err := chat.Clean(out, 200); err != nil || again != out {
			t.Errorf("%q became %q, and that %q, %v", s, out, again, err)
		}
		filter.Find(out)
		chat.HasLink(out, "shop.example")
	})
}
