package account

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// Store keeps everything of this package. Each method is one transaction. Times have millisecond precision.
// accountsql implements it on SQLite and PostgreSQL; accounttest.Model is the same in memory.
type Store interface {
	Persons
	Sessions
	Tokens
	Shops
	Members
	Keys
	Replays
}

// Persons keeps who somebody is: the only tables that hold names, e-mail and addresses.
type Persons interface {
	// CreateAccount adds an account with its person and password; created is false if the e-mail is taken.
	CreateAccount(ctx context.Context, p Person, passwordHash string) (created bool, err error)
	// Credential finds by normalised e-mail, or by account where the e-mail is empty. ErrNotFound.
	Credential(ctx context.Context, emailKey, account string) (Credential, error)
	SetPassword(ctx context.Context, account, passwordHash string) error
	Person(ctx context.Context, account string) (Person, error)
	UpdatePerson(ctx context.Context, account string, c PersonChange) error
	// Erase deletes the person, passwords, addresses, sessions, tokens and remembered answers. ErrLastOwner while
	// the account is the only owner of a shop.
	Erase(ctx context.Context, account string, at time.Time) error
	SetAdmin(ctx context.Context, account string, at time.Time) error // the zero time takes the flag away
	// AccountPrincipal is what the account may do by itself.
	AccountPrincipal(ctx context.Context, account string) (Principal, error)
}

// Sessions keeps log-ins, and addresses, which are part of a person too.
type Sessions interface {
	CreateSession(ctx context.Context, s Session) error
	// SessionPrincipal is what Authenticate needs of a session that has not expired. ErrNotFound.
	SessionPrincipal(ctx context.Context, d Digest, now time.Time) (Principal, Session, error)
	ExtendSession(ctx context.Context, d Digest, expires time.Time) error
	DeleteSession(ctx context.Context, d Digest) error
	DeleteSessions(ctx context.Context, account string, except Digest) error
	AddAddress(ctx context.Context, account string, a Address, max int) error
	Addresses(ctx context.Context, account string) ([]Address, error)
	DeleteAddress(ctx context.Context, account, id string) error
}

// Tokens keeps API tokens.
type Tokens interface {
	CreateToken(ctx context.Context, t Token, d Digest, max int) error
	Tokens(ctx context.Context, account string) ([]Token, error)
	DeleteToken(ctx context.Context, account, id string) error
	TokenPrincipal(ctx context.Context, d Digest) (Principal, error)
}

// Shops keeps shops and their channels.
type Shops interface {
	CreateShop(ctx context.Context, s Shop, owner string, max int) error
	Shop(ctx context.Context, id string) (Shop, error)
	UpdateShop(ctx context.Context, id string, c ShopChange) error
	CreateChannel(ctx context.Context, c Channel, max int) error
	// Channel finds by id or handle.
	Channel(ctx context.Context, idOrHandle string) (Channel, error)
	UpdateChannel(ctx context.Context, id string, name string) error
	Channels(ctx context.Context, shop string) ([]Channel, error)
}

// Members keeps who has which role at a shop or channel. The place has either only a shop, or both.
type Members interface {
	Members(ctx context.Context, place Owner) ([]Member, error)
	SetMember(ctx context.Context, place Owner, account string, role Role, max int) error
	RemoveMember(ctx context.Context, place Owner, account string) error
}

// Keys keeps stream keys and the signing ring.
type Keys interface {
	// RotateStreamKey adds the key, revokes the channel's others, and appends the facts, one per revoked key, made
	// by fact. It returns the ids of the revoked keys.
	RotateStreamKey(ctx context.Context, k StreamKey, fact func(revoked string) event.Event) ([]string, error)
	// StreamKey finds a key that is not revoked. ErrNotFound.
	StreamKey(ctx context.Context, d Digest) (StreamKey, error)
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	AddSigningKey(ctx context.Context, k SigningKey) error
	// RevokeSigningKey marks a key: what it signed is not believed any more. ErrNotFound. A second time changes nothing.
	RevokeSigningKey(ctx context.Context, id string, now time.Time) error
}

// Replays keeps answers under idempotency keys, sealed, and what else expires.
type Replays interface {
	// BeginReplay claims the key until lease, or returns the stored answer of the same request.
	BeginReplay(ctx context.Context, r Replay, now time.Time) (answer string, err error)
	EndReplay(ctx context.Context, id, answer string) error
	DropReplay(ctx context.Context, id string) error
	// Sweep deletes up to limit expired sessions and as many expired replays.
	Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error)
}
