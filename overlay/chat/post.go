package chat

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Line is what somebody wants to say.
type Line struct {
	Broadcast string
	Who       Who
	Text      string
	Reply     string          // the message that it answers
	MediaTime *mediatime.Time // the frame that they see; nil: unknown
	Ref       string          // their own name for it: sent twice, it is said once
}

// Result is what became of a line.
type Result struct {
	ID    string `json:"id"`
	State State  `json:"state" enum:"shown,held"`
	Again bool   `json:"again,omitempty" doc:"It had been said before, under the same ref."`
	Said  *Said  `json:"message,omitempty"`
	// Wait is how long slow mode keeps its author from the next.
	Wait int64 `json:"wait_ms,omitempty"`
}

// asked is a line on its way.
type asked struct {
	Line
	at   time.Time
	done func(Result, error) // called once, must not block
}

// upward is a message of a feed: {"kind":"chat","text":…}.
type upward struct {
	Text      string `json:"text"`
	Reply     string `json:"reply_to"`
	MediaTime *int64 `json:"media_time"`
	Ref       string `json:"ref"`
}

// answer is what the author hears, before others and whatever is thinned: {"answer":{"kind":"chat",…}}.
type answer struct {
	Kind string `json:"kind"`
	Ref  string `json:"ref"`
	Code string `json:"code,omitempty"` // why not, as the API's problems are called
	Result
}

// UpRate is how fast one feed may say something; the author's own bounds are finer.
var UpRate = overlay.Rate{PerSecond: 2, Burst: 6}

// Hear takes a line that came up a feed. It does not block; what became of it is answered to the author alone.
func (s *Service) Hear(m overlay.Said) error {
	var up upward
	broadcast, ok := broadcastOf(m.Topic)
	if err := json.Unmarshal(m.Message, &up); err != nil || !ok || len(up.Ref) > refMax {
		return ErrText
	}
	l := Line{Broadcast: broadcast, Who: Who{m.Caller.Account, s.hash(m.Caller.Where())}, Text: up.Text, Reply: up.Reply, Ref: up.Ref}
	if up.MediaTime != nil {
		t := mediatime.Time(*up.MediaTime)
		l.MediaTime = &t
	}
	s.enqueue(l, func(r Result, err error) { m.Answer(answer{"chat", up.Ref, Code(err), waiting(r, err)}) })
	return nil
}

// waiting tells in the result how long a refusal lasts.
func waiting(r Result, err error) Result {
	var w *WaitError
	if errors.As(err, &w) {
		r.Wait = w.Wait.Milliseconds()
	}
	return r
}

func broadcastOf(topic string) (string, bool) {
	const prefix = "broadcast/"
	if len(topic) <= len(prefix) || topic[:len(prefix)] != prefix {
		return "", false
	}
	return topic[len(prefix):], true
}

// codes are what refusals are called on a feed: as the API calls them.
var codes = map[error]string{
	ErrGuest: "unauthenticated", ErrText: "bad-text", ErrTooLong: "too-long", ErrOff: "chat-off", ErrEnded: "ended", ErrSlow: "slow-mode", ErrTooFast: "too-fast", ErrRepeated: "repeated",
	ErrFollowers: "followers-only", ErrNewcomer: "newcomer", ErrMuted: "muted", ErrBanned: "banned", ErrWord: "word", ErrLink: "link", ErrReply: "reply-gone", ErrStopping: "stopping", ErrNotFound: "not-found",
}

// Code is what a refusal is called.
func Code(err error) string {
	if err == nil {
		return ""
	}
	for known, code := range codes {
		if errors.Is(err, known) {
			return code
		}
	}
	return "busy"
}

// Say says a line and waits until it is stored.
func (s *Service) Say(ctx context.Context, l Line) (Result, error) {
	type outcome struct {
		Result
		error
	}
	done := make(chan outcome, 1)
	s.enqueue(l, func(r Result, err error) { done <- outcome{r, err} })
	select {
	case o := <-done:
		return o.Result, o.error
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// enqueue judges what can be judged at once, and queues the rest.
func (s *Service) enqueue(l Line, done func(Result, error)) {
	s.init()
	a := &asked{Line: l, at: s.now()}
	a.done = func(r Result, err error) {
		s.Metrics.answered(r, err, s.now().Sub(a.at))
		done(r, err)
	}
	var err error
	if l.Who.Account == "" {
		err = ErrGuest
	} else if a.Text, err = Clean(l.Text, textRunesMax); err == nil {
		err = s.paces.take(l.Broadcast, a.Text, l.Who, a.at)
	}
	if err != nil {
		a.done(Result{}, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		a.done(Result{}, ErrStopping)
		return
	}
	select {
	case s.inbox <- a:
	default:
		a.done(Result{}, &WaitError{ErrBusy, time.Second})
	}
}

// post stores what waits, a batch at a time, until ctx ends; then it refuses what is left.
func (s *Service) post(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-pause.C:
			select {
			case <-ctx.Done():
			case first := <-s.inbox:
				s.batch(ctx, first)
				pause.Reset(batchEvery)
			}
		}
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	for {
		select {
		case a := <-s.inbox:
			a.done(Result{}, ErrStopping)
		default:
			return
		}
	}
}

func (s *Service) batch(ctx context.Context, first *asked) {
	all := []*asked{first}
	for len(all) < batchMax {
		select {
		case a := <-s.inbox:
			all = append(all, a)
			continue
		default:
		}
		break
	}
	s.Metrics.queued(len(s.inbox))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
	defer cancel()
	var entries []Entry
	var of []*asked
	for _, a := range all {
		e, err := s.judge(ctx, a)
		if err != nil {
			s.refuse(a, err)
			continue
		}
		entries, of = append(entries, e), append(of, a)
	}
	if len(entries) == 0 {
		return
	}
	outcomes, err := s.Store.Add(ctx, s.now(), entries)
	if err != nil {
		s.Log.Error("store what is said", "messages", len(entries), "error", err)
		for _, a := range of {
			s.refuse(a, &WaitError{ErrBusy, time.Second})
		}
		return
	}
	s.Metrics.stored(len(entries))
	s.tell(ctx, of, entries, outcomes)
}

func (s *Service) refuse(a *asked, err error) {
	s.paces.forgive(a.Who.Account)
	a.done(Result{}, err)
}

// tell sends what was stored to everybody, and answers the authors.
func (s *Service) tell(ctx context.Context, of []*asked, entries []Entry, outcomes []Outcome) {
	var events []event.Event
	held := map[string]bool{}
	for i, o := range outcomes {
		m := entries[i].Message
		switch {
		case o.Err != nil:
			s.refuse(of[i], o.Err)
			continue
		case o.Again != "":
			of[i].done(Result{ID: o.Again, State: o.State, Again: true}, nil)
			continue
		}
		m.Quote = o.Quote
		line := said(m)
		if m.State == Shown {
			events = append(events, fact(m.Broadcast, event.ChatSaid, m.MediaTime, m.At, line))
		} else {
			held[m.Broadcast] = true
		}
		of[i].done(Result{ID: m.ID, State: m.State, Said: &line, Wait: entries[i].Pace.Milliseconds()}, nil)
	}
	for broadcast := range held {
		events = append(events, fact(broadcast, event.ChatWaiting, 0, s.now(), Waiting{true}))
	}
	if len(events) == 0 {
		return
	}
	if err := s.Bus.Publish(ctx, events...); err != nil {
		s.Metrics.lost(len(events))
		s.Log.Warn("send what was said", "messages", len(events), "error", err)
	}
}

// judge decides what can be decided before the store: whether the line may be said at all, and whether it is shown at
// once.
func (s *Service) judge(ctx context.Context, a *asked) (Entry, error) {
	rules, err := s.of(ctx, a.Broadcast)
	if err != nil {
		return Entry{}, err
	}
	place := rules.place
	who, err := s.person(ctx, a.Who.Account, place)
	if err != nil {
		return Entry{}, err
	}
	team := who.Role.team()
	closed := place.State == "draft" || place.State == "rehearsal"
	switch {
	case place.ended():
		return Entry{}, ErrEnded
	case closed && !team:
		return Entry{}, ErrNotFound
	case rules.room.Off && !team:
		return Entry{}, ErrOff
	}
	now := s.now()
	m := Message{
		ID: newID(), Broadcast: place.Broadcast, Channel: place.Channel, Account: a.Who.Account, Name: who.Name, Role: who.Role, Text: a.Text, State: Shown,
		MediaTime: s.frame(a), At: now, Reply: a.Reply, Ref: a.Ref, Address: a.Who.Address,
	}
	if m.Ref == "" {
		m.Ref = m.ID
	}
	e := Entry{Message: m}
	if team {
		return e, nil
	}
	if err := s.mayTalk(ctx, rules, who, a.Who.Account); err != nil {
		return Entry{}, err
	}
	e.Subjects, e.Pace = a.Who.subjects(), time.Duration(rules.settings.Slow)*time.Second
	action, _ := rules.filter.Find(m.Text)
	if action == Block {
		return Entry{}, ErrWord
	}
	link := None
	if rules.settings.Links != Allow && HasLink(m.Text, s.Host) {
		link = rules.settings.Links
	}
	if link == Block {
		return Entry{}, ErrLink
	}
	switch {
	case action == Hold:
		e.Message.State, e.Message.Why = Held, "word"
	case link == Hold:
		e.Message.State, e.Message.Why = Held, "link"
	}
	return e, nil
}

func (s *Service) mayTalk(ctx context.Context, rules *ruleSlot, who Person, account string) error {
	if young := time.Duration(rules.settings.Newcomers)*time.Minute - s.now().Sub(who.Created); young > 0 {
		return &WaitError{ErrNewcomer, young}
	}
	if !rules.settings.Followers {
		return nil
	}
	follows, err := s.People.Follows(ctx, account, rules.place.Channel)
	if err == nil && !follows {
		err = ErrFollowers
	}
	return err
}

// frame is the frame that a message belongs to: the one that its author says to see, where that can be, else the one
// that enters the server now.
func (s *Service) frame(a *asked) mediatime.Time {
	edge, on := s.Clock.Now(a.Broadcast)
	if !on {
		return 0
	}
	if t := a.MediaTime; t != nil && *t > 0 && *t <= edge+mediatime.Time(time.Second/time.Microsecond) && *t >= edge-mediatime.Time(pastMax/time.Microsecond) {
		return *t
	}
	return edge
}
