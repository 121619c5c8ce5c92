package account

import (
	"crypto/sha256"
	"slices"

	"github.com/google/uuid"
)

// Principal is somebody who has shown a valid session or API token. It is shared by requests; nobody changes it.
type Principal struct {
	AccountID   string
	Admin       bool
	TokenID     string   // the API token, "" for a session
	Scopes      []string // nil for a session: all that needs no token
	Shop        string   // what the API token is bound to; "" for all
	Channel     string   // the same
	Memberships []Membership

	session Digest // which session, to end it
}

// Login names the log-in or the API token that the principal came by, for whoever must know that it ended; it is a
// fingerprint shaped like an id, and opens nothing.
func (p *Principal) Login() string {
	if p.TokenID != "" {
		return p.TokenID
	}
	sum := sha256.Sum256(append([]byte("log-in "), p.session[:]...))
	return uuid.UUID(sum[:16]).String()
}

// Membership gives an account a role at a shop, or at one channel of it.
type Membership struct {
	Shop    string `json:"shop"`
	Channel string `json:"channel,omitempty"` // "" for a role at the shop
	Role    Role   `json:"role"`
	Name    string `json:"name"` // of the shop or channel
}

// Owner says what a row belongs to. A channel's rows name the channel's shop too; an order names its shop and
// its buyer; an address only an account.
type Owner struct {
	Shop    string
	Channel string
	Account string
}

// May tells whether the principal may do a to what o owns. It answers ErrUnauthenticated to nobody,
// ErrNotFound to who has nothing to do with the owner and need not know that the thing exists, ErrForbidden to a
// member without the role, and ErrScope to a token that lacks the scope.
func (p *Principal) May(a Action, o Owner) error {
	if p == nil {
		return ErrUnauthenticated
	}
	rule, ok := policy[a]
	if !ok {
		return ErrForbidden
	}
	if !p.allowed(rule, o) {
		if p.knows(o) {
			return ErrForbidden
		}
		return ErrNotFound
	}
	if rule.TokenOnly && p.TokenID == "" {
		return ErrScope
	}
	if p.Scopes != nil && (rule.Scope == "" || !slices.Contains(p.Scopes, rule.Scope)) {
		return ErrScope
	}
	return nil
}

func (p *Principal) allowed(r Rule, o Owner) bool {
	switch {
	case r.Anyone, r.Self && o.Account != "" && o.Account == p.AccountID:
		return true
	case p.Shop != "" && p.Shop != o.Shop, p.Channel != "" && p.Channel != o.Channel:
		return false // the token is bound to another place
	case p.Admin:
		return true
	}
	for _, m := range p.Memberships {
		if m.at(o) && slices.Contains(r.roles(m.Channel != ""), m.Role) {
			return true
		}
	}
	return false
}

// at tells whether the membership is at the owner itself.
func (m Membership) at(o Owner) bool {
	if m.Channel == "" {
		return o.Shop != "" && m.Shop == o.Shop
	}
	return m.Channel == o.Channel
}

// knows tells whether the principal belongs to the owner's people, whatever the role.
func (p *Principal) knows(o Owner) bool {
	if o.Account != "" && o.Account == p.AccountID {
		return true
	}
	return slices.ContainsFunc(p.Memberships, func(m Membership) bool {
		return o.Shop != "" && m.Shop == o.Shop || m.Channel != "" && m.Channel == o.Channel
	})
}
