package vod

import (
	"context"
	"io"
)

// blobReader reads a blob as http.ServeContent wants it: from wherever it seeks to. Seeking alone reads nothing.
type blobReader struct {
	ctx      context.Context // of the one request that it serves
	blobs    Blobs
	key      string
	size, at int64

	body   io.ReadCloser // nil until something is read
	bodyAt int64
}

// open begins to read at the present place.
func (b *blobReader) open() (err error) {
	if b.body != nil && b.bodyAt == b.at {
		return nil
	}
	b.close()
	b.body, err = b.blobs.Range(b.ctx, b.key, b.at, b.size-b.at)
	b.bodyAt = b.at
	return err
}

func (b *blobReader) close() {
	if b.body != nil {
		_ = b.body.Close() // nothing was written
		b.body = nil
	}
}

func (b *blobReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	b.at = offset
	return offset, nil
}

func (b *blobReader) Read(p []byte) (int, error) {
	if b.at >= b.size {
		return 0, io.EOF
	}
	if err := b.open(); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	b.at += int64(n)
	b.bodyAt = b.at
	return n, err
}
