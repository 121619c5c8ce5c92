package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

const passphraseBytes = 18 // random; 24 characters of SRT's 10 to 79

// FreshKey is what a channel's new stream key is told with, once.
type FreshKey struct {
	StreamKey  string
	Passphrase string // encrypts SRT; it belongs to the key
}

// newPassphrase makes a passphrase for a key, and the form in which it is stored.
func (s *Service) newPassphrase(key string) (plain, sealed string) {
	if s.Sealer == nil {
		return "", ""
	}
	b := make([]byte, passphraseBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	plain = base64.RawURLEncoding.EncodeToString(b)
	return plain, s.Sealer.Seal(passphraseOf(key), []byte(plain))
}

func passphraseOf(key string) string { return "srt passphrase " + key }

// SRTPassphrase is the one that belongs to a stream key. ErrKeyRevoked for a key that is none, or that has none: keys
// that were made before there were passphrases, and publish tokens.
func (s *Service) SRTPassphrase(ctx context.Context, streamKey string) (string, error) {
	d, ok := parseSecret(StreamKeyPrefix, streamKey)
	if !ok {
		return "", ErrKeyRevoked
	}
	k, err := s.Store.StreamKey(ctx, d)
	if errors.Is(err, ErrNotFound) || err == nil && k.SRTSealed == "" {
		return "", ErrKeyRevoked
	}
	if err != nil {
		return "", err
	}
	plain, err := s.Sealer.Open(passphraseOf(k.ID), k.SRTSealed)
	return string(plain), err
}
