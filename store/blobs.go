package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob" // s3://
	"gocloud.dev/gcerrors"
)

const blobKeyMax = 300 // bytes

var (
	// ErrNoBlob is returned for a key that holds nothing.
	ErrNoBlob = errors.New("store: there is no such blob")
	// ErrBlobKey is returned for a key that we would not make.
	ErrBlobKey = errors.New("store: a blob's key reads v1/… with parts of a-z, 0-9 and, inside, -, _ and dots")
)

// Keys are made of ids and numbers only, never of what somebody typed.
var blobKey = regexp.MustCompile(`^v1(/[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?){1,8}$`)

// BlobConfig says where blobs are.
type BlobConfig struct {
	// URL names a bucket, as s3://name?region=…. Empty means a folder.
	URL string
	// Dir is the folder. It is made if it is missing.
	Dir string
}

// Blobs keeps bytes that no SQL looks into: pictures, recordings. Any number of goroutines may use it.
type Blobs struct{ bucket *blob.Bucket }

// OpenBlobs opens the bucket or the folder.
func OpenBlobs(ctx context.Context, c BlobConfig) (*Blobs, error) {
	if c.URL != "" {
		bucket, err := blob.OpenBucket(ctx, c.URL)
		if err != nil {
			return nil, fmt.Errorf("store: open the bucket: %w", err)
		}
		return &Blobs{bucket}, nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: make the blob folder: %w", err)
	}
	// What is being written stands beside its place, so that it appears there whole or not at all.
	bucket, err := fileblob.OpenBucket(c.Dir, &fileblob.Options{NoTempDir: true, DirFileMode: 0o700})
	if err != nil {
		return nil, fmt.Errorf("store: open the blob folder: %w", err)
	}
	return &Blobs{bucket}, nil
}

// Put stores what body holds under a key, whole or not at all. A key is written once; a second Put replaces it.
func (b *Blobs) Put(ctx context.Context, key, contentType string, body io.Reader) error {
	if err := checkBlobKey(key); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w, err := b.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType, DisableContentTypeDetection: true})
	if err != nil {
		return fmt.Errorf("store: put a blob: %w", err)
	}
	if _, err := io.Copy(w, body); err != nil {
		stop() // closing after this throws the half away
		return errors.Join(fmt.Errorf("store: put a blob: %w", err), ignoreCancelled(w.Close()))
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("store: put a blob: %w", err)
	}
	return nil
}

// Open reads a blob. The caller closes it. ErrNoBlob.
func (b *Blobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, _, err := b.Get(ctx, key)
	return r, err
}

// Get is Open with the content type that Put was given.
func (b *Blobs) Get(ctx context.Context, key string) (r io.ReadCloser, contentType string, err error) {
	if err := checkBlobKey(key); err != nil {
		return nil, "", err
	}
	reader, err := b.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, "", blobError("read a blob", err)
	}
	return reader, reader.ContentType(), nil
}

// Range reads length bytes of a blob from offset on. The caller closes it. ErrNoBlob.
func (b *Blobs) Range(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := checkBlobKey(key); err != nil {
		return nil, err
	}
	r, err := b.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, blobError("read a blob", err)
	}
	return r, nil
}

// Delete removes a blob; one that is not there is no error.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	if err := checkBlobKey(key); err != nil {
		return err
	}
	if err := b.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return blobError("delete a blob", err)
	}
	return nil
}

// Keys lists all keys that begin with prefix, in order.
func (b *Blobs) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for one, err := range b.List(ctx, prefix) {
			if !yield(one.Key, err) {
				return
			}
		}
	}
}

// BlobInfo is what a list tells of a blob.
type BlobInfo struct {
	Key   string
	Bytes int64
	At    time.Time // when it was put
}

// List lists all blobs whose keys begin with prefix, in the order of their keys.
func (b *Blobs) List(ctx context.Context, prefix string) iter.Seq2[BlobInfo, error] {
	return func(yield func(BlobInfo, error) bool) {
		list := b.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			o, err := list.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(BlobInfo{}, blobError("list blobs", err))
				return
			}
			if !yield(BlobInfo{o.Key, o.Size, o.ModTime}, nil) {
				return
			}
		}
	}
}

// Close frees the bucket.
func (b *Blobs) Close() error { return b.bucket.Close() }

func checkBlobKey(key string) error {
	if len(key) > blobKeyMax || !blobKey.MatchString(key) {
		return ErrBlobKey
	}
	return nil
}

func blobError(what string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return ErrNoBlob
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

func ignoreCancelled(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || gcerrors.Code(err) == gcerrors.Canceled {
		return nil
	}
	return err
}
