package whep

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Server-sent events of a session (draft-ietf-wish-whep, 5.2): a viewer POSTs the names that it wants to the
// session's events resource, and GETs the Location that it is answered with.
const (
	eventsRel       = "urn:ietf:params:whep:ext:core:server-sent-events"
	eventsBytesMax  = 1 << 10
	eventsInterval  = time.Second
	eventsKeepAlive = 15 * time.Second
	eventsWriteTime = 10 * time.Second
	silentAfter     = time.Second // a stream without media for so long is inactive
)

var eventNames = []string{"active", "inactive", "viewercount", "layers", "reconnect"}

func (v *session) eventsURL() string { return fmt.Sprintf("/whep/%s/%s/events", v.broadcast, v.id) }

// events serves a session's events resource.
func (s *Server) events(w http.ResponseWriter, r *http.Request, broadcast, id string) *problem {
	v := s.session(broadcast, id)
	if v == nil {
		return refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	switch r.Method {
	case http.MethodPost:
		return v.subscribe(w, r)
	case http.MethodGet:
		return v.follow(w, r)
	case http.MethodDelete: // the stream ends with its connection
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.Header().Set("Allow", resources["events"].allow)
	return refuse(http.StatusMethodNotAllowed, "method", "This method is not allowed here.")
}

func (v *session) subscribe(w http.ResponseWriter, r *http.Request) *problem {
	body, p := read(w, r, typeJSON, eventsBytesMax)
	if p != nil {
		return p
	}
	var names []string
	if err := json.Unmarshal(body, &names); err != nil {
		return refuse(http.StatusBadRequest, "bad-events", "The body must be a JSON array of event names.")
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(eventNames, n) })
	if len(names) == 0 {
		names = eventNames
	}
	w.Header().Set("Location", v.eventsURL()+"?types="+strings.Join(names, ","))
	w.WriteHeader(http.StatusCreated)
	return nil
}

// follow sends events until the session or the connection ends. A session has one follower: a new one ends the old.
func (v *session) follow(w http.ResponseWriter, r *http.Request) *problem {
	wanted := strings.Split(r.URL.Query().Get("types"), ",")
	if r.URL.Query().Get("types") == "" {
		wanted = eventNames
	}
	replaced := make(chan struct{})
	v.mu.Lock()
	if v.follower != nil {
		close(v.follower)
	}
	v.follower = replaced
	v.mu.Unlock()
	defer v.unfollow(replaced)

	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	say := func(name, data string) bool {
		if name != "" && !slices.Contains(wanted, name) {
			return true
		}
		text := ":\n\n"
		if name != "" {
			text = "event: " + name + "\ndata: " + data + "\n\n"
		}
		_ = out.SetWriteDeadline(time.Now().Add(eventsWriteTime)) // best effort: a test's writer has none
		_, err := io.WriteString(w, text)
		return err == nil && out.Flush() == nil
	}
	tick := time.NewTicker(eventsInterval)
	defer tick.Stop()
	state, viewers, layers, quiet := "", -1, "", time.Duration(0)
	for {
		now := "inactive"
		if v.fan.Stream().Active(silentAfter) {
			now = "active"
		}
		count := v.server.Viewers(v.broadcast)
		ok := true
		if now != state {
			ok, quiet = say(now, "{}"), 0
		}
		if count != viewers {
			ok, quiet = ok && say("viewercount", fmt.Sprintf(`{"viewercount":%d}`, count)), 0
		}
		if l := v.layers(); l != layers {
			ok, quiet, layers = ok && say("layers", l), 0, l
		}
		if state, viewers = now, count; quiet >= eventsKeepAlive {
			ok, quiet = ok && say("", ""), 0
		}
		if !ok {
			return nil
		}
		select {
		case <-tick.C:
			quiet += eventsInterval
		case <-replaced:
			return nil
		case <-r.Context().Done():
			return nil
		case <-v.done:
			say("reconnect", fmt.Sprintf(`{"reason":%q}`, v.reason))
			return nil
		}
	}
}

func (v *session) unfollow(f chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.follower == f {
		v.follower = nil
	}
}
