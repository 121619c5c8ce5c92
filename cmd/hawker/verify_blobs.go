package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// errBlobs ends verify with status 1.
var errBlobs = errors.New("blobs are missing or not what was stored")

const (
	blobFaultsTold = 20
	sweepEvery     = 6 * time.Hour
	sweepFirst     = 10 * time.Minute
	sweepAge       = 24 * time.Hour // a blob is put before its line
	sweepAtOnce    = 200
)

// recordedKey is how the blobs of recordings and videos are named; what reads otherwise is not ours to sweep.
var recordedKey = regexp.MustCompile(`^v1/[^/]+/[^/]+/[0-9]+/[a-z0-9]+/i?[0-9]+-[^/]+$`)

// verifyBlobs looks for every blob that recordings, videos and products name.
func verifyBlobs(env *environment, c config.Config, main *store.DB, deep bool) error {
	activity, err := store.Open(env.ctx, store.Config{Database: c.Database, Dir: c.Data}, store.Activity)
	if err != nil {
		return err
	}
	blobs, err := store.OpenBlobs(env.ctx, blobConfig(c))
	if err != nil {
		return errors.Join(err, activity.Close())
	}
	defer func() { _ = errors.Join(blobs.Close(), activity.Close()) }() // nothing was written
	v := &blobVerifier{ctx: env.ctx, blobs: blobs, deep: deep, out: env.stdout}
	if err := (&vodsql.Store{DB: activity}).Blobs(env.ctx, v.check); err != nil {
		return err
	}
	err = (&shopsql.Store{DB: main}).PictureKeys(env.ctx, func(key string) error { return v.check(vodsql.StoredBlob{Key: key, Bytes: -1}) })
	if err != nil {
		return err
	}
	how := "by length"
	if deep {
		how = "by SHA-256 where it was noted"
	}
	fmt.Fprintf(env.stdout, "\nBlobs\n\n  Checked   %10d, %s\n  Faults    %10d\n", v.checked, how, v.faults)
	if v.faults > 0 {
		return errBlobs
	}
	return nil
}

type blobVerifier struct {
	ctx             context.Context
	blobs           *store.Blobs
	deep            bool
	out             io.Writer
	checked, faults int
	folder          string // whose list is in sizes
	sizes           map[string]int64
}

func (v *blobVerifier) check(b vodsql.StoredBlob) error {
	v.checked++
	if err := v.list(b.Key); err != nil {
		return err
	}
	size, there := v.sizes[b.Key]
	switch {
	case !there:
		v.found("%s is missing", b.Key)
	case b.Bytes >= 0 && size != b.Bytes:
		v.found("%s has %d bytes, not %d", b.Key, size, b.Bytes)
	case v.deep && b.Sum != "":
		r, err := v.blobs.Open(v.ctx, b.Key)
		if err != nil {
			return err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		if hex.EncodeToString(sum.Sum(nil)) != b.Sum {
			v.found("%s was changed", b.Key)
		}
	}
	return nil
}

// list reads what there is beside a key: blobs of one recording come one after the other.
func (v *blobVerifier) list(key string) error {
	folder := strings.Join(strings.SplitAfterN(key, "/", 4)[:3], "")
	if folder == v.folder {
		return nil
	}
	v.folder, v.sizes = folder, map[string]int64{}
	for one, err := range v.blobs.List(v.ctx, folder) {
		if err != nil {
			return err
		}
		v.sizes[one.Key] = one.Bytes
	}
	return nil
}

func (v *blobVerifier) found(format string, args ...any) {
	if v.faults++; v.faults <= blobFaultsTold {
		fmt.Fprintf(v.out, "  "+format+"\n", args...)
	}
}

// sweepBlobs removes what no line names: a process died between the two, long ago. It runs until ctx ends.
func (a *app) sweepBlobs(ctx context.Context) error {
	next := time.NewTimer(sweepFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		if n, err := sweepOnce(ctx, a.blobs, &vodsql.Store{DB: a.activity}, time.Now().Add(-sweepAge)); err != nil && ctx.Err() == nil {
			a.log.Error("sweep the blobs", "err", err)
		} else if n > 0 {
			a.log.Info("blobs that nothing named are removed", "blobs", n)
		}
		next.Reset(sweepEvery)
	}
}

func sweepOnce(ctx context.Context, blobs *store.Blobs, lines *vodsql.Store, before time.Time) (removed int, err error) {
	var old []string
	sweep := func() error {
		loose, err := lines.Unnamed(ctx, old)
		if err != nil {
			return err
		}
		for _, key := range loose {
			if err := blobs.Delete(ctx, key); err != nil {
				return err
			}
			removed++
		}
		old = old[:0]
		return nil
	}
	for one, err := range blobs.List(ctx, "v1/") {
		if err != nil {
			return removed, err
		}
		if !recordedKey.MatchString(one.Key) || one.At.After(before) {
			continue
		}
		if old = append(old, one.Key); len(old) >= sweepAtOnce {
			if err := sweep(); err != nil {
				return removed, err
			}
		}
	}
	return removed, sweep()
}
