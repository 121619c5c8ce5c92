package receipt_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/receipt"
	"github.com/hawkerlive/hawker/shop"
)

var signedAt = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func keyOf(id string, seed byte) (receipt.Key, receipt.Sign) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
	public, _ := private.Public().(ed25519.PublicKey)
	return receipt.Key{ID: id, Algorithm: "Ed25519", Public: base64.StdEncoding.EncodeToString(public)},
		func(m []byte) (string, []byte) { return id, ed25519.Sign(private, m) }
}

func receiptOf(order string) receipt.Receipt {
	e := shop.Stock{}.Next("variant", shop.Moves{Held: 1, Adjusted: 5}, "batch", "", signedAt)
	return receipt.Receipt{
		Issuer: "https://example.com", SignedAt: signedAt, Stock: []receipt.Stock{{Entry: e}}, Clip: &receipt.Clip{Broadcast: "show", From: 1, Until: 2},
		Order: receipt.Order{ID: order, State: "paid", Total: 2900, Lines: []shop.Line{{Line: 1, Title: "Linen shirt", Quantity: 1, UnitPrice: 2900}}},
	}
}

func clipOf(order string) *bytes.Reader {
	return bytes.NewReader(append(append([]byte("\x00\x00\x00\x10ftyp"), receipt.Mark(order)...), bytes.Repeat([]byte("picture "), 1000)...))
}

func made(t *testing.T, r receipt.Receipt, sign receipt.Sign, clip io.ReadSeeker) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := receipt.Write(&b, r, sign, clip); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(b []byte, keys ...receipt.Key) error {
	_, err := receipt.Verify(bytes.NewReader(b), int64(len(b)), receipt.Keys{Keys: keys})
	return err
}

// with replaces a file of an archive.
func with(t *testing.T, b []byte, name string, body []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range in.File {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			text = body
		}
		if text == nil {
			continue
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEachFaultHasItsOwnWords(t *testing.T) {
	t.Parallel()
	key, sign := keyOf("k1", 1)
	other, _ := keyOf("k2", 2)
	swapped, _ := keyOf("k1", 2)
	revoked := key
	revoked.RevokedAt = &signedAt
	whole := made(t, receiptOf("order-1"), sign, clipOf("order-1"))
	if err := verify(whole, other, key); err != nil {
		t.Fatal(err)
	}
	noClip := receiptOf("order-1")
	noClip.Clip = nil
	if err := verify(made(t, noClip, sign, nil), key); err != nil {
		t.Fatal(err)
	}
	wrongEntry := receiptOf("order-1")
	wrongEntry.Stock[0].Entry.Held = 2
	changedClip, _ := io.ReadAll(clipOf("order-1"))
	changedClip[5000] ^= 1
	foreign, _ := io.ReadAll(clipOf("order-2"))
	for name, c := range map[string]struct {
		file []byte
		keys []receipt.Key
		want error
	}{
		"nothing":            {nil, []receipt.Key{key}, receipt.ErrFormat},
		"no archive":         {[]byte("hello"), []receipt.Key{key}, receipt.ErrFormat},
		"no receipt in it":   {with(t, whole, "receipt.json", []byte("{}")), []receipt.Key{key}, receipt.ErrKey},
		"an unknown key":     {whole, []receipt.Key{other}, receipt.ErrKey},
		"no keys":            {whole, nil, receipt.ErrKey},
		"another key's name": {whole, []receipt.Key{swapped}, receipt.ErrSignature},
		"a revoked key":      {whole, []receipt.Key{revoked}, receipt.ErrRevoked},
		"a stock entry":      {made(t, wrongEntry, sign, clipOf("order-1")), []receipt.Key{key}, receipt.ErrLedger},
		"a changed clip":     {with(t, whole, "clip.mp4", changedClip), []receipt.Key{key}, receipt.ErrClip},
		"another's clip":     {with(t, whole, "clip.mp4", foreign), []receipt.Key{key}, receipt.ErrOther},
	} {
		if err := verify(c.file, c.keys...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
}

// One byte changed anywhere in what counts is found.
func TestOneChangedByteIsFound(t *testing.T) {
	t.Parallel()
	key, sign := keyOf("k1", 1)
	whole := made(t, receiptOf("order-1"), sign, clipOf("order-1"))
	start := bytes.Index(whole, []byte(`"payload": "`)) + len(`"payload": "`)
	end := bytes.Index(whole, []byte(`",`))
	for at := start; at < end; at += 7 {
		changed := bytes.Clone(whole)
		changed[at] = 'A' + (changed[at]-'A'+1)%26
		if bytes.Equal(changed, whole) {
			continue
		}
		if err := verify(changed, key); err == nil {
			t.Fatalf("byte %d of %d may change", at, len(whole))
		}
	}
	clip := bytes.Index(whole, []byte("picture "))
	for at := clip; at < clip+8000; at += 97 {
		changed := bytes.Clone(whole)
		changed[at] ^= 4
		if err := verify(changed, key); !errors.Is(err, receipt.ErrClip) {
			t.Fatalf("byte %d of the clip: %v", at, err)
		}
	}
}

// FuzzVerify reads any file without a crash, and believes none.
func FuzzVerify(f *testing.F) {
	key, sign := keyOf("k1", 1)
	var b bytes.Buffer
	if err := receipt.Write(&b, receiptOf("order-1"), sign, clipOf("order-1")); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("PK\x05\x06"))
	stranger, _ := keyOf("k1", 3)
	_ = key
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := verify(file, stranger); err == nil {
			t.Fatal("it is believed")
		}
	})
}
