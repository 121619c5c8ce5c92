package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

const patience = 20 * time.Millisecond

// watchHLS is a player over HLS on connections of its own: the playlists, a segment, and by turns a reload that is
// given up while it waits.
func watchHLS(s *server) (cycle, error) {
	return func(ctx context.Context, n int) error {
		own := &server{http: &http.Client{Transport: &http.Transport{}}}
		defer own.http.CloseIdleConnections()
		base := s.url + "/hls/" + s.broadcast + "/"
		index, err := own.get(ctx, base+"index.m3u8")
		if err != nil {
			return err
		}
		main := uri(index)
		if main == "" {
			return errors.New("the multivariant playlist names no rendition")
		}
		list, err := own.get(ctx, base+main)
		if err != nil {
			return err
		}
		media := uri(list)
		if media == "" {
			return errors.New("the playlist names no segment")
		}
		if _, err := own.get(ctx, base+path.Join(path.Dir(main), media)); err != nil {
			return err
		}
		if n&1 != 0 {
			return own.giveUp(ctx, base+main, list)
		}
		return nil
	}, nil
}

// giveUp asks for a segment that does not exist yet and leaves after a moment.
func (s *server) giveUp(ctx context.Context, url, playlist string) error {
	next, err := number(playlist, "#EXT-X-MEDIA-SEQUENCE:")
	if err != nil {
		return err
	}
	next += strings.Count(playlist, "#EXTINF:") + 1
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err = s.get(within, fmt.Sprintf("%s?_HLS_msn=%d", url, next)); ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err // or none, if it came in time
}

// uri is a playlist's last line that is one.
func uri(playlist string) (last string) {
	for l := range strings.Lines(playlist) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			last = l
		}
	}
	return last
}
