package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"
)

// piece is a segment as a playlist names it.
type piece struct {
	url, init string
	duration  time.Duration
}

// reel is a media playlist: pieces in order, the first of them with a number.
type reel struct {
	url    string
	first  int
	pieces []piece
	ended  bool // nothing is added any more
	target time.Duration
}

func (l *reel) at(number int) (piece, bool) {
	if number < l.first || number >= l.first+len(l.pieces) {
		return piece{}, false
	}
	return l.pieces[number-l.first], true
}

// anywhere is the number of a piece, by chance.
func (l *reel) anywhere() int { return l.first + rand.IntN(len(l.pieces)) }

// threaded reads a media playlist that came from an address.
func threaded(from, text string) (*reel, error) {
	base, err := url.Parse(from)
	if err != nil {
		return nil, err
	}
	l := &reel{url: from}
	var next piece
	var long float64
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"):
			_, err = fmt.Sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%d", &l.first)
		case strings.HasPrefix(line, "#EXT-X-TARGETDURATION:"):
			if _, err = fmt.Sscanf(line, "#EXT-X-TARGETDURATION:%g", &long); err == nil {
				l.target, err = seconds(long)
			}
		case strings.HasPrefix(line, "#EXT-X-ENDLIST"):
			l.ended = true
		case strings.HasPrefix(line, "#EXT-X-MAP:"):
			_, uri, _ := strings.Cut(line, `URI="`)
			uri, _, _ = strings.Cut(uri, `"`)
			next.init, err = within(base, uri)
		case strings.HasPrefix(line, "#EXTINF:"):
			if _, err = fmt.Sscanf(line, "#EXTINF:%g", &long); err == nil {
				next.duration, err = seconds(long)
			}
		case line != "" && line[0] != '#':
			if next.url, err = within(base, line); err == nil && next.duration > 0 {
				l.pieces = append(l.pieces, next)
			}
			next.duration = 0
		}
		if err != nil {
			return nil, fmt.Errorf("read %.100q of a playlist: %w", line, err)
		}
	}
	if len(l.pieces) == 0 || l.first < 0 {
		return nil, errors.New("a playlist lists nothing")
	}
	return l, nil
}

func seconds(s float64) (time.Duration, error) {
	if s < 0 || s > 3600 || s != s {
		return 0, errors.New("nothing lasts as long")
	}
	return time.Duration(s * float64(time.Second)), nil
}

// within resolves what a playlist names; it may not lead to another server.
func within(base *url.URL, name string) (string, error) {
	out, err := base.Parse(name)
	if err != nil {
		return "", err
	}
	if out.Host != base.Host || out.Scheme != base.Scheme {
		return "", errors.New("it leads elsewhere")
	}
	return out.String(), nil
}

// variant is the first rendition that a multivariant playlist names.
func variant(from, text string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return within(base, line)
		}
	}
	return "", errors.New("a playlist names no rendition")
}
