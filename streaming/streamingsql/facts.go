package streamingsql

import (
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// The data of broadcast.* events, version 1.
type (
	scheduledData struct {
		Broadcast string    `json:"broadcast"`
		Channel   string    `json:"channel"`
		Title     string    `json:"title"`
		StartsAt  time.Time `json:"starts_at"`
	}
	anchorData struct {
		Broadcast  string         `json:"broadcast"`
		Channel    string         `json:"channel"`
		Shop       string         `json:"shop"`
		Title      string         `json:"title,omitempty"`
		Generation int            `json:"generation"`
		MediaTime  mediatime.Time `json:"media_time"`
		Wall       time.Time      `json:"wall"`
	}
	airData struct {
		Broadcast string         `json:"broadcast"`
		Channel   string         `json:"channel"`
		Shop      string         `json:"shop"`
		MediaTime mediatime.Time `json:"media_time"`
	}
)

// facts tells what a move made true, on the broadcast's own topic.
func facts(before, after streaming.Broadcast, added mediatime.Anchors, at time.Time) (out []event.Event) {
	topic := event.BroadcastTopic(after.ID)
	air := func(kind event.Kind, media mediatime.Time) {
		out = append(out, event.New(topic, kind, int64(media), at, airData{after.ID, after.ChannelID, after.ShopID, media}))
	}
	for _, a := range added {
		kind, title := event.BroadcastAnchored, ""
		if before.StartedAt.IsZero() && len(out) == 0 {
			kind, title = event.BroadcastStarted, after.Title
		}
		out = append(out, event.New(topic, kind, int64(a.Media), at, anchorData{after.ID, after.ChannelID, after.ShopID, title, a.Generation, a.Media, a.Wall}))
	}
	switch {
	case after.State == streaming.Live && before.State == streaming.Interrupted:
		media := mediatime.Time(0)
		if a, ok := after.Anchors.Newest(); ok {
			media = a.Media
		}
		air(event.BroadcastResumed, media)
	case after.State == streaming.Interrupted:
		air(event.BroadcastInterrupted, 0) // at once, whatever frame the viewer has reached
	case after.State == streaming.Ended:
		air(event.BroadcastEnded, after.Length)
	}
	return out
}
