package account

import (
	"crypto/ed25519"
	"time"
)

// PublicKey is what others need to check a receipt.
type PublicKey struct {
	ID                             string
	Key                            ed25519.PublicKey
	NotBefore, NotAfter, RevokedAt time.Time // RevokedAt zero: it is good
}

// SignPublic signs a receipt with the newest key, so that whoever has its public half can check it. The ring must be
// loaded.
func (r *Ring) SignPublic(message []byte) (keyID string, signature []byte) {
	var k *signingKey
	if keys := r.keys.Load(); keys != nil {
		k = newest(*keys, PurposeReceipt, r.now())
	}
	if k == nil {
		panic("account: the ring is not loaded")
	}
	return k.ID, ed25519.Sign(ed25519.NewKeyFromSeed(k.secret), message)
}

// PublicKeys lists the keys of receipts, revoked ones too: they say so.
func (r *Ring) PublicKeys() (out []PublicKey) {
	keys := r.keys.Load()
	if keys == nil {
		return nil
	}
	for _, k := range *keys {
		if k.Purpose != PurposeReceipt {
			continue
		}
		public, _ := ed25519.NewKeyFromSeed(k.secret).Public().(ed25519.PublicKey)
		out = append(out, PublicKey{k.ID, public, k.NotBefore, k.NotAfter, k.RevokedAt})
	}
	return out
}
