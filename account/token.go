package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Prefixes of the secrets that we hand out, so that a leaked one is recognised by its looks.
const (
	SessionPrefix      = "hk_ses_"
	TokenPrefix        = "hk_tok_"
	StreamKeyPrefix    = "hk_key_"
	PublishTokenPrefix = "hk_pub_" // signed, not stored
)

const (
	secretBytes = 32 // 256 random bits
	secretChars = 43 // of them in base64url without padding
)

// Digest is what is stored of a secret: its SHA-256. A secret of 256 random bits needs no salt and no slow hash.
type Digest [sha256.Size]byte

// String is the digest as it is stored.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// newSecret makes a secret with a prefix.
func newSecret(prefix string) (string, Digest) {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	s := prefix + base64.RawURLEncoding.EncodeToString(b)
	return s, sha256.Sum256([]byte(s))
}

// parseSecret tells whether s looks like a secret with the prefix, and its digest. What does not look like one
// costs no database read.
func parseSecret(prefix, s string) (Digest, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != secretChars {
		return Digest{}, false
	}
	for i := range len(rest) { // the decoder would skip line breaks
		if c := rest[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return Digest{}, false
		}
	}
	return sha256.Sum256([]byte(s)), true
}
