package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/receipt"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

const (
	receiptKeysPath = "/.well-known/hawker-receipt-keys.json"
	receiptBefore   = 10 * time.Second // of the show, before the frame on which it was bought
	receiptAfter    = 5 * time.Second
)

// receipts puts together what is known of an order.
type receipts struct {
	app   *app
	files *vod.Files
}

// Receipt prepares a receipt. An order that was not bought in a show, or of which nothing is recorded, has no clip.
func (r *receipts) Receipt(ctx context.Context, o shop.Order) (write func(io.Writer) error, done func(), err error) {
	a := r.app
	entries, previous, err := (&shopsql.Store{DB: a.main}).Promised(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	out := receipt.Receipt{
		Issuer: a.config.PublicURL, SignedAt: time.Now().UTC().Truncate(time.Second),
		Order: receipt.Order{
			ID: o.ID, Shop: o.ShopID, State: string(o.State), Currency: o.Currency, Total: o.Total, Paid: o.Paid, Refunded: o.Refunded,
			PlacedAt: o.PlacedAt, Lines: o.Lines, Broadcast: o.Source.Broadcast, Pin: o.Source.Pin, MediaTime: o.Source.MediaTime,
		},
	}
	for i, e := range entries {
		out.Stock = append(out.Stock, receipt.Stock{Entry: e, Previous: previous[i]})
	}
	film, clip, err := r.clip(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		if film != nil {
			_ = film.Close() // nothing was written
		}
	}
	out.Clip = clip
	return func(w io.Writer) error {
		if film == nil {
			return receipt.Write(w, out, a.ring.SignPublic, nil)
		}
		return receipt.Write(w, out, a.ring.SignPublic, film)
	}, done, nil
}

func (r *receipts) clip(ctx context.Context, o shop.Order) (io.ReadSeekCloser, *receipt.Clip, error) {
	if o.Source.Broadcast == "" {
		return nil, nil, nil
	}
	at, err := r.frame(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	d := vod.Download{Video: o.Source.Broadcast, From: max(at-mediatime.Of(receiptBefore), 0), Until: at + mediatime.Of(receiptAfter)}
	film, from, until, err := r.files.Film(ctx, d, receipt.Mark(o.ID))
	if errors.Is(err, vod.ErrNotFound) || errors.Is(err, vod.ErrRange) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return film, &receipt.Clip{Broadcast: o.Source.Broadcast, From: int64(from), Until: int64(until)}, nil
}

// frame is the frame on which an order was placed: what the page said, else the one that was on air.
func (r *receipts) frame(ctx context.Context, o shop.Order) (mediatime.Time, error) {
	if o.Source.MediaTime > 0 {
		return mediatime.Time(o.Source.MediaTime), nil
	}
	b, err := r.app.broadcasts.Get(ctx, o.Source.Broadcast)
	if err != nil || len(b.Anchors) == 0 {
		return 0, err
	}
	anchor := b.Anchors[0]
	for _, one := range b.Anchors {
		if !one.Wall.After(o.PlacedAt) {
			anchor = one
		}
	}
	return max(anchor.Media+mediatime.Of(o.PlacedAt.Sub(anchor.Wall)), 0), nil
}

// receiptKeys publishes the keys that sign receipts.
func (a *app) receiptKeys(w http.ResponseWriter, _ *http.Request) {
	out := receipt.Keys{Keys: []receipt.Key{}}
	for _, k := range a.ring.PublicKeys() {
		one := receipt.Key{ID: k.ID, Algorithm: "Ed25519", Public: base64.StdEncoding.EncodeToString(k.Key), NotBefore: k.NotBefore, NotAfter: k.NotAfter}
		if !k.RevokedAt.IsZero() {
			one.RevokedAt = &k.RevokedAt
		}
		out.Keys = append(out.Keys, one)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("Access-Control-Allow-Origin", "*")
	_ = json.NewEncoder(w).Encode(out) // the client is gone
}

type receiptCommand struct {
	File string `arg:"" help:"The receipt, a ZIP file." type:"existingfile"`
	Keys string `required:"" help:"The published keys, a file: /.well-known/hawker-receipt-keys.json of the server that made the receipt." type:"existingfile"`
}

// Run checks a receipt. It reads two files and nothing else.
func (c receiptCommand) Run(env *environment) error {
	text, err := os.ReadFile(c.Keys)
	if err != nil {
		return err
	}
	var keys receipt.Keys
	if err := json.Unmarshal(text, &keys); err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := receipt.Verify(f, info.Size(), keys)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "The receipt holds. Signed by %s on %s.\n\n  Order   %s, %s, placed %s\n", r.Issuer, r.SignedAt.Format(time.RFC3339), r.Order.ID, r.Order.State, r.Order.PlacedAt.Format(time.RFC3339))
	for _, l := range r.Order.Lines {
		fmt.Fprintf(env.stdout, "  Line    %d x %s (%s), %d each\n", l.Quantity, l.Title, l.Variant, l.UnitPrice)
	}
	fmt.Fprintf(env.stdout, "  Paid    %d of %d (minor units, %s), %d given back\n", r.Order.Paid, r.Order.Total, r.Order.Currency, r.Order.Refunded)
	for _, s := range r.Stock {
		fmt.Fprintf(env.stdout, "  Stock   variant %s, entry %d, hash %s\n", s.Entry.VariantID, s.Entry.Number, s.Entry.Hash)
	}
	if r.Clip != nil {
		fmt.Fprintf(env.stdout, "  Clip    broadcast %s, %v to %v\n", r.Clip.Broadcast, mediatime.Time(r.Clip.From).Duration(), mediatime.Time(r.Clip.Until).Duration())
	}
	return nil
}

type revokeCommand struct {
	ID string `arg:"" help:"The key's id."`
}

// Run revokes a key. Nodes that run know it within a minute, and sign with a new one.
func (c revokeCommand) Run(env *environment) error {
	settings, err := env.load(false)
	if err != nil {
		return err
	}
	db, err := store.Open(env.ctx, store.Config{Database: settings.Database, Dir: settings.Data}, store.Hawker)
	if err != nil {
		return err
	}
	err = (&accountsql.Store{DB: db}).RevokeSigningKey(env.ctx, c.ID, time.Now())
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%s is revoked.\n", c.ID)
	return nil
}
