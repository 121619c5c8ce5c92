package chat

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Bounds of one message and of what is kept.
const (
	textRunesMax     = 200 // characters of a message
	textBytesMax     = 1200
	quoteRunesMax    = 80  // of what a reply quotes
	announceRunesMax = 120 // of an announcement
	reasonRunesMax   = 200 // of a moderator's reason
	wordRunesMax     = 60  // of a channel's own word
	wordsMax         = 500 // of a channel's own words
	silencesMax      = 10_000
	reportsMax       = 200 // of one message
	refMax           = 64
	historyMax       = 200 // messages of one page
	newestMax        = 50  // that a newly arrived viewer gets
)

// What chat refuses.
var (
	ErrNotFound  = errors.New("chat: no such thing")
	ErrGuest     = errors.New("chat: who says something is logged in")
	ErrText      = errors.New("chat: a message is one line of text that people can read")
	ErrTooLong   = errors.New("chat: a message has at most 200 characters")
	ErrOff       = errors.New("chat: the chat is off")
	ErrEnded     = errors.New("chat: the broadcast has ended")
	ErrSlow      = errors.New("chat: slow mode")
	ErrTooFast   = errors.New("chat: too many messages")
	ErrRepeated  = errors.New("chat: the same text again")
	ErrFollowers = errors.New("chat: only followers may say something")
	ErrNewcomer  = errors.New("chat: the account is too young to say something here")
	ErrMuted     = errors.New("chat: muted")
	ErrBanned    = errors.New("chat: banned")
	ErrWord      = errors.New("chat: the message holds a word that is not wanted here")
	ErrLink      = errors.New("chat: the message holds a link")
	ErrReply     = errors.New("chat: what the reply is to is not there any more")
	ErrBusy      = errors.New("chat: more is said than can be taken")
	ErrStopping  = errors.New("chat: the server is stopping")
	ErrRank      = errors.New("chat: their role is not below yours")
	ErrSettings  = errors.New("chat: such settings there are not")
	ErrReason    = errors.New("chat: a reason has at most 200 characters and no control characters")
	ErrAnnounce  = errors.New("chat: an announcement is a line of at most 120 characters")
	ErrTooMany   = errors.New("chat: as many as there may be")
	ErrState     = errors.New("chat: the message was decided upon before")
	ErrCursor    = errors.New("chat: the cursor is not one of ours")
)

// WaitError is a refusal that ends by itself.
type WaitError struct {
	Err  error
	Wait time.Duration
}

// Error tells what was refused.
func (e *WaitError) Error() string { return e.Err.Error() }

// Unwrap is the refusal.
func (e *WaitError) Unwrap() error { return e.Err }

// RetryAfter is how long it lasts.
func (e *WaitError) RetryAfter() time.Duration { return e.Wait }

// Role is what somebody is in the chat of a channel.
type Role string

// The roles, from below.
const (
	Viewer    Role = ""
	Moderator Role = "moderator"
	Creator   Role = "creator"
	Owner     Role = "owner" // of the channel, its shop or the installation
)

func (r Role) rank() int {
	switch r {
	case Moderator:
		return 1
	case Creator:
		return 2
	case Owner:
		return 3
	}
	return 0
}

// Above tells whether the role is higher than another.
func (r Role) Above(other Role) bool { return r.rank() > other.rank() }

// team tells whether the role is one of the channel's people.
func (r Role) team() bool { return r.rank() > 0 }

// State is what became of a message.
type State string

// The states. What is not shown only moderators see.
const (
	Shown   State = "shown"
	Held    State = "held"    // waits for a moderator
	Refused State = "refused" // by a moderator, before anybody saw it
	Deleted State = "deleted" // was shown, is no more
)

// Message is one, as it is stored. Its text and name are a person's and are kept apart from the rest.
type Message struct {
	ID        string // UUIDv7: the order of what was said
	Broadcast string
	Channel   string
	Account   string
	Name      string // as it was when it was said
	Role      Role
	Text      string
	State     State
	Why       string         // what held it: word, link, reports, newcomer
	MediaTime mediatime.Time // the frame that the author saw; 0: before the show
	At        time.Time
	Reply     string // the message that it answers, "" for none
	Quote     *Quote // filled in by the store, where that is still shown
	Ref       string // the author's own name for it; one is stored once
	Address   string // a keyed hash of where it came from
	Reports   int    // how many reported it
}

// Quote is what a reply answers.
type Quote struct {
	ID, Account, Name, Text string
}

// Place is what chat must know of a broadcast.
type Place struct {
	Broadcast, Channel, Shop string
	State                    string // draft, scheduled, rehearsal, live, interrupted, ended
}

func (p Place) ended() bool { return p.State == "ended" }

// Broadcasts finds places.
type Broadcasts interface {
	// Place returns one, or ErrNotFound.
	Place(ctx context.Context, broadcast string) (Place, error)
}

// Person is what chat must know of an account.
type Person struct {
	Name    string
	Role    Role // in the chat of the place
	Created time.Time
}

// People knows accounts.
type People interface {
	// Person returns who an account is to a channel; ErrNotFound where it is nobody any more.
	Person(ctx context.Context, account, shop, channel string) (Person, error)
	// Follows tells whether an account follows a channel.
	Follows(ctx context.Context, account, channel string) (bool, error)
}

// Who is somebody who asks for something.
type Who struct {
	Account string // "" for a guest
	Address string // a keyed hash, "" for unknown
}
