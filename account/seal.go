package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const secretKeyBytes = 32

// Sealer encrypts what the database must hold and must not tell (AES-256-GCM), under a key derived from secret_key.
type Sealer struct {
	aead cipher.AEAD
	mac  []byte
}

// NewSealer derives the keys of the installation's secret, which has at least 32 bytes.
func NewSealer(secret []byte) (*Sealer, error) {
	if len(secret) < secretKeyBytes {
		return nil, fmt.Errorf("account: secret_key has %d bytes, not %d", len(secret), secretKeyBytes)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "hawker seal v1", 32)
	if err != nil {
		return nil, err
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "hawker fingerprint v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead, mac}, nil
}

// Seal encrypts. What is opened must be named the same, so that sealed values cannot change places.
func (s *Sealer) Seal(name string, plain []byte) string {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce)
	return base64.RawStdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(name)))
}

// Open is the reverse of Seal. ErrSecretKey if the value was sealed by another key, or changed.
func (s *Sealer) Open(name, sealed string) ([]byte, error) {
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(b) < s.aead.NonceSize() {
		return nil, ErrSecretKey
	}
	plain, err := s.aead.Open(nil, b[:s.aead.NonceSize()], b[s.aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, ErrSecretKey
	}
	return plain, nil
}

// fingerprint recognises what may be guessed (a request that holds a password) without letting the database guess.
// Pseudonym names somebody whom we need not know: the same for the same words, and nothing that anybody without
// secret_key can guess back. It never changes for an installation.
func (s *Sealer) Pseudonym(scope, name string) string {
	h := hmac.New(sha256.New, s.mac)
	fmt.Fprintf(h, "pseudonym\n%d:%s\n%s", len(scope), scope, name)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

func (s *Sealer) fingerprint(parts ...[]byte) string {
	h := hmac.New(sha256.New, s.mac)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// SecretKey reads the secret of the installation from a file, which is made, readable by nobody else, if it is
// missing. Whoever has it and the database can sign; it belongs in the backup, apart from the database.
func SecretKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecretKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("account: read secret_key: %w", err)
	}
	return ParseSecretKey(string(text))
}

// ParseSecretKey reads a secret as the file and the setting hold it: base64 of 32 bytes.
func ParseSecretKey(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != secretKeyBytes {
		return nil, fmt.Errorf("account: secret_key is not the base64 of %d bytes", secretKeyBytes)
	}
	return b, nil
}

func makeSecretKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("account: make the folder of secret_key: %w", err)
	}
	b := make([]byte, secretKeyBytes)
	_, _ = rand.Read(b)
	// A link is made of a whole file: a crash leaves no half of one, and of two starts at once one wins.
	f, err := os.CreateTemp(filepath.Dir(path), ".secret_key-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("account: make secret_key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(b) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return SecretKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("account: make secret_key: %w", err)
	}
	return b, nil
}
