package captions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spans are the tags that stay. What they wrap is text, whatever else stood in the tag.
var spans = []string{"b", "i", "u", "c", "v", "ruby", "rt", "lang"}

// entities are the escapes that stay.
var entities = []string{"&amp;", "&lt;", "&gt;", "&lrm;", "&rlm;", "&nbsp;"}

// clean turns a cue's lines into text that is nothing but text, wherever it is shown.
func clean(lines []string) string {
	var out []string
	for _, line := range lines {
		if line = cleanLine(line); strings.TrimSpace(line) != "" {
			out = append(out, line)
		}
	}
	text := strings.Join(out, "\n")
	for len(text) > textMax { // whole lines, so that no tag is cut
		n := strings.LastIndexByte(text, '\n')
		if n < 0 {
			return ""
		}
		text = text[:n]
	}
	return text
}

func cleanLine(line string) string {
	var b strings.Builder
	for line != "" {
		switch r, size := utf8.DecodeRuneInString(line); {
		case r == '<':
			end := strings.IndexByte(line, '>')
			if end < 0 {
				b.WriteString("&lt;")
				line = line[1:]
				continue
			}
			b.WriteString(tag(line[1:end]))
			line = line[end+1:]
		case r == '&':
			n := slices.IndexFunc(entities, func(e string) bool { return strings.HasPrefix(line, e) })
			if n < 0 {
				b.WriteString("&amp;")
				line = line[1:]
				continue
			}
			b.WriteString(entities[n])
			line = line[len(entities[n]):]
		case r == '>':
			b.WriteString("&gt;")
			line = line[1:]
		default:
			if !unicode.IsControl(r) || r == '\t' {
				b.WriteRune(r)
			}
			line = line[size:]
		}
	}
	return b.String()
}

// tag returns what stays of <…>: a known span, its voice or language, or the time at which a part of a cue appears.
func tag(inner string) string {
	name, closes := strings.CutPrefix(inner, "/")
	word, rest, _ := strings.Cut(name, " ")
	word, _, _ = strings.Cut(word, ".") // classes name styles, and there are none
	word = strings.TrimSpace(word)
	switch {
	case closes && slices.Contains(spans, word):
		return "</" + word + ">"
	case closes:
		return ""
	case word == "v" || word == "lang":
		rest = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || strings.ContainsRune("<>&", r) {
				return -1
			}
			return r
		}, strings.TrimSpace(rest))
		if rest == "" {
			return ""
		}
		return "<" + word + " " + rest + ">"
	case slices.Contains(spans, word):
		return "<" + word + ">"
	}
	return ""
}
