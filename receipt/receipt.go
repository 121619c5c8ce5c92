// Package receipt makes and checks video receipts: what was bought, the entry of the stock ledger that promised it, and
// the seconds of the show in which it was seen, signed together.
//
// What enters is an order, its ledger entries and an MP4; what leaves is a ZIP file with both in it, which anybody can
// check without us, by the published keys. It refuses a file in which a byte was changed, a clip that belongs to
// another order, and a key that was revoked, each with words of its own. It knows no database and no HTTP. cmd puts it
// behind the API and into hawker verify-receipt.
package receipt

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// What is wrong with a receipt.
var (
	ErrFormat    = errors.New("this is not a video receipt")
	ErrKey       = errors.New("the receipt was signed with a key that is not among the published ones")
	ErrRevoked   = errors.New("the receipt was signed with a key that was revoked")
	ErrSignature = errors.New("the receipt was changed after it was signed")
	ErrLedger    = errors.New("the stock entry of the receipt does not hold: its hash does not cover what it says")
	ErrNoClip    = errors.New("the clip of the receipt is missing")
	ErrClip      = errors.New("the clip was changed after the receipt was signed")
	ErrOther     = errors.New("the clip belongs to another order")
)

const (
	version  = 1
	jsonName = "receipt.json"
	clipName = "clip.mp4"
	jsonMax  = 1 << 20
	clipMax  = 1 << 30
	markHead = "hawker order "
)

// Receipt is what is signed.
type Receipt struct {
	Version  int       `json:"hawker_receipt"`
	Issuer   string    `json:"issuer"`
	SignedAt time.Time `json:"signed_at"`
	Order    Order     `json:"order"`
	Stock    []Stock   `json:"stock"`
	Clip     *Clip     `json:"clip,omitempty"`
}

// Order is what was bought, without anybody's name.
type Order struct {
	ID        string      `json:"id"`
	Shop      string      `json:"shop"`
	State     string      `json:"state"`
	Currency  string      `json:"currency"`
	Total     int64       `json:"total"`
	Paid      int64       `json:"paid"`
	Refunded  int64       `json:"refunded"`
	PlacedAt  time.Time   `json:"placed_at"`
	Lines     []shop.Line `json:"lines"`
	Broadcast string      `json:"broadcast,omitempty"`
	Pin       string      `json:"pin,omitempty"`
	MediaTime int64       `json:"media_time,omitempty"` // µs: the frame on which it was bought
}

// Stock is an entry of the ledger that promised units to the order, and the hash of the one before it.
type Stock struct {
	Entry    shop.Entry `json:"entry"`
	Previous string     `json:"previous"`
}

// Clip is what was seen.
type Clip struct {
	SHA256    string `json:"sha256"`
	Bytes     int64  `json:"bytes"`
	Broadcast string `json:"broadcast"`
	From      int64  `json:"from"` // media time, µs
	Until     int64  `json:"until"`
}

// Key is a published key.
type Key struct {
	ID        string     `json:"id"`
	Algorithm string     `json:"alg"` // Ed25519
	Public    string     `json:"public_key"`
	NotBefore time.Time  `json:"not_before"`
	NotAfter  time.Time  `json:"not_after"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// Keys is how keys are published.
type Keys struct {
	Keys []Key `json:"keys"`
}

// sealed is receipt.json.
type sealed struct {
	Payload   string `json:"payload"` // base64 of the receipt's JSON: what is signed
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

// Sign signs a message with the newest key.
type Sign func(message []byte) (keyID string, signature []byte)

// Mark is what a clip carries of its order.
func Mark(order string) []byte { return []byte(markHead + order) }

// Write makes a receipt. clip may be nil; it is read twice.
func Write(w io.Writer, r Receipt, sign Sign, clip io.ReadSeeker) error {
	r.Version = version
	if clip != nil {
		sum := sha256.New()
		n, err := io.Copy(sum, clip)
		if err == nil {
			_, err = clip.Seek(0, io.SeekStart)
		}
		if err != nil {
			return fmt.Errorf("receipt: read the clip: %w", err)
		}
		r.Clip.SHA256, r.Clip.Bytes = hex.EncodeToString(sum.Sum(nil)), n
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	key, signature := sign(payload)
	text, err := json.MarshalIndent(sealed{base64.StdEncoding.EncodeToString(payload), key, base64.StdEncoding.EncodeToString(signature)}, "", "  ")
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	z := zip.NewWriter(w)
	add := func(name string, body io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: r.SignedAt})
		if err == nil {
			_, err = io.Copy(f, body)
		}
		return err
	}
	if err = add(jsonName, bytes.NewReader(append(text, '\n'))); err == nil && clip != nil {
		err = add(clipName, clip)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("receipt: write: %w", err)
	}
	return nil
}

// Verify checks a receipt against the published keys. What it returns is what was signed; with an error it may be what
// is claimed only.
func Verify(file io.ReaderAt, size int64, keys Keys) (r Receipt, err error) {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return r, ErrFormat
	}
	text, err := entry(z, jsonName, jsonMax)
	if err != nil {
		return r, ErrFormat
	}
	var s sealed
	if json.Unmarshal(text, &s) != nil {
		return r, ErrFormat
	}
	payload, bad := base64.StdEncoding.DecodeString(s.Payload)
	signature, worse := base64.StdEncoding.DecodeString(s.Signature)
	if bad != nil || worse != nil {
		return r, ErrFormat
	}
	if err := verifySignature(s.Key, payload, signature, keys); err != nil {
		_ = json.Unmarshal(payload, &r) // what is claimed
		return r, err
	}
	if json.Unmarshal(payload, &r) != nil || r.Version != version {
		return r, ErrFormat
	}
	for _, one := range r.Stock {
		if one.Entry.Sum(one.Previous) != one.Entry.Hash {
			return r, ErrLedger
		}
	}
	if r.Clip == nil {
		return r, nil
	}
	return r, verifyClip(z, r)
}

func verifySignature(id string, payload, signature []byte, keys Keys) error {
	for _, k := range keys.Keys {
		if k.ID != id {
			continue
		}
		public, err := base64.StdEncoding.DecodeString(k.Public)
		if err != nil || len(public) != ed25519.PublicKeySize || k.Algorithm != "Ed25519" {
			return ErrKey
		}
		if !ed25519.Verify(public, payload, signature) {
			return ErrSignature
		}
		if k.RevokedAt != nil {
			return fmt.Errorf("%w on %s", ErrRevoked, k.RevokedAt.Format(time.DateOnly))
		}
		return nil
	}
	return ErrKey
}

func verifyClip(z *zip.Reader, r Receipt) error {
	f, err := z.Open(clipName)
	if err != nil {
		return ErrNoClip
	}
	defer f.Close()
	sum, head := sha256.New(), &front{most: 4096}
	// The archive's own checksum may fail on a changed byte: it is a changed clip all the same.
	n, failed := io.Copy(io.MultiWriter(sum, head), io.LimitReader(f, clipMax))
	if failed == nil && n == r.Clip.Bytes && hex.EncodeToString(sum.Sum(nil)) == r.Clip.SHA256 {
		return nil
	}
	if at := bytes.Index(head.b, []byte(markHead)); at >= 0 {
		rest := head.b[at+len(markHead):]
		if len(rest) >= len(r.Order.ID) && string(rest[:len(r.Order.ID)]) != r.Order.ID && failed == nil {
			return ErrOther
		}
	}
	return ErrClip
}

// front keeps the first bytes.
type front struct {
	b    []byte
	most int
}

func (f *front) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), f.most-len(f.b))]...)
	return len(p), nil
}

func entry(z *zip.Reader, name string, most int64) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = ErrFormat
	}
	return b, err
}
