package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/event"
)

// WriteProblem answers a request that a door outside of this package's routes (the feed) refuses.
func (s *Server) WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	s.build()
	p := s.problem(r.Context(), err)
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain structs always encode
	}
	h := w.Header()
	for k, v := range p.GetHeaders() {
		h[k] = v
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = w.Write(raw) // whoever asked may have gone
}

// feedMessage is what comes down a feed, for the description only: the overlay encodes it itself.
type feedMessage struct {
	From     string        `json:"from,omitempty" doc:"Where you were. If it is not the to of the message before, something is missing."`
	Answer   any           `json:"answer,omitempty" doc:"To what went up, for you alone: {\"kind\":\"chat\",\"ref\":…} with what became of it, or with a code that says why not."`
	To       string        `json:"to,omitempty" doc:"Where you are now; since when you come back."`
	Events   []event.Event `json:"events,omitempty"`
	Gap      bool          `json:"gap,omitempty" doc:"Something is missing: load the scene and follow from its position."`
	Position string        `json:"position,omitempty" doc:"With gap: where the feed goes on."`
}

// describeFeeds puts the feeds into the description. They are served before this package's routes (overlay.Feed).
func (s *Server) describeFeeds(r *router) {
	schema := huma.SchemaFromType(r.api.OpenAPI().Components.Schemas, typeOf[feedMessage]())
	for path, summary := range map[string]string{
		"/v1/broadcasts/{id}/feed": "Follow a broadcast",
		"/v1/shops/{id}/feed":      "Follow a shop's orders and stock",
	} {
		r.api.OpenAPI().AddOperation(&huma.Operation{
			OperationID: operationID(http.MethodGet, path), Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"overlay"},
			Description: "A WebSocket, or server-sent events where Accept asks for text/event-stream. Facts come at once, the rest every 50 ms at most; " +
				"of values only the newest per key, of chat the newest ten per tick. Up the WebSocket go heartbeat, impression, click, lateness, chat and like.",
			Parameters: []*huma.Param{
				{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
				{Name: "since", In: "query", Description: "A position: from the scene, or the last to.", Schema: &huma.Schema{Type: "string"}},
				{Name: "grant", In: "query", Description: "From watch, where the broadcast is not for everybody.", Schema: &huma.Schema{Type: "string"}},
				{Name: "session", In: "query", Description: "The view session that messages going up belong to.", Schema: &huma.Schema{Type: "string"}},
			},
			Responses: map[string]*huma.Response{
				"101": {Description: "A WebSocket whose text messages are as below"},
				"200": {Description: "Events whose data is", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}},
				"426": {Description: "Neither was asked for"},
			},
		})
	}
}
