package api

import (
	"strconv"
	"time"
)

// queueBody is how a place in the queue stands.
type queueBody struct {
	Place    string     `json:"place" doc:"Ask GET /v1/queue/{place} how it stands, and name it in the checkout when it is your turn."`
	State    string     `json:"state" enum:"waiting,turn,sold_out" doc:"sold_out: what the checkout named is sold out; waiting on is of no use unless it comes back."`
	Position int64      `json:"position" doc:"How many come first, and one; 0 when it is your turn."`
	Estimate int64      `json:"estimate_seconds" doc:"When it will be your turn, as it looks now."`
	Until    *time.Time `json:"until,omitempty" doc:"Until when the turn can be used."`
}

func appendPlace(b []byte, q *queueBody) []byte {
	b = appendText(append(b, `{"place":`...), q.Place)
	b = appendText(append(b, `,"state":`...), q.State)
	b = strconv.AppendInt(append(b, `,"position":`...), q.Position, 10)
	b = strconv.AppendInt(append(b, `,"estimate_seconds":`...), q.Estimate, 10)
	if q.Until != nil {
		b = appendTime(append(b, `,"until":`...), *q.Until)
	}
	return append(b, '}')
}
