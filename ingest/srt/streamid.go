package srt

import (
	"net/url"
	"strings"
)

// wish is what a caller's stream id asks for.
type wish struct {
	publish bool
	key     string
	backup  bool
}

// readStreamID reads publish:KEY, with ?backup=1 behind it where the encoder wants to stand by, and the access control
// syntax of SRT (#!::m=publish,r=KEY). It reports false for what asks for nothing that is known.
func readStreamID(id string) (w wish, ok bool) {
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain // some encoders send it as it stands in their URL
	}
	if list, standard := strings.CutPrefix(id, "#!::"); standard {
		for pair := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(pair, "=")
			switch name {
			case "m":
				w.publish = value == "publish"
				ok = ok || value == "publish" || value == "request"
			case "r":
				w.key = value
			case "backup":
				w.backup = value == "1"
			}
		}
		w.key = resource(w.key)
		return w, ok
	}
	mode, rest, _ := strings.Cut(id, ":")
	switch mode {
	case "publish":
		w.publish = true
	case "request", "read", "play":
	default:
		return w, false
	}
	rest, query, _ := strings.Cut(rest, "?")
	if values, err := url.ParseQuery(query); err == nil {
		w.backup = values.Get("backup") == "1"
	}
	w.key = resource(rest)
	return w, true
}

// resource is the key in what an encoder names: KEY or live/KEY.
func resource(s string) string { return strings.TrimPrefix(strings.TrimPrefix(s, "/"), "live/") }
