package shop

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	_ "image/jpeg" // read by DecodeConfig
	_ "image/png"  // read by DecodeConfig
	"io"
	"time"

	"github.com/google/uuid"
)

// Limits of a picture.
const (
	PictureBytesMax = 2 << 20
	PictureSideMax  = 4096 // pixels
)

// Picture is what is known of a stored picture. It never changes: a new one has a new id.
type Picture struct {
	ID          string    `json:"id"`
	ShopID      string    `json:"shop"`
	ContentType string    `json:"content_type"`
	Width       int64     `json:"width"`
	Height      int64     `json:"height"`
	Bytes       int64     `json:"bytes"`
	CreatedAt   time.Time `json:"created_at"`
}

// BlobKey is where its bytes are.
func (p Picture) BlobKey() string { return "v1/" + p.ShopID + "/pictures/" + p.ID }

// Blobs keeps bytes by key.
type Blobs interface {
	Put(ctx context.Context, key, contentType string, body io.Reader) error
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// SavePicture checks a picture, stores it and makes it the product's.
func (s *Service) SavePicture(ctx context.Context, shopID, productID string, body []byte) (Picture, error) {
	contentType, width, height, err := ReadPicture(body)
	if err != nil {
		return Picture{}, err
	}
	p := Picture{ID: uuid.Must(uuid.NewV7()).String(), ShopID: shopID, ContentType: contentType, Width: int64(width), Height: int64(height), Bytes: int64(len(body)), CreatedAt: s.now()}
	if err := s.Blobs.Put(ctx, p.BlobKey(), contentType, bytes.NewReader(body)); err != nil {
		return Picture{}, fmt.Errorf("store a picture: %w", err)
	}
	return p, s.Pictures.SavePicture(ctx, p, productID, p.CreatedAt)
}

// OpenPicture returns a picture and its bytes. The caller closes them.
func (s *Service) OpenPicture(ctx context.Context, id string) (Picture, io.ReadCloser, error) {
	p, err := s.Pictures.Picture(ctx, id)
	if err != nil {
		return Picture{}, nil, err
	}
	body, err := s.Blobs.Open(ctx, p.BlobKey())
	if err != nil {
		return Picture{}, nil, fmt.Errorf("open a picture: %w", err)
	}
	return p, body, nil
}

// ReadPicture reads the header of a PNG, JPEG or WebP picture; what the sender calls it does not count.
func ReadPicture(body []byte) (contentType string, width, height int, err error) {
	if len(body) > PictureBytesMax {
		return "", 0, 0, ErrPictureTooLarge
	}
	if len(body) >= 12 && string(body[:4]) == "RIFF" && string(body[8:12]) == "WEBP" {
		width, height, err = webpSize(body)
		contentType = "image/webp"
	} else {
		c, format, e := image.DecodeConfig(bytes.NewReader(body))
		width, height, err = c.Width, c.Height, e
		contentType = "image/" + format
	}
	switch {
	case err != nil || width < 1 || height < 1:
		return "", 0, 0, ErrPicture
	case width > PictureSideMax || height > PictureSideMax:
		return "", 0, 0, ErrPictureTooLarge
	}
	return contentType, width, height, nil
}

// webpSize reads the size from a WebP file's first chunk (RFC 9649, section 2).
func webpSize(b []byte) (width, height int, err error) {
	if len(b) < 30 {
		return 0, 0, ErrPicture
	}
	if size := binary.LittleEndian.Uint32(b[4:8]); int64(size)+8 > int64(len(b))+1 {
		return 0, 0, ErrPicture
	}
	switch string(b[12:16]) {
	case "VP8 ":
		if b[23] != 0x9d || b[24] != 0x01 || b[25] != 0x2a {
			return 0, 0, ErrPicture
		}
		return int(binary.LittleEndian.Uint16(b[26:])) & 0x3fff, int(binary.LittleEndian.Uint16(b[28:])) & 0x3fff, nil
	case "VP8L":
		if b[20] != 0x2f {
			return 0, 0, ErrPicture
		}
		bits := binary.LittleEndian.Uint32(b[21:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, nil
	case "VP8X":
		return 1 + int(b[24]) + int(b[25])<<8 + int(b[26])<<16, 1 + int(b[27]) + int(b[28])<<8 + int(b[29])<<16, nil
	}
	return 0, 0, ErrPicture
}
