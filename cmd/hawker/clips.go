package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

const (
	momentsFor    = time.Hour // a pin that was removed within this may still become a clip
	momentsMax    = 2000      // the newest of them are looked at
	endedMax      = 200       // as are the shows that ended last, for what lay on the picture until then
	posterWidth   = 360
	posterWithin  = time.Minute // behind everything else on a busy machine
	posterByteMax = 1 << 20
	settleWithin  = 5 * time.Second
)

// buildClips makes what cuts clips out of recordings, and files.
func (a *app) buildClips(rows *vodsql.Store) {
	files := vod.NewFiles(rows, rows, a.blobs, a.ring.For(account.PurposeDownload))
	m := &moments{app: a}
	a.clipper = &vod.Clipper{
		Clips: rows, Store: rows, Blobs: a.blobs, Library: a.library, Moments: m.list, Poster: a.clipPoster(), Log: a.log,
	}
	a.replays.Files = files
	a.api.Exports = &exports{app: a, files: files}
	a.api.Receipts = &receipts{app: a, files: files}
	a.api.Clips = clips{Files: files, Clipper: a.clipper, settled: a.settled}
}

// clips is what the API needs of both.
type clips struct {
	*vod.Files
	*vod.Clipper
	settled func(ctx context.Context, broadcast string) error
}

// DeleteRecording waits for what of it is on its way to the blobs: it would come back as a recording.
func (c clips) DeleteRecording(ctx context.Context, broadcast string) error {
	wait, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	if c.settled(wait, broadcast) != nil {
		return vod.ErrNotReady
	}
	return c.Library.DeleteRecording(ctx, broadcast)
}

// settled waits until nothing of a broadcast is on its way to the blobs.
func (a *app) settled(ctx context.Context, broadcast string) error {
	if a.recorder == nil {
		return nil
	}
	return a.recorder.Settled(ctx, broadcast)
}

func (c clips) ClipMode(ctx context.Context, channel string) (vod.ClipMode, error) {
	return c.Clips.ClipMode(ctx, channel)
}

func (c clips) SetClipMode(ctx context.Context, channel string, m vod.ClipMode) error {
	return c.Clips.SetClipMode(ctx, channel, m, time.Now())
}

// moments lists what lay on the pictures of shows that are or were just on air.
type moments struct {
	app    *app
	titles map[string]string            // of products
	left   map[string][]overlay.Removed // by show: what was still there when it ended
}

// list reads of the shows only what the moments that are not settled need: it is asked every second.
func (m *moments) list(ctx context.Context, settled func(id string) bool) (out []vod.Moment, err error) {
	pins, err := m.app.overlay.Removed(ctx, time.Now().Add(-momentsFor), momentsMax)
	if err != nil {
		return nil, err
	}
	left, err := m.atTheEnd(ctx)
	if err != nil {
		return nil, err
	}
	pins = append(pins, left...)
	if len(m.titles) > momentsMax || m.titles == nil {
		m.titles = map[string]string{}
	}
	shows := map[string]streaming.Broadcast{}
	for _, p := range slices.Backward(pins) { // the oldest first
		if p.Until == nil || (*p.Until-p.From).Duration() < vod.ClipLeast || settled(p.ID) {
			continue
		}
		b, read := shows[p.Broadcast]
		if !read {
			if b, err = m.app.broadcasts.Get(ctx, p.Broadcast); errors.Is(err, streaming.ErrNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			shows[p.Broadcast] = b
		}
		if b.State == streaming.Rehearsal {
			continue
		}
		title, known := m.titles[p.Product]
		if !known {
			if product, err := m.app.shop.Product(ctx, p.Product); err == nil { // a product may be gone
				title = product.Title
			}
			m.titles[p.Product] = title
		}
		if p.Set != nil {
			title = p.Set.Name
		}
		access := "restricted"
		if api.AccessOf(b).Open() {
			access = "public"
		}
		out = append(out, vod.Moment{
			ID: p.ID, Broadcast: b.ID, Shop: b.ShopID, Channel: b.ChannelID, Access: access, Product: p.Product,
			Title: title, Caption: b.Title, From: p.From, Until: *p.Until,
		})
	}
	return out, nil
}

// atTheEnd lists the pins that nobody removed before their shows ended, as if they were removed then: the last first.
func (m *moments) atTheEnd(ctx context.Context) (out []overlay.Removed, err error) {
	ended, err := m.app.broadcasts.Store.EndedSince(ctx, time.Now().Add(-momentsFor), endedMax)
	if err != nil {
		return nil, err
	}
	known := make(map[string][]overlay.Removed, len(ended)) // what has ended does not change
	for _, b := range ended {
		pins, read := m.left[b.ID]
		if !read {
			all, err := m.app.overlay.History(ctx, b.ID)
			if errors.Is(err, overlay.ErrNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			for _, p := range slices.Backward(all) {
				if until := b.Length; p.Until == nil {
					p.Until = &until
					pins = append(pins, overlay.Removed{Broadcast: b.ID, Record: p})
				}
			}
		}
		known[b.ID] = pins
		out = append(out, pins...)
	}
	m.left = known
	return out, nil
}

// clipPoster makes the picture of a clip by ffmpeg, behind everything else; nil where there is none.
func (a *app) clipPoster() func(context.Context, []byte) ([]byte, int, int, error) {
	path, err := exec.LookPath(a.config.Transcode.FFmpeg)
	if err != nil {
		return nil
	}
	return func(ctx context.Context, media []byte) ([]byte, int, int, error) {
		ctx, cancel := context.WithTimeout(ctx, posterWithin)
		defer cancel()
		args := []string{path, "-nostdin", "-v", "error", "-protocol_whitelist", "pipe", "-threads", "1", "-f", "mp4", "-i", "pipe:0",
			"-an", "-frames:v", "1", "-vf", "scale=" + strconv.Itoa(posterWidth) + ":-2", "-q:v", "4", "-f", "mjpeg", "pipe:1"}
		if nice, err := exec.LookPath("nice"); err == nil {
			args = append([]string{nice, "-n", "15"}, args...)
		}
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		var out, said bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(media), &out, &said
		err := cmd.Run()
		size, failed := jpeg.DecodeConfig(bytes.NewReader(out.Bytes()))
		if failed != nil || out.Len() > posterByteMax { // ffmpeg may mind that we stop listening to the rest
			return nil, 0, 0, fmt.Errorf("make a poster: %w: %.200s", errors.Join(err, failed), said.String())
		}
		return out.Bytes(), size.Width, size.Height, nil
	}
}
