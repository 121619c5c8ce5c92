package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Author is what others know of somebody: the same name for all they say in a channel, and nothing that leads to the
// account.
func Author(channel, account string) string {
	if account == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("chat/" + channel + "/" + account))
	return hex.EncodeToString(sum[:9])
}

// Said is the data of chat.said, and a message of the history.
type Said struct {
	ID        string         `json:"id"`
	Author    string         `json:"author" doc:"Tells authors of the channel's chat apart."`
	Name      string         `json:"name"`
	Role      Role           `json:"role,omitempty" enum:",moderator,creator,owner"`
	Text      string         `json:"text"`
	MediaTime mediatime.Time `json:"media_time" doc:"The frame that the author saw, µs; 0: before the show."`
	At        int64          `json:"at" doc:"Unix milliseconds."`
	Reply     *SaidQuote     `json:"reply,omitempty"`
}

// SaidQuote is what a reply answers.
type SaidQuote struct {
	ID     string `json:"id"`
	Author string `json:"author"`
	Name   string `json:"name"`
	Text   string `json:"text"`
}

func said(m Message) Said {
	out := Said{ID: m.ID, Author: Author(m.Channel, m.Account), Name: m.Name, Role: m.Role, Text: m.Text, MediaTime: m.MediaTime, At: m.At.UnixMilli()}
	if q := m.Quote; q != nil {
		out.Reply = &SaidQuote{ID: q.ID, Author: Author(m.Channel, q.Account), Name: q.Name, Text: cut(q.Text, quoteRunesMax)}
	}
	return out
}

// Removed is the data of chat.removed: ids only.
type Removed struct {
	IDs []string `json:"ids"`
}

// Silenced is the data of chat.silenced. All that an author said goes where Removed says so.
type Silenced struct {
	Author  string `json:"author"`
	Kind    Kind   `json:"kind"`            // "" where it was lifted
	Until   int64  `json:"until,omitempty"` // Unix ms; 0: for good
	Removed bool   `json:"removed,omitempty"`
}

// Pinned is the data of chat.pinned: the comment on top, or none.
type Pinned struct {
	Message *Said `json:"message"`
	Version int64 `json:"version"`
}

// Announced is the data of chat.announced: a line over the picture, "" for none.
type Announced struct {
	Text    string `json:"text"`
	Version int64  `json:"version"`
}

// Ruled is the data of chat.ruled: what viewers must know of the rules.
type Ruled struct {
	Off       bool `json:"off"`
	Slow      int  `json:"slow_seconds"`
	Followers bool `json:"followers_only"`
}

// Waiting is the data of chat.waiting: somebody should look at the review queue.
type Waiting struct {
	Waiting bool `json:"waiting"`
}

func fact(broadcast string, kind event.Kind, at mediatime.Time, now time.Time, data any) event.Event {
	return event.New(event.BroadcastTopic(broadcast), kind, int64(at), now, data)
}
