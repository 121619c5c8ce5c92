package develop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// Kind is what a file begins like.
type Kind string

// The kinds.
const (
	Movie   Kind = "movie" // MP4, MOV
	Web     Kind = "web"   // WebM, MKV
	Picture Kind = "picture"
)

// SniffBytes is how much of a file's beginning Sniff looks at.
const SniffBytes = 64

// boxes are those with which an MP4 or MOV may begin.
var boxes = []string{"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"}

// Sniff tells what a file is by its first bytes, whatever its name says. Text, such as a playlist or a script for a
// demuxer, is none of them.
func Sniff(head []byte) (Kind, error) {
	switch {
	case len(head) >= 12 && slices.Contains(boxes, string(head[4:8])):
		if brand := string(head[8:12]); string(head[4:8]) == "ftyp" && (brand == "avif" || brand == "heic" || brand == "heix" || brand == "mif1") {
			return "", refused(NotMedia)
		}
		return Movie, nil
	case bytes.HasPrefix(head, []byte{0x1a, 0x45, 0xdf, 0xa3}):
		return Web, nil
	case bytes.HasPrefix(head, []byte{0xff, 0xd8, 0xff}), bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")),
		len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return Picture, nil
	}
	return "", refused(NotMedia)
}

func sniffFile(path string) (Kind, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, SniffBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	return Sniff(head[:n])
}

const exifMax = 128 << 10

// orientation reads how a camera was held from a JPEG's EXIF: 1 to 8, 1 where it does not say.
func orientation(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 1
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, exifMax))
	if err != nil {
		return 1
	}
	return exifOrientation(b)
}

func exifOrientation(b []byte) int {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 || at+2+size > len(b) || b[at+1] == 0xda {
			break
		}
		if body := b[at+4 : at+2+size]; b[at+1] == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return tiffOrientation(body[6:])
		}
		at += 2 + size
	}
	return 1
}

func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(b[4:]))
	if at < 8 || at+2 > len(b) {
		return 1
	}
	n := int(order.Uint16(b[at:]))
	for i := range n {
		entry := at + 2 + 12*i
		if entry+12 > len(b) {
			break
		}
		if order.Uint16(b[entry:]) == 0x0112 {
			if v := int(order.Uint16(b[entry+8:])); v >= 1 && v <= 8 {
				return v
			}
			break
		}
	}
	return 1
}
