package chat

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// What counts as a link: what a browser or a mail program would open, and the usual ways to write it so that a filter
// does not see it. A missing space after a full stop is none.
var (
	scheme = regexp.MustCompile(`(?i)\b(?:https?|ftp|rtmps?|tg|whatsapp|mailto)\s?:\s?/?/?\s?[\p{L}\p{N}]`)
	www    = regexp.MustCompile(`(?i)\bwww\s?\.\s?[\p{L}\p{N}]`)
	host   = regexp.MustCompile(`(?i)([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*)\.(\p{L}{2,24}|xn--[a-z0-9-]+)(:\d+)?(/[^\s]|\b)`)
	spoken = regexp.MustCompile(`(?i)\s*[\[({<]\s*(?:dot|punkt|point|نقطه|نقطة|\.)\s*[\])}>]\s*|\s+(?:dot|punkt|point|نقطه|نقطة)\s+(?:com|net|org|de|fr|shop|store|io|tv|gg)\b`)
	loose  = regexp.MustCompile(`(?i)\s+\.\s*(com|net|org|shop|store)\b|\s*\.\s+(com|net|org|shop|store)\b`)
	mail   = regexp.MustCompile(`(?i)[\p{L}\p{N}._+-]+@[\p{L}\p{N}-]+\.\p{L}{2,24}`)
	ip     = regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
)

// tops are the top-level domains that are a link without a path. Those that are a word of our languages are not here.
var tops = set("com net org info biz xyz shop store online site club vip app dev live tv gg io cc ly de fr uk us ru cn eu ch nl es pl br au ca jp kr ae sa eg ma dz tn qa kw jo lb sy link click top icu cfd sbs bet casino porn sex onlyfans page website space fun")

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

// HasLink tells whether a text holds a link to somewhere else than own, the name of our own host.
func HasLink(text, own string) bool {
	s := strings.Map(func(r rune) rune {
		switch r {
		case '。', '．', '｡', '․', '·', '•':
			return '.'
		case '⁄', '∕', '／', '⧸':
			return '/'
		}
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKC.String(text))
	if own != "" {
		s = withoutOwn(s, own)
	}
	if scheme.MatchString(s) || www.MatchString(s) || mail.MatchString(s) || ip.MatchString(s) {
		return true
	}
	s = spoken.ReplaceAllStringFunc(s, func(m string) string {
		if top := strings.Fields(m); len(top) == 2 && tops[strings.ToLower(top[1])] {
			return "." + top[1]
		}
		return "."
	})
	s = loose.ReplaceAllStringFunc(s, func(m string) string { return "." + strings.Trim(m, " .\t") })
	for _, m := range host.FindAllStringSubmatch(s, -1) {
		letters := strings.IndexFunc(m[1], unicode.IsLetter) >= 0
		path := strings.HasPrefix(m[4], "/")
		if letters && (tops[strings.ToLower(m[2])] || strings.HasPrefix(strings.ToLower(m[2]), "xn--") || m[3] != "" || path) {
			return true
		}
	}
	return false
}

// withoutOwn takes the addresses of our own pages out of a text.
func withoutOwn(s, own string) string {
	var out []string
	for _, f := range strings.Fields(s) {
		rest := strings.TrimPrefix(strings.TrimPrefix(f, "https://"), "http://")
		if rest == own || strings.HasPrefix(rest, own+"/") {
			continue
		}
		out = append(out, f)
	}
	return strings.Join(out, " ")
}
