package chat

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Entry is a message to be stored, and what must hold for it at that moment.
type Entry struct {
	Message Message
	// Pace, where it is not 0, refuses who said something in the channel less than this ago.
	Pace time.Duration
	// Subjects are whom a silence would keep from speaking; none for the channel's people.
	Subjects []string
}

// Outcome is what became of an entry.
type Outcome struct {
	// Again is the message that was stored under the same Ref before; "" for a new one.
	Again string
	State State
	// Err is nil, a *WaitError of ErrSlow or ErrMuted, ErrMuted, ErrBanned or ErrReply.
	Err error
	// Quote is what the message answers.
	Quote *Quote
}

// Change takes a message from one state to another.
type Change struct {
	Broadcast, Message string
	From               []State
	To                 State
	Record             Record
}

// Report is what a viewer says of a message.
type Report struct {
	Message, Reporter, Reason string
	At                        time.Time
	Hide                      int // so many reports of accounts hide it; 0: none
}

// Messages keeps what is said. Each method is one transaction.
type Messages interface {
	// Add judges and stores entries in their order, and returns an outcome for each. Where two entries of one batch
	// are of one author, the first counts for the second's pace.
	Add(ctx context.Context, now time.Time, entries []Entry) ([]Outcome, error)
	// Message returns one, whatever its state, or ErrNotFound.
	Message(ctx context.Context, broadcast, id string) (Message, error)
	// Newest returns those that are shown, before a message ("": the newest), the oldest first.
	Newest(ctx context.Context, broadcast, before string, limit int) ([]Message, error)
	// Frames returns those that are shown with a media time from (from, after) on and before until, in the order of
	// media time and id. after is the id of the last one of the page before.
	Frames(ctx context.Context, broadcast string, from, until mediatime.Time, after string, limit int) ([]Message, error)
	// Review returns those that a moderator should look at, the oldest first.
	Review(ctx context.Context, broadcast string, limit int) ([]Message, error)
	// Change moves a message on, appends the record and the facts, and returns it as it is then; ErrNotFound, or
	// ErrState where it is in none of the states From.
	Change(ctx context.Context, c Change, facts ...event.Event) (Message, error)
	// Report notes it once per reporter and says whether it hid the message, which appends the facts.
	Report(ctx context.Context, r Report, facts ...event.Event) (hidden bool, err error)
}

// Rules keeps what channels and rooms have decided. What changes something appends its record, and its facts, in the
// same transaction.
type Rules interface {
	// Settings returns a channel's, the defaults where there are none, and its own words, sorted by text.
	Settings(ctx context.Context, channel string) (Settings, []Word, error)
	SetSettings(ctx context.Context, channel string, s Settings, r Record) (Settings, error)
	// AddWord stores or replaces a word. ErrTooMany beyond max.
	AddWord(ctx context.Context, channel string, w Word, max int, r Record) (Word, error)
	RemoveWord(ctx context.Context, channel, id string, r Record) error
	// Room returns a broadcast's; an empty one where nothing was decided.
	Room(ctx context.Context, broadcast string) (Room, error)
	// SetRoom changes it by a function and returns it with its next version.
	SetRoom(ctx context.Context, broadcast string, change func(*Room), r Record) (Room, error)
	// Audit returns a channel's records before one ("": the newest), the newest first.
	Audit(ctx context.Context, channel, before string, limit int) ([]Record, error)
}

// Silences keeps who must be quiet.
type Silences interface {
	// Silence stores one in the place of an older one of the same subject. ErrTooMany beyond max.
	Silence(ctx context.Context, s Silence, max int, r Record, facts ...event.Event) (Silence, error)
	// Lift ends one and returns it, or ErrNotFound.
	Lift(ctx context.Context, channel, id string, r Record, facts func(Silence) []event.Event) (Silence, error)
	// Silences lists a channel's that hold at a time, the newest first.
	Silences(ctx context.Context, channel string, now time.Time) ([]Silence, error)
	// DeleteOf deletes at most limit shown or held messages of an account in a channel and returns their number.
	DeleteOf(ctx context.Context, channel, account string, limit int) (int, error)
}

// Persons keeps the law with what persons said.
type Persons interface {
	// Forget deletes at most limit texts of an account, and says how many.
	Forget(ctx context.Context, account string, limit int) (int, error)
	// Said lists an account's newest messages, with their texts.
	Said(ctx context.Context, account string, limit int) ([]Message, error)
	// Purge deletes at most limit messages, and as many of what belongs to none, from before texts; addresses from
	// before addresses are blanked. It says how many rows it changed.
	Purge(ctx context.Context, texts, addresses, now time.Time, limit int) (int, error)
}

// Store keeps everything of chat.
type Store interface {
	Messages
	Rules
	Silences
	Persons
}
