package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed" // export.html
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

//go:embed export.html
var exportPage []byte

// exports makes packages of videos.
type exports struct {
	app   *app
	files *vod.Files
}

// exported is video.json.
type exported struct {
	Version  int           `json:"hawker_video"`
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Caption  string        `json:"caption,omitempty"`
	URL      string        `json:"url"`
	Duration int64         `json:"duration"` // µs
	Pins     []exportedPin `json:"pins"`
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

// Export writes a ZIP that plays anywhere: HLS under hls/, the same pictures as one MP4, the products as WebVTT and
// JSON, and a page that needs nothing else.
func (e *exports) Export(ctx context.Context, v vod.Video, tags []vod.Tag, w io.Writer) error {
	pins, err := e.pins(ctx, v, tags)
	if err != nil {
		return err
	}
	about, err := json.MarshalIndent(exported{1, v.ID, v.Title, v.Caption, e.app.config.PublicURL + "/v/" + v.ID, v.Duration.Microseconds(), pins}, "", "  ")
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
		{"index.html", bytes.NewReader(exportPage)}, {"video.json", bytes.NewReader(about)}, {"pins.vtt", strings.NewReader(pinsVTT(pins))}, {"video.mp4", film},
	} {
		if err := add(one.name, one.body); err != nil {
			return err
		}
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
			one.Picture = e.app.config.PublicURL + "/v1/pictures/" + p.Picture
		}
		out = append(out, one)
	}
	return out, nil
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
