package vod

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
)

const (
	belowVideos = "/hls/v/"
	videoFresh  = time.Second // a video's state is read again after this

	namePoster = "poster.jpg"
	nameBoard  = "storyboard.jpg"
	nameTiles  = "storyboard.vtt"

	typeJPEG = "image/jpeg"
	typeVTT  = "text/vtt; charset=utf-8"
)

// film is a video as it is served.
type film struct {
	video  Video
	replay *replay
	tags   []Tag
}

// answerVideo answers /hls/v/{video}/[~{grant}/]{file}: to everybody what is public, to its people the rest.
func (s *Server) answerVideo(w http.ResponseWriter, r *http.Request) error {
	id, _, name, ok := parsePath(strings.TrimPrefix(r.URL.Path, belowVideos))
	if !ok || s.Videos == nil {
		return ErrNotFound
	}
	f, err := s.findVideo(r.Context(), id, false)
	if err == nil && !f.video.Public(s.now()) { // it may be by now
		f, err = s.findVideo(r.Context(), id, true)
	}
	if err != nil {
		return err
	}
	short, immutable := cacheShort, cacheImmutable
	if !f.video.Public(s.now()) {
		if s.Preview == nil || !s.Preview(r, f.video) {
			return ErrNotFound
		}
		short, immutable = "private, no-cache", "private, max-age=60"
	}
	one, ok := f.replay.files[name]
	if !ok {
		return ErrNotFound
	}
	return s.send(w, r, name, one, short, immutable)
}

// findVideo returns a video with its playlists: from memory, or read anew. Its state is looked at each second.
func (s *Server) findVideo(ctx context.Context, id string, anew bool) (*film, error) {
	one := s.slot("v/" + id)
	one.mu.Lock()
	defer one.mu.Unlock()
	now := s.now()
	if one.film != nil && !anew && now.Sub(one.read) < videoFresh {
		return one.film, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	v, err := s.Videos.Video(ctx, id)
	if err == nil && (v.Kind == KindReplay || v.State == StateProcessing || v.State == StateFailed) {
		err = ErrNotFound // a replay plays below /vod/, under its broadcast's rules
	}
	if err != nil {
		s.drop("v/"+id, one)
		return nil, err
	}
	if one.film == nil || !one.film.video.ChangedAt.Equal(v.ChangedAt) || now.Sub(one.rendered) >= replayFresh {
		f, err := s.readVideo(ctx, v)
		if err != nil {
			s.drop("v/"+id, one)
			return nil, err
		}
		one.film, one.rendered = f, now
	}
	one.film = &film{v, one.film.replay, one.film.tags}
	one.read = now
	return one.film, nil
}

func (s *Server) drop(name string, one *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[name] == one {
		delete(s.kept, name)
	}
}

func (s *Server) readVideo(ctx context.Context, v Video) (*film, error) {
	inits, lines, err := s.Store.Timeline(ctx, v)
	if err != nil {
		return nil, err
	}
	tags, err := s.Videos.Tags(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	said, err := CaptionsOf(ctx, s.Captions, v)
	if err != nil {
		return nil, err
	}
	play := newReplay(v, inits, lines, tagRanges(tags), said)
	if v.Poster != nil {
		play.files[namePoster] = file{key: v.Poster.Key, size: v.Poster.Bytes, kind: typeJPEG}
	}
	if v.Board != nil {
		play.files[nameBoard] = file{key: v.Board.Key, size: v.Board.Bytes, kind: typeJPEG}
		tiles := textFile(v.Board.VTT(v.Duration))
		tiles.kind = typeVTT
		play.files[nameTiles] = tiles
	}
	return &film{v, play, tags}, nil
}

// tagRanges names tags as playlists do.
func tagRanges(tags []Tag) (out []hls.DateRange) {
	for _, g := range tags {
		out = append(out, hls.DateRange{ID: "tag-" + g.ID, Class: "live.hawker.pin", From: g.From, Until: g.Until, Attributes: map[string]string{"X-PRODUCT": g.Product}})
	}
	return out
}

// VTT names the tiles of the sheet, one cue each, as players read them for the picture over the seek bar.
func (b Board) VTT(duration time.Duration) string {
	var out strings.Builder
	out.WriteString("WEBVTT\n")
	for i := range b.Count {
		from := time.Duration(i) * b.Every
		until := from + b.Every
		if i == b.Count-1 || until > duration {
			until = duration
		}
		if until <= from {
			break
		}
		fmt.Fprintf(&out, "\n%s --> %s\n%s#xywh=%d,%d,%d,%d\n", cueTime(from), cueTime(until), nameBoard,
			i%b.Columns*b.TileWidth, i/b.Columns*b.TileHeight, b.TileWidth, b.TileHeight)
	}
	return out.String()
}

func cueTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// Playable tells whether there is something of a video to play, for links to it.
func (s *Server) Playable(ctx context.Context, id string) (bool, error) {
	_, err := s.findVideo(ctx, id, false)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
