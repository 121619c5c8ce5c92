package access

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Way is how somebody came by a grant.
type Way byte

// The ways. They are written into grants: never renumber them.
const (
	ByTeam   Way = 1
	ByFollow Way = 2
	ByToken  Way = 3
)

// Grant is leave to watch one broadcast. It is not stored: it is signed, and checked from memory.
type Grant struct {
	Broadcast string
	Session   string // one viewer's stay, whatever the protocol
	Way       Way
	Subject   string // the account, or the viewing token
	Login     string // the log-in that it came by; the zero id for a viewing token
	Issued    time.Time
	Expires   time.Time
}

// Signer signs grants and knows its own. *account.Signer is one.
type Signer interface {
	Sign(message []byte) (keyID string, mac []byte, err error)
	Verify(keyID string, message, mac []byte) bool
}

// Prefixes, so that a leaked secret is recognised by its looks.
const (
	GrantPrefix = "hk_grt_"
	TokenPrefix = "hk_view_"
)

const (
	grantVersion = 1
	grantSaid    = 2 + 4*16 + 2*8 // version, way, four ids, two times
	grantSigned  = grantSaid + 16 // the signing key's id
	grantBytes   = grantSigned + 32
)

var noLogin = uuid.Nil.String()

// sign writes the grant: the prefix and, in base64url, what it says, the id of the key and its mac.
func (g Grant) sign(by Signer) (string, error) {
	b := make([]byte, 2, grantBytes)
	b[0], b[1] = grantVersion, byte(g.Way)
	var err error
	for _, id := range []string{g.Broadcast, g.Session, g.Subject, g.Login} {
		if b, err = appendID(b, id); err != nil {
			return "", err
		}
	}
	b = binary.BigEndian.AppendUint64(b, uint64(g.Issued.UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(g.Expires.UnixMilli()))
	key, mac, err := by.Sign(b)
	if err != nil {
		return "", fmt.Errorf("sign a grant: %w", err)
	}
	if b, err = appendID(b, key); err != nil {
		return "", err
	}
	return GrantPrefix + base64.RawURLEncoding.EncodeToString(append(b, mac...)), nil
}

func appendID(b []byte, id string) ([]byte, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return b, fmt.Errorf("an id in a grant: %w", err)
	}
	return append(b, u[:]...), nil
}

// parseGrant reads a grant and believes nothing of it.
func parseGrant(text string) (g Grant, said []byte, key string, mac []byte, ok bool) {
	rest, ok := strings.CutPrefix(text, GrantPrefix)
	// The decoder would skip line breaks.
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(grantBytes) || strings.ContainsAny(rest, "\r\n") {
		return Grant{}, nil, "", nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || b[0] != grantVersion || Way(b[1]) < ByTeam || Way(b[1]) > ByToken {
		return Grant{}, nil, "", nil, false
	}
	id := func(n int) string { return uuid.UUID(b[2+16*n : 2+16*(n+1)]).String() }
	at := func(n int) time.Time {
		return time.UnixMilli(int64(binary.BigEndian.Uint64(b[2+4*16+8*n:]))).UTC()
	}
	g = Grant{Way: Way(b[1]), Broadcast: id(0), Session: id(1), Subject: id(2), Login: id(3), Issued: at(0), Expires: at(1)}
	return g, b[:grantSaid], uuid.UUID(b[grantSaid:grantSigned]).String(), b[grantSigned:], true
}

// subjects are what a revocation of this grant may name; channel is the broadcast's. Who an account is may be known
// from a cache: soft ones hit what was issued a moment later too.
func (g Grant) subjects(channel string) (hard, soft []string) {
	switch g.Way {
	case ByToken:
		return []string{OfToken(g.Subject)}, nil
	case ByFollow:
		return []string{OfFollow(g.Subject, channel)}, []string{OfAccount(g.Subject), OfLogin(g.Login)}
	}
	return nil, []string{OfAccount(g.Subject), OfLogin(g.Login), OfRoles(g.Subject)}
}

// The subjects of revocations.

// OfToken is a viewing token.
func OfToken(id string) string { return "token " + id }

// OfAccount is everything that an account may.
func OfAccount(id string) string { return "account " + id }

// OfRoles is what an account may as one of a channel's people.
func OfRoles(id string) string { return "roles " + id }

// OfLogin is a log-in.
func OfLogin(id string) string { return "login " + id }

// OfFollow is what an account may as a follower of a channel.
func OfFollow(account, channel string) string { return "follow " + account + " " + channel }
