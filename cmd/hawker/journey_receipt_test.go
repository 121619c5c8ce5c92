package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/receipt"
)

// A buyer shows what was bought, and when it was seen: the receipt holds without a server, a changed byte does not, nor
// does a key that was revoked.
func TestJourneyReceipt(t *testing.T) {
	a, _ := server(t)
	show := a.demoData.Broadcast
	until(t, "something to see", 30*time.Second, func() bool {
		now, ok := a.hub.Now(show)
		return ok && now > 12_000_000
	})
	now, _ := a.hub.Now(show)
	var order struct {
		ID    string `json:"order_id"`
		State string
	}
	body := map[string]any{
		"lines": []any{map[string]any{"variant": a.demoData.Variant, "quantity": 2}}, "instrument": a.demoData.Instrument, "broadcast": show,
		"media_time": int64(now) - 3_000_000,
	}
	call(t, "POST", "/v1/checkout", "viewer", body, 201, &order)
	path := "/v1/orders/" + order.ID + "/receipt"
	call(t, "GET", path, "creator", nil, 403, nil)
	dir := t.TempDir()
	file, keys := filepath.Join(dir, "receipt.zip"), filepath.Join(dir, "keys.json")
	save := func(path, who, to string) string {
		t.Helper()
		text := fetchAs(t, a, path, who)
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return text
	}
	// What was seen a moment ago is recorded a moment later.
	var text string
	until(t, "the clip in it", 30*time.Second, func() bool { text = save(path, "viewer", file); return strings.Contains(text, "clip.mp4") })
	save(receiptKeysPath, "", keys)
	status, said := command(t, "verify-receipt", file, "--keys", keys)
	if status != 0 || !strings.Contains(said, "The receipt holds") || !strings.Contains(said, order.ID) || !strings.Contains(said, "Stock ") || !strings.Contains(said, "Clip ") {
		t.Fatal(status, said)
	}
	t.Log(said)
	if seller := fetchAs(t, a, path, "seller"); !strings.HasPrefix(seller, "PK") {
		t.Error("the seller has none")
	}
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := command(t, "verify-receipt", file, "--keys", keys); status != 1 || !strings.Contains(said, receipt.ErrClip.Error()) {
		t.Error(status, said)
	}
	// Another order's clip, signed with the same key, is another order's.
	var second struct {
		ID string `json:"order_id"`
	}
	call(t, "POST", "/v1/checkout", "viewer", body, 201, &second)
	var foreign string
	until(t, "the clip in the other one", 30*time.Second, func() bool {
		foreign = save("/v1/orders/"+second.ID+"/receipt", "viewer", file)
		return strings.Contains(foreign, "clip.mp4")
	})
	if err := os.WriteFile(file, withClipOf(t, text, foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := command(t, "verify-receipt", file, "--keys", keys); status != 1 || !strings.Contains(said, receipt.ErrOther.Error()) {
		t.Error(status, said)
	}
	// What is signed cannot be changed either.
	forged := strings.Replace(text, `"payload": "`, `"payload": "A`, 1)
	if err := os.WriteFile(file, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := command(t, "verify-receipt", file, "--keys", keys); status != 1 || strings.Contains(said, "holds") {
		t.Error(status, said)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := a.ring.PublicKeys()[0].ID
	if status, said := command(t, "revoke-key", id, "--data", a.config.Data); status != 0 {
		t.Fatal(status, said)
	}
	if err := a.ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	save(receiptKeysPath, "", keys)
	if status, said := command(t, "verify-receipt", file, "--keys", keys); status != 1 || !strings.Contains(said, receipt.ErrRevoked.Error()) {
		t.Error(status, said)
	}
	save(path, "viewer", file)
	if status, said := command(t, "verify-receipt", file, "--keys", keys); status != 0 {
		t.Error("a new key signs:", said)
	}
}

// withClipOf puts the clip of one receipt into another.
func withClipOf(t *testing.T, whole, other string) []byte {
	t.Helper()
	read := func(text string) *zip.Reader {
		z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	from := read(other)
	for _, f := range read(whole).File {
		var body fs.File
		var err error
		if f.Name == "clip.mp4" {
			body, err = from.Open(f.Name)
		} else {
			body, err = read(whole).Open(f.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(w, body)
		}
		if err = errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
