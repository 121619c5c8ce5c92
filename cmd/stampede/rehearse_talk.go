package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/uuid"
)

const (
	talkersMax = 100             // accounts that are made
	talkEach   = 2 * time.Second // between two messages of one of them, on average
	likersMax  = 500
	likeEach   = time.Second
	silentMost = .01 // share of messages that may be refused
)

// feed is the address of the broadcast's feed, for whoever may follow it.
func (r *rehearsal) feed() string {
	out := strings.Replace(r.URL, "http", "ws", 1) + "/v1/broadcasts/" + r.Broadcast + "/feed"
	if r.door.grant != "" {
		out += "?grant=" + url.QueryEscape(r.door.grant)
	}
	return out
}

// invite makes accounts for those who chat: the crowd is nobody's friend and brings its own. Where the team lets it in,
// the team alone may speak, with one voice.
func (r *rehearsal) invite(ctx context.Context) error {
	if r.Team != "" && r.plan.Chat > 0 {
		r.talkers, r.plan.Chat = []string{r.Team}, min(r.plan.Chat, 1/talkEach.Seconds())
		return nil
	}
	for range min(talkersMax, int(r.plan.Chat*talkEach.Seconds()+.999)) {
		who := map[string]any{"email": "crowd-" + uuid.NewString() + "@example.com", "password": uuid.NewString()}
		session := maps.Clone(who)
		who["name"] = "Crowd"
		if _, err := r.post(ctx, "/v1/accounts", "", who, http.StatusCreated); err != nil {
			return fmt.Errorf("make an account for who chats: %w", err)
		}
		in, err := r.post(ctx, "/v1/sessions", "", session, http.StatusCreated)
		if err != nil {
			return fmt.Errorf("let in who chats: %w", err)
		}
		r.talkers = append(r.talkers, in.Token)
	}
	return nil
}

// posted is what the crowd reads of an answer.
type posted struct{ Token, Code string }

func (r *rehearsal) post(ctx context.Context, path, bearer string, body any, want int) (out posted, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+path, bytes.NewReader(text))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return out, err
	}
	if resp.StatusCode != want {
		return out, fmt.Errorf("%s: %s %s", path, resp.Status, out.Code)
	}
	return out, nil
}

// said counts what became of messages.
type said struct {
	mu    sync.Mutex
	n     int
	codes map[string]int // of refusals
}

func (s *said) add(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n++; code != "" {
		s.codes[code]++
	}
}

// fault says what went wrong, "" where next to nothing did.
func (s *said) fault(what string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	refused := 0
	for _, n := range s.codes {
		refused += n
	}
	if float64(refused) <= silentMost*float64(s.n) {
		return ""
	}
	return fmt.Sprintf("%d of %d %s were refused: %v", refused, s.n, what, s.codes)
}

// chat lets everybody who was invited say something now and then, each in a rhythm of their own, until ctx ends.
func (r *rehearsal) chat(ctx context.Context) *said {
	out := &said{codes: map[string]int{}}
	path := "/v1/broadcasts/" + r.Broadcast + "/chat/messages"
	if r.door.grant != "" {
		path += "?grant=" + url.QueryEscape(r.door.grant)
	}
	var all sync.WaitGroup
	for _, token := range r.talkers {
		all.Go(func() {
			for pause(ctx, spread(talkEach)) {
				answer, err := r.post(ctx, path, token, map[string]any{"text": "I want the blue one " + uuid.NewString()[:8]}, http.StatusCreated)
				if ctx.Err() != nil {
					return
				}
				if err != nil && answer.Code == "" {
					answer.Code = "no answer"
				}
				if err == nil {
					answer.Code = ""
				}
				out.add(answer.Code)
			}
		})
	}
	all.Wait()
	return out
}

// like lets so many feeds tap about once a second until ctx ends.
func (r *rehearsal) like(ctx context.Context, rate float64) *said {
	out := &said{codes: map[string]int{}}
	var all sync.WaitGroup
	for range min(likersMax, int(rate+.999)) {
		all.Go(func() {
			conn, _, _, err := ws.Dial(ctx, r.feed())
			if err != nil {
				if ctx.Err() == nil {
					out.add("no feed")
				}
				return
			}
			var reading sync.WaitGroup
			defer reading.Wait()
			defer conn.Close()
			reading.Go(func() { _, _ = io.Copy(io.Discard, conn) })
			for pause(ctx, spread(likeEach)) {
				code := ""
				if err := wsutil.WriteClientText(conn, fmt.Appendf(nil, `{"kind":"like","taps":%d}`, 1+rand.IntN(5))); err != nil {
					code = "the feed ended"
				}
				out.add(code)
				if code != "" {
					return
				}
			}
		})
	}
	all.Wait()
	return out
}

// spread is a time about as long as d, by chance.
func spread(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
