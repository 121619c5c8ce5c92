package chat

import (
	"slices"
	"strings"
	"time"
)

// Settings are a channel's own, for all its broadcasts.
type Settings struct {
	Slow      int      `json:"slow_seconds"`      // between two messages of one viewer; 0: no slow mode
	Followers bool     `json:"followers_only"`    // only who follows the channel may say something
	Newcomers int      `json:"newcomers_minutes"` // younger accounts may not say anything; 0: all may
	Links     Action   `json:"links"`
	Lists     Action   `json:"lists"` // what the words of our own lists call for; None: nothing
	Languages []string `json:"languages"`
	Reports   int      `json:"reports"` // so many accounts' reports hide a message until a moderator has looked; 0: none
	Version   int64    `json:"version"`
}

// Defaults are the settings of a channel that has chosen nothing.
func Defaults() Settings {
	return Settings{Links: Block, Lists: Block, Languages: slices.Clone(Languages), Reports: 5}
}

// Bounds of settings.
const (
	slowMax      = 3600         // seconds
	newcomersMax = 60 * 24 * 30 // minutes
	reportsHide  = 100
)

func (s Settings) check() error {
	actions := []Action{Block, Hold}
	switch {
	case s.Slow < 0 || s.Slow > slowMax, s.Newcomers < 0 || s.Newcomers > newcomersMax, s.Reports < 0 || s.Reports > reportsHide:
	case !slices.Contains(append(actions, Allow), s.Links), !slices.Contains(append(actions, None), s.Lists):
	case slices.ContainsFunc(s.Languages, func(l string) bool { return !slices.Contains(Languages, l) }), len(s.Languages) > len(Languages):
	default:
		return nil
	}
	return ErrSettings
}

// Word is an entry of a channel's own list. An asterisk at its end or beginning means that more may stand there.
type Word struct {
	ID     string
	Text   string
	Action Action
}

func cleanWord(text string, action Action) (string, error) {
	if action != Block && action != Hold && action != Allow {
		return "", ErrSettings
	}
	text, err := Clean(text, wordRunesMax)
	if err != nil {
		return "", err
	}
	text = strings.ToLower(text)
	if _, ok := parsePattern(text, action); !ok {
		return "", ErrText
	}
	return text, nil
}

// Room is what a broadcast's chat has of its own.
type Room struct {
	Broadcast    string
	Off          bool
	Pinned       string // a message
	Announcement string
	Version      int64
}

// Kind is what a silence keeps somebody from.
type Kind string

// The kinds.
const (
	Mute Kind = "mute" // from saying something
	Ban  Kind = "ban"  // from coming in
)

// Silence keeps somebody quiet, or out.
type Silence struct {
	ID      string
	Channel string
	Subject string // account:… or address:…
	Kind    Kind
	Until   time.Time // zero: for good
	Actor   string
	Reason  string
	At      time.Time
}

// holds tells whether it is in force.
func (s Silence) holds(now time.Time) bool { return s.Until.IsZero() || now.Before(s.Until) }

// OfAccount and OfAddress name whom a silence is about.
func OfAccount(id string) string { return "account:" + id }

// OfAddress is for everybody who comes from an address, known by its keyed hash.
func OfAddress(hash string) string { return "address:" + hash }

// subjects are what a silence may be about, of somebody.
func (w Who) subjects() (out []string) {
	if w.Account != "" {
		out = append(out, OfAccount(w.Account))
	}
	if w.Address != "" {
		out = append(out, OfAddress(w.Address))
	}
	return out
}

// Record is a row of the audit.
type Record struct {
	ID        string
	Channel   string
	Broadcast string // "" for what is the channel's
	Actor     string
	Action    string
	Subject   string // of a silence; a setting or word
	Message   string
	Reason    string
	At        time.Time
}
