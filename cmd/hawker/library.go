package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/event/webhook"
	"github.com/hawkerlive/hawker/ingest/upload"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// lateSending is how late packets to viewers leave before what is not live stands aside.
const lateSending = 20 * time.Millisecond

// buildLibrary makes the videos that are no replays: what takes, makes, keeps and plays them.
func (a *app) buildLibrary(rows *vodsql.Store) error {
	tools := &develop.Tools{
		FFmpeg: a.config.Transcode.FFmpeg, Threads: a.config.Transcode.Threads, Limits: a.config.Uploads.Limits,
		Busy: func() bool { return a.whep.Late() > lateSending },
	}
	folder := filepath.Join(a.config.Data, "uploads")
	a.maker = &making.Maker{
		Jobs: rows, Blobs: a.blobs, Tools: tools, Dir: filepath.Join(a.config.Data, "making"), Depot: depot(a.config.Data), Log: a.log,
		Metrics: making.NewMetrics(a.registry), Workers: a.config.Uploads.Jobs,
	}
	a.library = &vod.Library{Videos: rows, Captions: rows, Blobs: a.blobs, Keep: a.config.VOD.Keep, Log: a.log, Wake: a.maker.Wake}
	guard, err := outbound.New(a.config.Outbound, nil)
	if err != nil {
		return fmt.Errorf("outbound: %w", err)
	}
	reviewers := &reviews{rows: rows, sealer: a.accounts.Sealer, publicURL: a.config.PublicURL, client: guard.Client(nil)}
	a.maker.Announce = reviewers.announce
	a.api.Videos, a.api.Reviews = a.library, reviewers
	a.api.VideoProgress = func(ctx context.Context, id string) (*api.VideoProgress, error) { return progressOf(ctx, rows, id) }
	a.replays.Videos, a.replays.Preview = rows, a.mayPreview
	a.buildClips(rows)
	a.buildForYou()
	a.uploads = &upload.Server{
		Dir: folder, Door: uploadDoor{a.api, a.accounts, tools}, Taker: taker{rows, a.maker}, Config: a.config.Uploads.Config, Log: a.log,
		Sniff: func(head []byte) error { _, err := develop.Sniff(head); return err },
	}
	return nil
}

// runLibrary starts what works on videos without being asked.
func (a *app) runLibrary(s *stage) {
	s.run("videos", a.library.Run)
	s.run("clips", a.clipper.Run)
	s.run("blob sweep", a.sweepBlobs)
	s.run("video jobs", a.maker.Run)
	s.run("uploads", a.uploads.Run)
}

// depot names a data folder, for jobs whose file lies in it. A folder that cannot be written to has other trouble.
func depot(data string) string {
	path := filepath.Join(data, "depot")
	if text, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(text))) > 0 {
		return strings.TrimSpace(string(text))
	}
	id := uuid.NewString()
	if err := writeFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "depot of " + data
	}
	return id
}

// mayPreview lets a channel's people see what is not public yet.
func (a *app) mayPreview(r *http.Request, v vod.Video) bool {
	p, err := a.api.Principal(r)
	return err == nil && p.May(account.BroadcastRead, account.Owner{Shop: v.Shop, Channel: v.Channel}) == nil
}

func progressOf(ctx context.Context, rows *vodsql.Store, id string) (*api.VideoProgress, error) {
	j, ok, err := rows.JobOf(ctx, id, vod.JobProcess)
	if err != nil || !ok {
		return nil, err
	}
	out := &api.VideoProgress{Stage: j.Stage, Progress: j.Progress, Attempt: j.Attempt}
	switch j.State {
	case vod.JobDone:
		out.Stage = making.StageDone
	case vod.JobFailed:
		out.Stage = making.StageFailed
	case vod.JobWaiting:
		out.Stage = making.StageWait
	}
	return out, nil
}

// uploadDoor is the API's doorkeeper in upload's words.
type uploadDoor struct {
	api      *api.Server
	accounts *account.Service
	tools    *develop.Tools
}

func (d uploadDoor) Who(r *http.Request) (string, error) {
	p, err := d.api.Principal(r)
	switch {
	case errors.Is(err, api.ErrOrigin):
		return "", upload.ErrForbidden
	case errors.Is(err, account.ErrUnauthenticated), err == nil && p == nil:
		return "", upload.ErrNobody
	case err != nil:
		return "", err
	}
	return p.AccountID, nil
}

func (d uploadDoor) May(r *http.Request, channel string) (upload.Owner, error) {
	p, err := d.api.Principal(r)
	if err != nil || p == nil {
		return upload.Owner{}, upload.ErrNobody
	}
	owner, err := d.accounts.ChannelOwner(r.Context(), channel)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return upload.Owner{}, err
	}
	if err != nil || p.May(account.BroadcastWrite, owner) != nil {
		return upload.Owner{}, upload.ErrForbidden
	}
	return upload.Owner{Account: p.AccountID, Shop: owner.Shop, Channel: owner.Channel}, nil
}

func (d uploadDoor) Ready() error {
	if d.tools.Ready() != nil {
		return upload.ErrTools
	}
	return nil
}

// taker makes videos of whole files.
type taker struct {
	rows  *vodsql.Store
	maker *making.Maker
}

func (t taker) Take(ctx context.Context, u upload.Upload) error {
	v := vod.Video{
		ID: u.ID, Source: u.ID, Shop: u.Shop, Channel: u.Channel, Kind: vod.Kind(u.Kind), State: vod.StateProcessing, By: u.Account,
		Title: vod.CleanTitle(u.Title), CreatedAt: u.CreatedAt.UTC().Truncate(time.Millisecond),
	}
	v.ChangedAt = v.CreatedAt
	if !v.Kind.Uploaded() {
		return upload.ErrKind
	}
	j, err := making.JobOf(v, uuid.Must(uuid.NewV7()).String(), t.maker.Depot, u.Path)
	if err != nil {
		return err
	}
	if _, err := t.rows.Create(ctx, v, j); err != nil {
		return err
	}
	t.maker.Wake()
	return nil
}

// Wants tells whether a video is still to be made of a file. Of a deleted one nothing is.
func (t taker) Wants(ctx context.Context, id string) (bool, error) {
	if _, err := t.rows.Video(ctx, id); err != nil {
		if errors.Is(err, vod.ErrNotFound) {
			err = nil
		}
		return false, err
	}
	j, ok, err := t.rows.JobOf(ctx, id, vod.JobProcess)
	return ok && (j.State == vod.JobWaiting || j.State == vod.JobRunning), err
}

// reviews keeps shops' wishes and tells their webhooks.
type reviews struct {
	rows      *vodsql.Store
	sealer    *account.Sealer
	publicURL string
	client    *http.Client // dials where the operator lets it
}

const sealedAs = "video review webhook"

func (s *reviews) Policy(ctx context.Context, shop string) (vod.Policy, error) {
	return s.rows.Policy(ctx, shop)
}

func (s *reviews) SetPolicy(ctx context.Context, shop string, review bool, address string) (p vod.Policy, secret string, err error) {
	if p, err = s.rows.Policy(ctx, shop); err != nil {
		return p, "", err
	}
	if address != "" && webhook.CheckAddress(address) != nil {
		return p, "", vod.ErrWebhook
	}
	if address != "" && address != p.Webhook {
		secret = webhook.NewSecret()
		p.Secret = s.sealer.Seal(sealedAs+" "+shop, []byte(secret))
	}
	p.Review, p.Webhook = review, address
	return p, secret, s.rows.SetPolicy(ctx, p, time.Now())
}

// announce tells a shop's webhook of a video that waits for a verdict.
func (s *reviews) announce(ctx context.Context, j vod.Job) error {
	v, err := s.rows.Video(ctx, j.Video)
	if errors.Is(err, vod.ErrNotFound) || err == nil && v.State != vod.StateReview {
		return nil // nobody waits any more
	}
	if err != nil {
		return err
	}
	p, err := s.rows.Policy(ctx, j.Shop)
	if err != nil || p.Webhook == "" {
		return err
	}
	secret, err := s.sealer.Open(sealedAs+" "+j.Shop, p.Secret)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"type": "video.review", "timestamp": j.CreatedAt,
		"data": map[string]any{
			"id": v.ID, "shop": v.Shop, "channel": v.Channel, "kind": v.Kind, "title": v.Title, "caption": v.Caption,
			"url": s.publicURL + "/v/" + v.ID, "hls": fmt.Sprintf("%s/hls/v/%s/index.m3u8", s.publicURL, v.ID), "poster": fmt.Sprintf("%s/hls/v/%s/poster.jpg", s.publicURL, v.ID),
		},
	})
	if err != nil {
		return err
	}
	defer s.client.CloseIdleConnections() // the next word is hours away
	err = webhook.Send(ctx, s.client, p.Webhook, string(secret), j.ID, time.Now(), body)
	if errors.Is(err, webhook.ErrGone) || errors.Is(err, webhook.ErrAddress) || errors.Is(err, outbound.ErrForbidden) {
		return errors.Join(making.ErrRefused, err)
	}
	return err
}
