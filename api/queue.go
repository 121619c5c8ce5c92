package api

import (
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"time"

	"github.com/hawkerlive/hawker/shop/checkout"
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

type placeIn struct {
	ID          string `path:"id" maxLength:"200"`
	BuyerRef    string `query:"buyer_ref" maxLength:"200" doc:"For whom an integrator asks."`
	Wait        int    `query:"wait" minimum:"0" maximum:"20" doc:"Seconds for which the answer may be held back until there is news: the turn, sold out, or a place that has come nearer."`
	IfNoneMatch string `header:"If-None-Match"`
}

type placeOut struct {
	Status     int
	ETag       string `header:"ETag"`
	RetryAfter string `header:"Retry-After" doc:"Seconds until it is worth asking again; 0 after an answer that was held back: ask at once, with wait."`
	Body       queueBody
}

// place tells whoever has a place how it stands. Nobody else is told anything.
func (s *Server) place(ctx context.Context, in *placeIn) (*placeOut, error) {
	buyer := "" // nobody's: the place is somebody else's
	if p := caller(ctx); p != nil {
		if buyer = p.AccountID; in.BuyerRef != "" {
			buyer = s.refBuyer(p, in.BuyerRef)
		}
	}
	standing, err := s.Checkout.Room.Wait(ctx, in.ID, buyer, time.Duration(in.Wait)*time.Second)
	if err != nil {
		return nil, err
	}
	out := &placeOut{Status: http.StatusOK, Body: *queueOf(standing), RetryAfter: seconds(standing.Again)}
	b := out.Body
	out.ETag = fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(fmt.Appendf(nil, "%s %d %d", b.State, b.Position, b.Estimate)))
	if in.IfNoneMatch == out.ETag {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

func queueOf(s checkout.Standing) *queueBody {
	out := &queueBody{Place: s.Token, State: "waiting", Position: s.Position, Estimate: int64((s.Estimate + time.Second - 1) / time.Second)}
	switch {
	case s.SoldOut:
		out.State = "sold_out"
	case s.Turn():
		out.State, out.Until = "turn", moment(s.Until)
	}
	return out
}
