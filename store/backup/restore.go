package backup

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/hawkerlive/hawker/store"
)

// Target is where a backup goes: databases that hold nothing, and blobs.
type Target struct {
	Config store.Config
	Blobs  *store.Blobs
}

// Restore brings back the named backup of a folder, or the newest where the name is empty. Every file is compared with
// what was written down before anything is loaded.
func Restore(ctx context.Context, dir, name string, t Target) (r Report, err error) {
	names, err := List(dir)
	if err != nil {
		return r, err
	}
	if name == "" {
		name = names[len(names)-1]
	}
	if !slices.Contains(names, name) {
		return r, fmt.Errorf("%w: %s", ErrNone, name)
	}
	r.Name = name
	here := filepath.Join(dir, name)
	if r.Manifest, err = check(here); err != nil {
		return r, err
	}
	blobs, err := store.OpenBlobs(ctx, store.BlobConfig{Dir: filepath.Join(dir, blobsFolder)})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	have := map[string]int64{}
	for one, err := range t.Blobs.List(ctx, "") {
		if err != nil {
			return r, err
		}
		have[one.Key] = one.Bytes
	}
	err = eachBlob(here, func(key string, bytes int64) error {
		if n, ok := have[key]; ok && n == bytes {
			r.Kept++
			return nil
		}
		switch err := copyBlob(ctx, blobs, t.Blobs, key); {
		case errors.Is(err, store.ErrNoBlob):
			return fmt.Errorf("%w: %s", ErrMissing, key)
		case err != nil:
			return err
		}
		r.Copied++
		r.CopiedBytes += bytes
		return nil
	})
	if err != nil {
		return r, err
	}
	// The databases last: what is half restored is still empty to whoever starts it.
	for _, f := range r.Files {
		if f.Schema == "" {
			continue
		}
		if err := load(ctx, here, f, t.Config); err != nil {
			return r, err
		}
	}
	return r, nil
}

func load(ctx context.Context, dir string, f File, c store.Config) error {
	in, err := os.Open(filepath.Join(dir, f.Name))
	if err != nil {
		return fmt.Errorf("backup: open a dump: %w", err)
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("backup: read a dump: %w", err)
	}
	n, err := store.Restore(ctx, c, f.Schema, z)
	if err == nil && n != f.Rows {
		err = fmt.Errorf("%w: %d rows of %d in %s", ErrBroken, n, f.Rows, f.Name)
	}
	return err
}

// check reads the manifest of a backup and compares its files.
func check(dir string) (m Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, fmt.Errorf("backup: read the manifest: %w", err)
	}
	if json.Unmarshal(text, &m) != nil || m.Version != version {
		return m, fmt.Errorf("%w: %s", ErrBroken, manifestName)
	}
	for _, f := range m.Files {
		if f.Name != filepath.Base(f.Name) {
			return m, ErrBroken
		}
		in, err := os.Open(filepath.Join(dir, f.Name))
		if err != nil {
			return m, fmt.Errorf("%w: %s: %w", ErrBroken, f.Name, err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return m, fmt.Errorf("backup: read %s: %w", f.Name, err)
		}
		if n != f.Bytes || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
			return m, fmt.Errorf("%w: %s", ErrBroken, f.Name)
		}
	}
	return m, nil
}
