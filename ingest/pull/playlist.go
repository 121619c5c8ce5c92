package pull

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of a playlist.
const (
	playlistMax = 1 << 20
	segmentsMax = 20_000
	variantsMax = 64
	lineMax     = 8 << 10
)

// playlist is what we need of an HLS playlist (RFC 8216): its variants, or its segments.
type playlist struct {
	at *url.URL // where it was found

	variants []variant
	sounds   map[string]string // URI of an audio group's rendition

	target   time.Duration
	segments []segment
	ended    bool
}

// address is that of something in the playlist.
func (p *playlist) address(uri string) (*url.URL, error) {
	u, err := p.at.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: an address in the playlist", errMalformed)
	}
	return u, nil
}

type variant struct {
	uri, sound string // sound: the audio group
	bandwidth  int
	width      int
	codecs     string
}

type segment struct {
	number    int64
	uri       string
	span      span
	init      string // of its MAP
	initSpan  span
	duration  time.Duration
	cut       bool // a discontinuity before it
	gap       bool
	encrypted bool
}

// span is a byte range; without a length the whole.
type span struct{ from, length int64 }

// parsePlaylist reads a playlist. It takes what it does not know for nothing.
func parsePlaylist(text []byte) (*playlist, error) {
	if len(text) > playlistMax || !bytes.HasPrefix(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("#EXTM3U")) {
		return nil, fmt.Errorf("%w: no playlist", errMalformed)
	}
	p := &reading{out: &playlist{sounds: map[string]string{}}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(make([]byte, 0, 1024), lineMax)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "":
		case !strings.HasPrefix(line, "#"):
			if err := p.uri(line); err != nil {
				return nil, err
			}
		default:
			name, value, _ := strings.Cut(line, ":")
			p.tag(name, value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return p.out, nil
}

// reading is what the tags so far say about the URI to come.
type reading struct {
	out     *playlist
	next    segment
	variant *variant
	number  int64
	counted bool
	end     int64 // of the newest byte range
}

func (r *reading) tag(name, value string) {
	switch name {
	case "#EXT-X-TARGETDURATION":
		r.out.target = seconds(value)
	case "#EXT-X-MEDIA-SEQUENCE":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && !r.counted {
			r.number = n
		}
	case "#EXT-X-ENDLIST":
		r.out.ended = true
	case "#EXTINF":
		length, _, _ := strings.Cut(value, ",")
		r.next.duration = seconds(length)
	case "#EXT-X-DISCONTINUITY":
		r.next.cut = true
	case "#EXT-X-GAP":
		r.next.gap = true
	case "#EXT-X-BYTERANGE":
		r.next.span = r.bytes(value)
	case "#EXT-X-KEY":
		r.next.encrypted = attributes(value)["METHOD"] != "NONE"
	case "#EXT-X-MAP":
		a := attributes(value)
		r.next.init, r.next.initSpan = a["URI"], span{}
		if a["BYTERANGE"] != "" {
			r.next.initSpan = r.bytes(a["BYTERANGE"])
		}
	case "#EXT-X-STREAM-INF":
		a := attributes(value)
		r.variant = &variant{sound: a["AUDIO"], codecs: a["CODECS"]}
		r.variant.bandwidth, _ = strconv.Atoi(a["BANDWIDTH"]) // none: the least
		width, _, _ := strings.Cut(a["RESOLUTION"], "x")
		r.variant.width, _ = strconv.Atoi(width)
	case "#EXT-X-MEDIA":
		a := attributes(value)
		if a["TYPE"] == "AUDIO" && a["URI"] != "" && len(r.out.sounds) < variantsMax && (r.out.sounds[a["GROUP-ID"]] == "" || a["DEFAULT"] == "YES") {
			r.out.sounds[a["GROUP-ID"]] = a["URI"]
		}
	}
}

func (r *reading) uri(line string) error {
	if r.variant != nil {
		if r.variant.uri = line; len(r.out.variants) < variantsMax {
			r.out.variants = append(r.out.variants, *r.variant)
		}
		r.variant = nil
		return nil
	}
	if len(r.out.segments) >= segmentsMax {
		return fmt.Errorf("%w: more than %d segments", errMalformed, segmentsMax)
	}
	one := r.next
	one.uri, one.number = line, r.number
	r.number++
	r.counted = true
	r.out.segments = append(r.out.segments, one)
	r.next = segment{init: one.init, initSpan: one.initSpan, encrypted: one.encrypted}
	return nil
}

// bytes reads length[@from].
func (r *reading) bytes(value string) span {
	length, from, begins := strings.Cut(value, "@")
	n, err := strconv.ParseInt(length, 10, 64)
	if err != nil || n <= 0 || n > 1<<40 {
		return span{}
	}
	out := span{from: r.end, length: n}
	if begins {
		if out.from, err = strconv.ParseInt(from, 10, 64); err != nil || out.from < 0 || out.from > 1<<50 {
			return span{}
		}
	}
	r.end = out.from + out.length
	return out
}

// seconds reads a duration; one that cannot be is none.
func seconds(value string) time.Duration {
	f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(f >= 0 && f < 3600) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// attributes reads an attribute list (RFC 8216, 4.2).
func attributes(list string) map[string]string {
	out := map[string]string{}
	for list != "" && len(out) < 64 {
		name, rest, ok := strings.Cut(list, "=")
		if !ok {
			break
		}
		var value string
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
		list = rest
	}
	return out
}
