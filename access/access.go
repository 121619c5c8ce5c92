package access

import (
	"errors"
	"time"
)

// Level says whom a broadcast is for.
type Level string

// The levels.
const (
	Public    Level = "public"
	Followers Level = "followers" // who follows the channel
	Token     Level = "token"     // who has a viewing token
)

// What access refuses.
var (
	ErrNotFound     = errors.New("access: no such thing")
	ErrFollow       = errors.New("access: only followers of the channel may watch")
	ErrToken        = errors.New("access: a viewing token is needed to watch")
	ErrTokenRefused = errors.New("access: the viewing token is not, or no longer, valid")
	ErrTokenBusy    = errors.New("access: as many watch with the viewing token as may")
	ErrGrant        = errors.New("access: the grant is not, or no longer, valid")
	ErrTeam         = errors.New("access: only the channel's people may watch")
	ErrName         = errors.New("access: a name has at most 80 characters and no control characters")
	ErrExpiry       = errors.New("access: a viewing token lasts between a minute and a year")
	ErrSeats        = errors.New("access: a viewing token lets in 1 to 10,000 at a time")
	ErrTooMany      = errors.New("access: as many as there may be")
)

// Broadcast is what access must know of one.
type Broadcast struct {
	ID, Channel string
	Level       Level
	TeamOnly    bool // a draft or a rehearsal
}

// Open tells whether everybody may watch, without a grant.
func (b Broadcast) Open() bool { return !b.TeamOnly && (b.Level == Public || b.Level == "") }

// Ask is somebody who wants to watch.
type Ask struct {
	Broadcast Broadcast
	Session   string // the view session, or "" for a new one
	Team      bool   // one of the channel's people
	Account   string // "" for nobody
	Login     string // a fingerprint of the log-in, that revokes it
	Token     string // a viewing token, or ""
}

// Follow is somebody's following of a channel.
type Follow struct {
	Channel string
	Since   time.Time
}

// ViewingToken lets whoever has it watch one broadcast. Only its digest is stored.
type ViewingToken struct {
	ID          string
	Broadcast   string
	Name        string
	Digest      string
	Created     time.Time
	Expires     time.Time
	SessionsMax int // at a time; 0: any number
}

// Revocation says that what was granted to a subject until At is void. Keep it until Until.
type Revocation struct {
	Subject   string
	At, Until time.Time
}

// Limits.
const (
	grantLife     = 12 * time.Hour
	tokenLifeMin  = time.Minute
	tokenLifeMax  = 366 * 24 * time.Hour
	seatsMax      = 10_000
	nameRunesMax  = 80
	tokensMax     = 1000 // of a broadcast
	followsMax    = 5000 // of an account
	revocationMax = 100_000
)
