package chat

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// By is one of the channel's people at work.
type By struct {
	Account string
	Role    Role
}

// record makes a row of the audit.
func (s *Service) record(place Place, by By, action, reason string) (Record, error) {
	reason, err := line(reason, reasonRunesMax, ErrReason)
	if err != nil {
		return Record{}, err
	}
	s.Metrics.acted(action)
	return Record{ID: newID(), Channel: place.Channel, Broadcast: place.Broadcast, Actor: by.Account, Action: action, Reason: reason, At: s.now()}, nil
}

// outranks returns ErrRank where somebody's role is not below the moderator's. One's own is always below.
func (s *Service) outranks(ctx context.Context, by By, account string, place Place) error {
	if account == by.Account {
		return nil
	}
	who, err := s.People.Person(ctx, account, place.Shop, place.Channel)
	if errors.Is(err, ErrNotFound) {
		return nil // nobody any more
	}
	if err != nil {
		return err
	}
	if who.Role.rank() > 0 && who.Role.rank() >= by.Role.rank() {
		return ErrRank
	}
	return nil
}

// Delete takes a message away for everybody.
func (s *Service) Delete(ctx context.Context, broadcast, id string, by By, reason string) error {
	place, m, err := s.message(ctx, broadcast, id)
	if err != nil {
		return err
	}
	if err := s.outranks(ctx, by, m.Account, place); err != nil {
		return err
	}
	r, err := s.record(place, by, "message.deleted", reason)
	if err != nil {
		return err
	}
	r.Message = id
	_, err = s.Store.Change(ctx, Change{broadcast, id, []State{Shown, Held}, Deleted, r}, s.removal(broadcast, id))
	s.changed(broadcast)
	return err
}

func (s *Service) removal(broadcast string, ids ...string) event.Event {
	return fact(broadcast, event.ChatRemoved, 0, s.now(), Removed{ids})
}

func (s *Service) message(ctx context.Context, broadcast, id string) (Place, Message, error) {
	place, err := s.Broadcasts.Place(ctx, broadcast)
	if err != nil {
		return Place{}, Message{}, err
	}
	m, err := s.Store.Message(ctx, broadcast, id)
	return place, m, err
}

func (s *Service) changed(broadcast string) {
	s.forget(broadcast)
	s.woken()
}

// Queued is a message that a moderator should look at.
type Queued struct {
	Said
	State   State  `json:"state" enum:"shown,held"`
	Why     string `json:"why" doc:"What held it: word, link or reports."`
	Reports int    `json:"reports"`
}

// Review lists what waits, the oldest first.
func (s *Service) Review(ctx context.Context, broadcast string) ([]Queued, error) {
	found, err := s.Store.Review(ctx, broadcast, historyMax)
	out := make([]Queued, len(found))
	for i, m := range found {
		out[i] = Queued{said(m), m.State, m.Why, m.Reports}
	}
	return out, err
}

// Decide shows a message that was held, or leaves one that was reported; or refuses the one and deletes the other.
func (s *Service) Decide(ctx context.Context, broadcast, id string, approve bool, by By, reason string) (Said, error) {
	place, m, err := s.message(ctx, broadcast, id)
	if err != nil {
		return Said{}, err
	}
	if err := s.outranks(ctx, by, m.Account, place); err != nil {
		return Said{}, err
	}
	action, to := "message.approved", Shown
	var facts []event.Event
	if !approve {
		action, to = "message.refused", Refused
		if m.State == Shown || m.Why == "reports" {
			to, facts = Deleted, []event.Event{s.removal(broadcast, id)}
		}
	}
	r, err := s.record(place, by, action, reason)
	if err != nil {
		return Said{}, err
	}
	r.Message = id
	after, err := s.Store.Change(ctx, Change{broadcast, id, []State{m.State}, to, r}, facts...)
	if err != nil {
		return Said{}, err
	}
	s.changed(broadcast)
	if approve && m.State == Held {
		return said(after), s.publish(ctx, fact(broadcast, event.ChatSaid, after.MediaTime, s.now(), said(after)))
	}
	return said(after), nil
}

// publish sends what stands in no outbox: it holds a person's words.
func (s *Service) publish(ctx context.Context, e event.Event) error {
	if err := s.Bus.Publish(ctx, e); err != nil {
		s.Metrics.lost(1)
		s.Log.Warn("send a chat event", "kind", e.Kind, "error", err)
	}
	return nil // it is stored: who comes in or reloads has it
}

// Reasons are why a viewer may report a message.
var Reasons = []string{"spam", "abuse", "hate", "sexual", "other"}

// Report notes what a viewer, or a guest, says of a message.
func (s *Service) Report(ctx context.Context, broadcast, id string, who Who, reason string) error {
	rules, err := s.of(ctx, broadcast)
	if err != nil {
		return err
	}
	m, err := s.Store.Message(ctx, broadcast, id)
	if err == nil && m.State != Shown {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	subjects := who.subjects()
	if len(subjects) == 0 || m.Reports >= reportsMax {
		return nil // nobody to note, or enough is known
	}
	silence, err := s.silenceOf(ctx, rules.place.Channel, who)
	if err != nil || silence.ID != "" {
		return err // heard, and not counted
	}
	hide := rules.settings.Reports
	if m.Role.team() {
		hide = 0
	}
	hidden, err := s.Store.Report(ctx, Report{id, subjects[0], reason, s.now(), hide}, s.removal(broadcast, id))
	if err != nil {
		return err
	}
	if hidden {
		s.changed(broadcast)
	}
	return s.publish(ctx, fact(broadcast, event.ChatWaiting, 0, s.now(), Waiting{true}))
}

// Order is whom to silence, and how.
type Order struct {
	Broadcast string // where it shows at once; "" where the channel is on no air
	Message   string // whose author it is, or
	Account   string
	Kind      Kind
	For       time.Duration // 0: for good
	Address   bool          // also who else comes from where the message came from
	Remove    bool          // and take away all that they said in the channel
	Reason    string
}

const (
	silenceMax = 366 * 24 * time.Hour
	addressFor = 7 * 24 * time.Hour // an address is many people's, and tomorrow somebody else's
)

// Silence mutes or bans an author.
func (s *Service) Silence(ctx context.Context, place Place, o Order, by By) (Silence, error) {
	if o.Kind != Mute && o.Kind != Ban || o.For < 0 || o.For > silenceMax {
		return Silence{}, ErrSettings
	}
	account, address := o.Account, ""
	if o.Message != "" {
		m, where, err := s.authorOf(ctx, place, o)
		if err != nil {
			return Silence{}, err
		}
		account, address = m.Account, where
	}
	if account == "" {
		return Silence{}, ErrNotFound
	}
	if err := s.outranks(ctx, by, account, place); err != nil || account == by.Account {
		if err == nil {
			err = ErrRank
		}
		return Silence{}, err
	}
	if o.Remove {
		for n := purgeMax; n >= purgeMax; {
			var err error
			if n, err = s.Store.DeleteOf(ctx, place.Channel, account, purgeMax); err != nil {
				return Silence{}, err
			}
		}
	}
	out, err := s.silence(ctx, place, o, by, OfAccount(account), o.For, s.silencedFact(place.Broadcast, account, place.Channel, o))
	if err == nil && o.Address && address != "" {
		lasts := addressFor
		if o.For > 0 {
			lasts = min(lasts, o.For)
		}
		_, err = s.silence(ctx, place, o, by, OfAddress(address), lasts)
	}
	if err != nil {
		return Silence{}, err
	}
	s.forgetBans(place.Channel)
	s.changed(place.Broadcast)
	if o.Kind == Ban && s.OnBan != nil {
		s.OnBan(context.WithoutCancel(ctx), account, place.Channel)
	}
	return out, nil
}

func (s *Service) authorOf(ctx context.Context, place Place, o Order) (Message, string, error) {
	m, err := s.Store.Message(ctx, o.Broadcast, o.Message)
	if err == nil && m.Channel != place.Channel {
		err = ErrNotFound
	}
	return m, m.Address, err
}

func (s *Service) silencedFact(broadcast, account, channel string, o Order) []event.Event {
	if broadcast == "" {
		return nil
	}
	f := Silenced{Author: Author(channel, account), Kind: o.Kind, Removed: o.Remove}
	if o.For > 0 {
		f.Until = s.now().Add(o.For).UnixMilli()
	}
	return []event.Event{fact(broadcast, event.ChatSilenced, 0, s.now(), f)}
}

func (s *Service) silence(ctx context.Context, place Place, o Order, by By, subject string, lasts time.Duration, facts ...[]event.Event) (Silence, error) {
	r, err := s.record(place, by, string(o.Kind), o.Reason)
	if err != nil {
		return Silence{}, err
	}
	r.Subject, r.Message = subject, o.Message
	v := Silence{ID: newID(), Channel: place.Channel, Subject: subject, Kind: o.Kind, Actor: by.Account, Reason: r.Reason, At: r.At}
	if lasts > 0 {
		v.Until = r.At.Add(lasts)
	}
	var all []event.Event
	for _, f := range facts {
		all = append(all, f...)
	}
	return s.Store.Silence(ctx, v, silencesMax, r, all...)
}

// Lift ends a silence. live is the channel's broadcast that is on air, "" for none.
func (s *Service) Lift(ctx context.Context, place Place, id string, by By, reason string) error {
	r, err := s.record(place, by, "silence.lifted", reason)
	if err != nil {
		return err
	}
	_, err = s.Store.Lift(ctx, place.Channel, id, r, func(v Silence) []event.Event {
		account, ok := accountOf(v.Subject)
		if !ok || place.Broadcast == "" {
			return nil
		}
		return []event.Event{fact(place.Broadcast, event.ChatSilenced, 0, r.At, Silenced{Author: Author(place.Channel, account)})}
	})
	s.forgetBans(place.Channel)
	s.woken()
	return err
}

func accountOf(subject string) (string, bool) {
	const prefix = "account:"
	if len(subject) <= len(prefix) || subject[:len(prefix)] != prefix {
		return "", false
	}
	return subject[len(prefix):], true
}

// Listed is a silence as moderators see it.
type Listed struct {
	Silence
	Name string // of the account; "" for an address, or nobody any more
}

// Silences lists who is silenced in a channel.
func (s *Service) Silences(ctx context.Context, channel string) ([]Listed, error) {
	all, err := s.Store.Silences(ctx, channel, s.now())
	if err != nil {
		return nil, err
	}
	out := make([]Listed, len(all))
	for i, v := range all {
		out[i].Silence = v
		if account, ok := accountOf(v.Subject); ok {
			out[i].Name = s.nameOf(ctx, account, channel)
		}
	}
	return out, nil
}

// nameOf is for moderators' lists: who is nobody any more has no name.
func (s *Service) nameOf(ctx context.Context, account, channel string) string {
	p, err := s.person(ctx, account, Place{Channel: channel})
	if err != nil {
		return ""
	}
	return p.Name
}
