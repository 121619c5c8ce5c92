package store_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func openBlobs(t *testing.T, c store.BlobConfig) *store.Blobs {
	t.Helper()
	b, err := store.OpenBlobs(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// keys lists what is there.
func keys(t *testing.T, b *store.Blobs) (out []string) {
	t.Helper()
	for k, err := range b.Keys(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k)
	}
	return out
}

func TestABlobComesBackAsItWent(t *testing.T) { storetest.EachBucket(t, comesBack) }

func comesBack(t *testing.T, c store.BlobConfig) {
	b := openBlobs(t, c)
	ctx := t.Context()
	const key = "v1/0190-a/pictures/0190-b"
	for _, text := range []string{"first", "second, longer"} {
		if err := b.Put(ctx, key, "image/webp", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		r, contentType, err := b.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != text || contentType != "image/webp" {
			t.Fatalf("%q (%s) came back, %v", got, contentType, err)
		}
		for one, err := range b.List(ctx, "v1/0190-a/") {
			if one.Key != key || one.Bytes != int64(len(text)) || time.Since(one.At).Abs() > time.Minute || err != nil {
				t.Fatalf("the list holds %+v, %v", one, err)
			}
		}
		part, err := b.Range(ctx, key, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		got, err = io.ReadAll(part)
		part.Close()
		if err != nil || string(got) != text[2:5] {
			t.Fatalf("a part of it is %q, %v", got, err)
		}
	}
	if err := b.Put(ctx, "v1/0190-c/x", "text/plain", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if all := keys(t, b); !slices.Equal(all, []string{key, "v1/0190-c/x"}) {
		t.Fatalf("all that is there: %v", all)
	}
	for range 2 {
		if err := b.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Open(ctx, key); !errors.Is(err, store.ErrNoBlob) {
		t.Fatalf("a deleted blob: %v", err)
	}
	if _, err := b.Range(ctx, key, 0, 1); !errors.Is(err, store.ErrNoBlob) {
		t.Fatalf("a part of a deleted blob: %v", err)
	}
}

func TestKeysThatNobodyMakesAreRefused(t *testing.T) { storetest.EachBucket(t, refusesKeys) }

func refusesKeys(t *testing.T, c store.BlobConfig) {
	b := openBlobs(t, c)
	ctx := t.Context()
	for _, key := range []string{"", "v1", "v1/", "v2/a", "/v1/a", "v1/../a", "v1/..", "v1/.", "v1/a/../../../etc/passwd", "v1//a", "v1/a/", "v1/A", "v1/ü",
		"v1/a b", "v1/a\x00", "v1/a\n", `v1/a\b`, "v1/-a", "v1/a.", "v1/" + strings.Repeat("a", 65), "v1" + strings.Repeat("/a", 9)} {
		if err := b.Put(ctx, key, "text/plain", strings.NewReader("x")); !errors.Is(err, store.ErrBlobKey) {
			t.Errorf("Put %q: %v", key, err)
		}
		if _, err := b.Open(ctx, key); !errors.Is(err, store.ErrBlobKey) {
			t.Errorf("Open %q: %v", key, err)
		}
		if err := b.Delete(ctx, key); !errors.Is(err, store.ErrBlobKey) {
			t.Errorf("Delete %q: %v", key, err)
		}
	}
	if left := keys(t, b); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestHalfABlobIsNone breaks the body off in the middle.
func TestHalfABlobIsNone(t *testing.T) { storetest.EachBucket(t, leavesNoHalf) }

func leavesNoHalf(t *testing.T, c store.BlobConfig) {
	b := openBlobs(t, c)
	ctx := t.Context()
	broken := errors.New("broken")
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), failing{broken})
	if err := b.Put(ctx, "v1/a/b", "text/plain", body); !errors.Is(err, broken) {
		t.Fatalf("the error became %v", err)
	}
	if _, err := b.Open(ctx, "v1/a/b"); !errors.Is(err, store.ErrNoBlob) {
		t.Fatalf("half a blob is there: %v", err)
	}
	if left := keys(t, b); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if c.Dir == "" {
		return
	}
	err := filepath.WalkDir(c.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestABucketNeedsItsDriver(t *testing.T) {
	t.Parallel()
	if _, err := store.OpenBlobs(t.Context(), store.BlobConfig{URL: "nowhere://bucket"}); err == nil {
		t.Fatal("a bucket of nowhere opens")
	}
}
