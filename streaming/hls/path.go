package hls

import (
	"net/url"
	"strconv"
	"strings"
)

// fileKind is what a name stands for.
type fileKind int

const (
	fileIndex    fileKind = iota // index.m3u8, the multivariant playlist
	filePlaylist                 // a rendition's media playlist
	fileInit
	fileSegment
	filePart
	fileTSPlaylist
	fileTSSegment
)

func (k fileKind) String() string {
	return [...]string{"index", "playlist", "init", "segment", "part", "ts playlist", "ts segment"}[k]
}

// target is a parsed path below /hls/.
type target struct {
	broadcast, grant string
	kind             fileKind
	dvr              bool // a playlist from the oldest segment that can be had
	rendition, life  string
	number           int64
}

const (
	nameIndex = "index"
	nameDVR   = "dvr"  // the multivariant playlist of what can be wound back
	suffixDVR = "-dvr" // its media playlists

	nameMax  = 128
	grantMax = 1024
)

// parsePath reads {broadcast}/[~{grant}/][ts/]{file}. It reports false for everything that is not one of ours.
func parsePath(path string) (target, bool) {
	var t target
	parts := strings.Split(path, "/")
	if len(parts) < 2 || len(parts) > 4 {
		return t, false
	}
	file, between := parts[len(parts)-1], parts[1:len(parts)-1]
	if len(between) > 0 && strings.HasPrefix(between[0], "~") {
		t.grant, between = between[0][1:], between[1:]
		if t.grant == "" || len(t.grant) > grantMax {
			return t, false
		}
	}
	old := len(between) == 1 && between[0] == tsFolder
	if len(between) > 0 && !old {
		return t, false
	}
	t.broadcast = parts[0]
	if !plainName(t.broadcast, "-_.") {
		return t, false
	}
	if old {
		return t, parseTS(file, &t)
	}
	return t, parseFile(file, &t)
}

// parseTS reads the names in the folder of MPEG-TS.
func parseTS(file string, t *target) (ok bool) {
	name, kind, _ := strings.Cut(file, ".")
	switch kind {
	case "m3u8":
		t.kind = fileTSPlaylist
		return name == nameIndex
	case "ts":
		var n string
		t.kind = fileTSSegment
		t.life, n, _ = strings.Cut(name, "_")
		t.number, ok = parseNumber(n)
		return ok && plainName(t.life, "")
	}
	return false
}

func parseFile(file string, t *target) bool {
	name, kind, ok := strings.Cut(file, ".")
	if !ok {
		return false
	}
	if kind == "m3u8" {
		t.kind, t.rendition = filePlaylist, name
		if name == nameIndex || name == nameDVR {
			t.kind, t.rendition, t.dvr = fileIndex, "", name == nameDVR
			return true
		}
		t.rendition, t.dvr = strings.CutSuffix(name, suffixDVR)
		return plainName(t.rendition, "-")
	}
	fields := strings.Split(name, "_")
	if len(fields) != 3 || !plainName(fields[0], "-") || !plainName(fields[1], "") {
		return false
	}
	t.rendition, t.life = fields[0], fields[1]
	n := fields[2]
	switch {
	case kind == "mp4" && strings.HasPrefix(n, "i"):
		t.kind, n = fileInit, n[1:]
	case kind == "m4s" && strings.HasPrefix(n, "p"):
		t.kind, n = filePart, n[1:]
	case kind == "m4s":
		t.kind = fileSegment
	default:
		return false
	}
	t.number, ok = parseNumber(n)
	return ok
}

// plainName tells whether s is made of letters, digits and the signs in more.
func plainName(s, more string) bool {
	if s == "" || len(s) > nameMax {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r) {
			return false
		}
	}
	return strings.Trim(s, ".") != ""
}

// parseNumber reads a decimal-integer as playlists write it: digits alone, no zero in front.
func parseNumber(s string) (int64, bool) {
	if s == "" || len(s) > 18 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// reload is a playlist request's delivery directives (6.2.5).
type reload struct {
	msn, part int64 // -1: not asked for
	skip      bool
	dates     bool // known date ranges may be skipped too
}

// parseReload reads the directives. It reports a text that says what is wrong with them, empty where nothing is.
func parseReload(raw string) (reload, string) {
	r := reload{msn: -1, part: -1}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return r, "The query cannot be read."
	}
	for name, at := range map[string]*int64{"_HLS_msn": &r.msn, "_HLS_part": &r.part} {
		v, there := q[name]
		if !there {
			continue
		}
		n, ok := int64(0), false
		if len(v) == 1 {
			n, ok = parseNumber(v[0])
		}
		if !ok {
			return r, name + " is not a whole number."
		}
		*at = n
	}
	if r.part >= 0 && r.msn < 0 {
		return r, "_HLS_part needs _HLS_msn."
	}
	switch q.Get("_HLS_skip") {
	case "YES":
		r.skip = true
	case "v2":
		r.skip, r.dates = true, true
	}
	return r, ""
}
