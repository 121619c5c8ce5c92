package backup

import (
	"bufio"
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
	"strconv"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/store"
)

// What keeps a backup from being used.
var (
	ErrNone    = errors.New("backup: there is no backup in this folder")
	ErrBroken  = errors.New("backup: a file is not what was written down when the backup was made")
	ErrMissing = errors.New("backup: a blob is missing")
)

const (
	version      = 1
	nameFormat   = "20060102T150405.000Z"
	manifestName = "backup.json"
	blobsFolder  = "blobs"
	listName     = "blobs.txt.gz"
	triesMax     = 3 // of a backup during which blobs go away
)

// schemas in the order in which they are dumped.
var schemas = []store.Schema{store.Activity, store.Hawker}

// Manifest says what a backup holds. It is written last: a folder without one is half a backup.
type Manifest struct {
	Version   int       `json:"hawker_backup"`
	At        time.Time `json:"at"`
	Files     []File    `json:"files"`
	Blobs     int64     `json:"blobs"`
	BlobBytes int64     `json:"blob_bytes"`
}

// File is one of a backup's own.
type File struct {
	Name   string       `json:"name"`
	Schema store.Schema `json:"schema,omitempty"`
	Rows   int64        `json:"rows,omitempty"`
	Bytes  int64        `json:"bytes"`
	SHA256 string       `json:"sha256"`
}

// Source is what is copied away.
type Source struct {
	Databases map[store.Schema]*store.DB
	Blobs     *store.Blobs
	// Needs lists the keys without which the dumped state is not whole. It reads the databases, and is asked after they
	// were dumped: what it does not name any more may be gone.
	Needs func(ctx context.Context, yield func(key string) error) error
	Now   func() time.Time
}

// Report is what was done.
type Report struct {
	Manifest
	Name               string
	Copied, Kept       int64 // blobs: new ones, and those that an earlier backup had copied
	CopiedBytes, Tries int64
}

// Make adds a backup to a folder.
func Make(ctx context.Context, s Source, dir string) (r Report, err error) {
	blobs, err := store.OpenBlobs(ctx, store.BlobConfig{Dir: filepath.Join(dir, blobsFolder)})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, blobs.Close()) }()
	for try := int64(1); ; try++ {
		r, err = once(ctx, s, dir, blobs)
		r.Tries = try
		if !errors.Is(err, ErrMissing) || try == triesMax {
			return r, err
		}
	}
}

func once(ctx context.Context, s Source, dir string, blobs *store.Blobs) (r Report, err error) {
	at := s.Now().UTC()
	r.Manifest, r.Name = Manifest{Version: version, At: at}, at.Format(nameFormat)
	here := filepath.Join(dir, r.Name)
	if err := os.Mkdir(here, 0o700); err != nil {
		return r, fmt.Errorf("backup: make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(here))
		}
	}()
	for _, schema := range schemas {
		f := File{Name: string(schema) + ".jsonl.gz", Schema: schema}
		if f, err = write(here, f, func(w io.Writer) (err error) {
			f.Rows, err = s.Databases[schema].Dump(ctx, w)
			return err
		}, &f.Rows); err != nil {
			return r, err
		}
		r.Files = append(r.Files, f)
	}
	list, err := write(here, File{Name: listName}, func(w io.Writer) error { return r.copyBlobs(ctx, s.Blobs, blobs, w) }, nil)
	if err != nil {
		return r, err
	}
	r.Files = append(r.Files, list)
	if s.Needs != nil {
		if err := s.Needs(ctx, func(key string) error { return there(ctx, blobs, key) }); err != nil {
			return r, err
		}
	}
	return r, writeManifest(here, r.Manifest)
}

// write makes one zipped file, and says what it is.
func write(dir string, f File, fill func(w io.Writer) error, rows *int64) (File, error) {
	out, err := os.OpenFile(filepath.Join(dir, f.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return f, fmt.Errorf("backup: make a file: %w", err)
	}
	sum := sha256.New()
	count := &counter{}
	z, err := gzip.NewWriterLevel(io.MultiWriter(out, sum, count), gzip.BestSpeed)
	if err == nil {
		err = errors.Join(fill(z), z.Close(), out.Sync())
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return f, fmt.Errorf("backup: write %s: %w", f.Name, err)
	}
	if rows != nil {
		f.Rows = *rows
	}
	f.Bytes, f.SHA256 = count.n, hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// copyBlobs copies what the folder does not have. A key is written once, so that what is there with the same length is
// the same. list gets a line per blob: its key, length and SHA-256 where it was copied now.
func (r *Report) copyBlobs(ctx context.Context, from, to *store.Blobs, list io.Writer) error {
	have := map[string]int64{}
	for one, err := range to.List(ctx, "") {
		if err != nil {
			return err
		}
		have[one.Key] = one.Bytes
	}
	for one, err := range from.List(ctx, "") {
		if err != nil {
			return err
		}
		if n, ok := have[one.Key]; ok && n == one.Bytes {
			r.Kept++
		} else {
			switch err := copyBlob(ctx, from, to, one.Key); {
			case errors.Is(err, store.ErrNoBlob):
				continue // deleted since it was listed: Needs tells whether it is missed
			case err != nil:
				return err
			}
			r.Copied++
			r.CopiedBytes += one.Bytes
		}
		r.Blobs++
		r.BlobBytes += one.Bytes
		if _, err := fmt.Fprintf(list, "%s %d\n", one.Key, one.Bytes); err != nil {
			return err
		}
	}
	return nil
}

func copyBlob(ctx context.Context, from, to *store.Blobs, key string) error {
	in, contentType, err := from.Get(ctx, key)
	if err != nil {
		return err
	}
	defer in.Close()
	return to.Put(ctx, key, contentType, in)
}

func there(ctx context.Context, blobs *store.Blobs, key string) error {
	in, err := blobs.Open(ctx, key)
	if errors.Is(err, store.ErrNoBlob) {
		return fmt.Errorf("%w: %s", ErrMissing, key)
	}
	if err != nil {
		return err
	}
	return in.Close()
}

func writeManifest(dir string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	half := filepath.Join(dir, "."+manifestName)
	f, err := os.OpenFile(half, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("backup: make a file: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(half, filepath.Join(dir, manifestName))
	}
	if err != nil {
		return fmt.Errorf("backup: write the manifest: %w", err)
	}
	return nil
}

// List names the whole backups of a folder, oldest first.
func List(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("backup: read the folder: %w", err)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), manifestName)); e.IsDir() && err == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, ErrNone
	}
	return names, nil
}

// Keep removes all but the newest n backups, and the blobs that none of them needs.
func Keep(ctx context.Context, dir string, n int) (removed int, err error) {
	names, err := List(dir)
	if err != nil || len(names) <= n {
		return 0, err
	}
	needed := map[string]bool{}
	for _, name := range names[len(names)-n:] {
		if err := eachBlob(filepath.Join(dir, name), func(key string, _ int64) error { needed[key] = true; return nil }); err != nil {
			return 0, err
		}
	}
	for _, name := range names[:len(names)-n] {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return removed, fmt.Errorf("backup: remove an old one: %w", err)
		}
		removed++
	}
	blobs, err := store.OpenBlobs(ctx, store.BlobConfig{Dir: filepath.Join(dir, blobsFolder)})
	if err != nil {
		return removed, err
	}
	for key, listed := range blobs.Keys(ctx, "") {
		if listed == nil && !needed[key] {
			listed = blobs.Delete(ctx, key)
		}
		err = errors.Join(err, listed)
	}
	return removed, errors.Join(err, blobs.Close())
}

// eachBlob reads the list of a backup.
func eachBlob(dir string, one func(key string, bytes int64) error) error {
	f, err := os.Open(filepath.Join(dir, listName))
	if err != nil {
		return fmt.Errorf("backup: open the list of blobs: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("backup: read the list of blobs: %w", err)
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		key, size, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return ErrBroken
		}
		if err := one(key, n); err != nil {
			return err
		}
	}
	return lines.Err()
}
