package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// recordedIn stores a line per blob and returns the keys.
func recordedIn(t *testing.T, s *vodsql.Store, blobs *store.Blobs, n int) (keys []string) {
	t.Helper()
	for i := range n {
		key := fmt.Sprintf("v1/shop/show/1/main/%d-abc", i)
		keys = append(keys, key)
		if err := blobs.Put(t.Context(), key, "video/mp4", strings.NewReader("picture")); err != nil {
			t.Fatal(err)
		}
		from := mediatime.Of(time.Duration(i) * time.Second)
		l := vod.Line{
			Source: "show", Rendition: "main", Life: "l", Number: int64(i), From: from, Duration: time.Second, Date: time.Now(), Bytes: 7, Key: key,
			Sum: "6f0aaf10d6d75a3d2ae2a0e6a5ea9bf4dba1c3a2ec1cb6dce1a2c3e7ab2bdcf5",
		}
		init := vod.Init{Source: "show", Rendition: "main", Life: "l", Key: "v1/shop/show/1/main/i0-l", Bytes: 4}
		if _, err := s.Add(t.Context(), vod.Video{ID: "show", Source: "show", Shop: "shop", Kind: vod.KindReplay, CreatedAt: time.Now()}, init, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := blobs.Put(t.Context(), "v1/shop/show/1/main/i0-l", "video/mp4", bytes.NewReader([]byte("init"))); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestVerifyMissesBlobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := store.Config{Dir: dir}
	db, err := store.Open(t.Context(), c, store.Activity)
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := store.OpenBlobs(t.Context(), store.BlobConfig{Dir: filepath.Join(dir, "blobs")})
	if err != nil {
		t.Fatal(err)
	}
	keys := recordedIn(t, &vodsql.Store{DB: db}, blobs, 4)
	if main, err := store.Open(t.Context(), c, store.Hawker); err != nil || main.Close() != nil {
		t.Fatal(err)
	}
	if _, err := account.SecretKey(filepath.Join(dir, "secret_key")); err != nil {
		t.Fatal(err)
	}
	if status, text := command(t, "verify", "--data", dir); status != 0 || !strings.Contains(text, "Checked            5") {
		t.Fatal(status, text)
	}
	if status, text := command(t, "verify", "--data", dir, "--deep"); status != 1 || !strings.Contains(text, keys[0]+" was changed") {
		t.Fatal(status, text)
	}
	if err := blobs.Delete(t.Context(), keys[1]); err != nil {
		t.Fatal(err)
	}
	if err := blobs.Put(t.Context(), keys[2], "video/mp4", strings.NewReader("short")); err != nil {
		t.Fatal(err)
	}
	status, text := command(t, "verify", "--data", dir)
	if status != 1 || !strings.Contains(text, keys[1]+" is missing") || !strings.Contains(text, keys[2]+" has 5 bytes, not 7") || !strings.Contains(text, "Faults             2") {
		t.Error(status, text)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// What no line names is swept when it is old; pictures, posters and what is new are left.
func TestWhatNothingNamesIsSwept(t *testing.T) {
	storetest.EachBucket(t, func(t *testing.T, c store.BlobConfig) {
		db := storetest.Open(t, store.SQLite, store.Activity)
		blobs, err := store.OpenBlobs(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer blobs.Close()
		s := &vodsql.Store{DB: db}
		recordedIn(t, s, blobs, 3)
		loose := []string{"v1/shop/show/1/main/9-dead", "v1/shop/gone/2/480p/i0-l"}
		for _, key := range append([]string{"v1/shop/pictures/a", "v1/shop/show/poster/ab"}, loose...) {
			if err := blobs.Put(t.Context(), key, "image/png", strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := sweepOnce(t.Context(), blobs, s, time.Now().Add(-time.Hour)); n != 0 || err != nil {
			t.Fatal("what is new is swept:", n, err)
		}
		if n, err := sweepOnce(t.Context(), blobs, s, time.Now().Add(time.Hour)); n != len(loose) || err != nil {
			t.Fatal(n, err)
		}
		left := 0
		for _, err := range blobs.Keys(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			left++
		}
		if left != 4+2 {
			t.Errorf("%d are left", left)
		}
	})
}
