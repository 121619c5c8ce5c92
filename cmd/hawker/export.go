package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed" // the pages
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/web"
)

// exportPage plays the package through the player that lies in it; exportPlain does without, also from a folder that no
// server serves.
var (
	//go:embed export.html
	exportPage string
	//go:embed export_plain.html
	exportPlain string
)

// exports makes packages of videos.
type exports struct {
	app   *app
	files *vod.Files
}

// exported is video.json.
type exported struct {
	Version  int            `json:"hawker_video"`
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Caption  string         `json:"caption,omitempty"`
	URL      string         `json:"url"`
	HLS      string         `json:"hls"`
	From     int64          `json:"from"`     // µs: media time of its first frame, as its playlists date it
	Duration int64          `json:"duration"` // µs
	Pins     []exportedPin  `json:"pins"`
	Captions []exportedText `json:"captions,omitempty"`
}

// exportedText is what is said in the video, in one language.
type exportedText struct {
	Language string `json:"language"`
	Label    string `json:"label"`
	File     string `json:"file"`
}

// exportedPin is a product on the video's frames, as it was when the package was made.
type exportedPin struct {
	Product  string `json:"product"`
	Title    string `json:"title"`
	Price    int64  `json:"price"` // minor units
	Currency string `json:"currency"`
	Picture  string `json:"picture,omitempty"`
	URL      string `json:"url"`
	From     int64  `json:"from"` // µs from the video's beginning
	Until    int64  `json:"until"`
}

// Export writes a ZIP that plays anywhere: HLS with its captions under hls/, the same pictures as one MP4, the products as
// WebVTT and JSON with their pictures, and two pages that need nothing else: one with our player, one without.
func (e *exports) Export(ctx context.Context, v vod.Video, tags []vod.Tag, w io.Writer) error {
	pins, err := e.pins(ctx, v, tags)
	if err != nil {
		return err
	}
	said, err := e.app.library.CaptionsFor(ctx, v)
	if err != nil {
		return err
	}
	one := exported{
		Version: 1, ID: v.ID, Title: v.Title, Caption: v.Caption, URL: e.app.config.PublicURL + "/v/" + v.ID, HLS: "hls/index.m3u8", From: int64(v.From),
		Duration: v.Duration.Microseconds(), Pins: pins,
	}
	for _, c := range said {
		one.Captions = append(one.Captions, exportedText{c.Language, c.Label, "hls/captions-" + c.Language + ".vtt"})
	}
	about, err := json.MarshalIndent(one, "", "  ")
	if err != nil {
		return err
	}
	film, _, _, err := e.files.Film(ctx, vod.Download{Video: v.ID}, nil)
	if err != nil {
		return err
	}
	defer film.Close()
	z := zip.NewWriter(w)
	add := func(name string, body io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: v.ChangedAt})
		if err == nil {
			_, err = io.Copy(f, body)
		}
		return err
	}
	for _, one := range []struct {
		name string
		body io.Reader
	}{
		{"index.html", strings.NewReader(strings.Replace(exportPage, "PLAYER", web.LibraryName(), 1))}, {"plain.html", strings.NewReader(plainPage(one.Captions))},
		{"video.json", bytes.NewReader(about)}, {"pins.vtt", strings.NewReader(pinsVTT(pins))}, {"video.mp4", film},
	} {
		if err := add(one.name, one.body); err != nil {
			return err
		}
	}
	if err := errors.Join(web.Library(func(name string, body []byte) error { return add("player/"+name, bytes.NewReader(body)) }), e.pictures(ctx, pins, add)); err != nil {
		return err
	}
	err = e.app.replays.Package(ctx, v.ID, func(name string, body io.Reader) error {
		if name == "poster.jpg" {
			return add(name, body)
		}
		return add("hls/"+name, body)
	})
	return errors.Join(err, z.Close())
}

func (e *exports) pins(ctx context.Context, v vod.Video, tags []vod.Tag) ([]exportedPin, error) {
	out := []exportedPin{}
	for _, g := range tags {
		p, err := e.app.shop.Product(ctx, g.Product)
		if err != nil {
			continue // it is gone, and with it the card
		}
		one := exportedPin{
			Product: p.ID, Title: p.Title, Price: p.Price.Amount, Currency: p.Price.Currency, URL: e.app.config.PublicURL + "/v/" + v.ID,
			From: int64(g.From), Until: int64(g.Until),
		}
		if len(p.Variants) > 0 {
			one.Price = p.Variants[0].Price.Amount
		}
		if one.Until == 0 {
			one.Until = v.Duration.Microseconds()
		}
		if p.Picture != "" {
			one.Picture = "pictures/" + p.Picture
		}
		out = append(out, one)
	}
	return out, nil
}

// pictures puts the products' pictures into the package, each once.
func (e *exports) pictures(ctx context.Context, pins []exportedPin, add func(string, io.Reader) error) error {
	done := map[string]bool{"": true}
	for _, p := range pins {
		if done[p.Picture] {
			continue
		}
		done[p.Picture] = true
		_, body, err := e.app.shop.OpenPicture(ctx, strings.TrimPrefix(p.Picture, "pictures/"))
		if err != nil {
			return err
		}
		if err := errors.Join(add(p.Picture, body), body.Close()); err != nil {
			return err
		}
	}
	return nil
}

// plainPage names the captions for the browser's own player. Labels and tags are plain text by their own rules.
func plainPage(said []exportedText) string {
	var tracks strings.Builder
	for _, c := range said {
		fmt.Fprintf(&tracks, `<track kind="captions" src="%s" srclang="%s" label="%s" />`, html.EscapeString(c.File), html.EscapeString(c.Language), html.EscapeString(c.Label))
	}
	return strings.Replace(exportPlain, "<!-- captions -->", tracks.String(), 1)
}

// pinsVTT is the products as a track of metadata: a cue of JSON each.
func pinsVTT(pins []exportedPin) string {
	var b strings.Builder
	b.WriteString("WEBVTT\n")
	for _, p := range pins {
		text, err := json.Marshal(p) // it has no line in it
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n%s --> %s\n%s\n", p.Product, cueTime(mediatime.Time(p.From).Duration()), cueTime(mediatime.Time(p.Until).Duration()), text)
	}
	return b.String()
}

func cueTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
