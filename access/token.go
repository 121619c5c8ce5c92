package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	secretBytes = 32 // 256 random bits
	secretChars = 43 // of them in base64url without padding
)

// NewToken says what a viewing token shall be.
type NewToken struct {
	Broadcast   string
	Name        string // for its maker, may be empty
	Lasts       time.Duration
	SessionsMax int // at a time; 0: any number
}

// MakeToken makes a viewing token. The text is told once.
func (s *Service) MakeToken(ctx context.Context, n NewToken) (t ViewingToken, text string, err error) {
	n.Name = strings.TrimSpace(n.Name)
	switch {
	case !cleanName(n.Name):
		return t, "", ErrName
	case n.Lasts < tokenLifeMin || n.Lasts > tokenLifeMax:
		return t, "", ErrExpiry
	case n.SessionsMax < 0 || n.SessionsMax > seatsMax:
		return t, "", ErrSeats
	}
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	text = TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
	digest, _ := digestOf(text)
	now := s.now()
	t = ViewingToken{
		ID: uuid.Must(uuid.NewV7()).String(), Broadcast: n.Broadcast, Name: n.Name, Digest: digest,
		Created: now, Expires: now.Add(n.Lasts).Truncate(time.Millisecond), SessionsMax: n.SessionsMax,
	}
	return t, text, s.Store.AddToken(ctx, t, tokensMax)
}

// Tokens lists a broadcast's viewing tokens, newest first.
func (s *Service) Tokens(ctx context.Context, broadcast string) ([]ViewingToken, error) {
	return s.Store.Tokens(ctx, broadcast)
}

// Watching is how many watch with a viewing token on this node, where it bounds them.
func (s *Service) Watching(token string) int { return s.seats.of(token) }

// DeleteToken ends a viewing token and everything that is watched with it.
func (s *Service) DeleteToken(ctx context.Context, broadcast, id string) error {
	r := s.revocation(OfToken(id))
	if err := s.Store.DeleteToken(ctx, broadcast, id, r); err != nil {
		return err
	}
	s.seats.drop(id)
	s.note(r)
	return nil
}

// digestOf is the digest of what looks like a viewing token. What does not costs no database read.
func digestOf(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, TokenPrefix)
	if !ok || len(rest) != secretChars {
		return "", false
	}
	for i := range len(rest) { // the decoder would skip line breaks
		if c := rest[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), true
}

func cleanName(name string) bool {
	if utf8.RuneCountInString(name) > nameRunesMax || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		// Direction overrides would let a name rewrite the line it stands in.
		if r < 0x20 || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return false
		}
	}
	return true
}
