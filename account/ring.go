package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// What the installation signs. Each purpose has keys of its own, so that one thing never passes for another.
const (
	PurposeQuote       = "quote" // a price as it was seen
	PurposeGrant       = "grant" // leave to watch
	PurposeViewSession = "view"  // a viewer's stay
	PurposeCheckpoint  = "checkpoint"
	PurposePublish     = "publish" // leave to go live
	PurposePlace       = "place"   // a place in the queue to buy
	PurposeDownload    = "download"
	PurposeReceipt     = "receipt" // a video receipt: by Ed25519, so that others can check it
)

var purposes = []string{PurposeQuote, PurposeGrant, PurposeViewSession, PurposeCheckpoint, PurposePublish, PurposePlace, PurposeDownload, PurposeReceipt}

const (
	keySigns     = 30 * 24 * time.Hour // a newer key signs after this
	keyVerifies  = 90 * 24 * time.Hour // from not before to not after
	keyAhead     = 5 * time.Minute     // a new key is known to all nodes before it signs
	refreshEvery = time.Minute
	signingBytes = 32

	receiptVerifies = 10 * 365 * 24 * time.Hour // what is signed in public is checked years later
)

// SigningKey is one key of the ring as it is stored.
type SigningKey struct {
	ID        string
	Purpose   string
	Sealed    string
	NotBefore time.Time
	NotAfter  time.Time
	RevokedAt time.Time // zero: it is good
}

// Ring signs and verifies (HMAC-SHA256) with keys that are changed every month. Load it, then Run it.
type Ring struct {
	// Required.
	Store  Keys
	Sealer *Sealer
	Log    *slog.Logger
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	keys atomic.Pointer[[]signingKey]
}

type signingKey struct {
	SigningKey
	secret []byte
}

// Load reads the ring and makes the keys that it lacks. ErrSecretKey if another secret_key sealed it.
func (r *Ring) Load(ctx context.Context) error {
	stored, err := r.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	now := r.now()
	var keys []signingKey
	for _, k := range stored {
		if !now.Before(k.NotAfter) {
			continue
		}
		secret, err := r.Sealer.Open(k.name(), k.Sealed)
		if err != nil {
			return err
		}
		keys = append(keys, signingKey{k, secret})
	}
	for _, purpose := range purposes {
		newest := newest(keys, purpose, now.Add(keyAhead))
		if newest != nil && now.Sub(newest.NotBefore) < keySigns {
			continue
		}
		k := SigningKey{ID: newID(), Purpose: purpose, NotBefore: now, NotAfter: now.Add(keyVerifies)}
		if purpose == PurposeReceipt {
			k.NotAfter = now.Add(receiptVerifies)
		}
		if newest != nil {
			k.NotBefore = now.Add(keyAhead)
		}
		secret := make([]byte, signingBytes)
		_, _ = rand.Read(secret)
		k.Sealed = r.Sealer.Seal(k.name(), secret)
		if err := r.Store.AddSigningKey(ctx, k); err != nil {
			return fmt.Errorf("add a signing key: %w", err)
		}
		keys = append(keys, signingKey{k, secret})
	}
	r.keys.Store(&keys)
	return nil
}

// Run keeps the ring fresh until ctx ends: other nodes add keys too.
func (r *Ring) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.Load(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("refresh the signing keys", "error", err)
		}
	}
}

// Sign returns the mac of a message and the id of the key that made it. The ring must be loaded, the purpose one of
// ours.
func (r *Ring) Sign(purpose string, message []byte) (keyID string, mac []byte) {
	var k *signingKey
	if keys := r.keys.Load(); keys != nil {
		k = newest(*keys, purpose, r.now())
	}
	if k == nil {
		panic("account: the ring is not loaded, or signs nothing of this purpose: " + purpose)
	}
	return k.ID, sum(k.secret, message)
}

// Verify tells whether the key made the mac for this purpose, in constant time.
func (r *Ring) Verify(purpose, keyID string, message, mac []byte) bool {
	keys := r.keys.Load()
	if keys == nil {
		return false
	}
	now := r.now()
	i := slices.IndexFunc(*keys, func(k signingKey) bool { return k.ID == keyID && k.Purpose == purpose })
	if i < 0 {
		return false
	}
	k := (*keys)[i]
	return hmac.Equal(sum(k.secret, message), mac) && now.Before(k.NotAfter) && k.RevokedAt.IsZero()
}

// Signer signs for one purpose.
type Signer struct {
	ring    *Ring
	purpose string
}

// For returns the signer of a purpose, for rooms that sign one kind of thing.
func (r *Ring) For(purpose string) *Signer {
	if !slices.Contains(purposes, purpose) {
		panic("account: the ring signs nothing of this purpose: " + purpose)
	}
	return &Signer{r, purpose}
}

// Sign is Ring.Sign; it never fails.
func (s *Signer) Sign(message []byte) (keyID string, mac []byte, err error) {
	keyID, mac = s.ring.Sign(s.purpose, message)
	return keyID, mac, nil
}

// Verify is Ring.Verify.
func (s *Signer) Verify(keyID string, message, mac []byte) bool {
	return s.ring.Verify(s.purpose, keyID, message, mac)
}

func sum(secret, message []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	return h.Sum(nil)
}

// newest is the key of a purpose that signs at a time: the last one that has begun.
func newest(keys []signingKey, purpose string, at time.Time) (k *signingKey) {
	for i := range keys {
		if c := &keys[i]; c.Purpose == purpose && !c.NotBefore.After(at) && at.Before(c.NotAfter) && c.RevokedAt.IsZero() &&
			(k == nil || c.NotBefore.After(k.NotBefore) || c.NotBefore.Equal(k.NotBefore) && c.ID > k.ID) {
			k = c
		}
	}
	return k
}

func (k SigningKey) name() string { return "signing key " + k.ID + " " + k.Purpose }

func (r *Ring) now() time.Time {
	if r.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return r.Now().UTC().Truncate(time.Millisecond)
}
