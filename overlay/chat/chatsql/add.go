package chatsql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/store"
)

// Add implements chat.Store. Entries are taken one by one: a batch has few of them, and each may be refused.
func (s *Store) Add(ctx context.Context, now time.Time, entries []chat.Entry) (out []chat.Outcome, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		out = make([]chat.Outcome, len(entries))
		// Rows of authors are locked in one order, whatever the order in which they spoke.
		for _, i := range byAuthor(entries) {
			if err := pace(ctx, tx, now, entries[i], &out[i]); err != nil {
				return err
			}
		}
		for i, e := range entries {
			if out[i].Err != nil {
				continue
			}
			if err := add(ctx, tx, e, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func byAuthor(entries []chat.Entry) []int {
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		m, n := entries[a].Message, entries[b].Message
		return strings.Compare(m.Channel+m.Account, n.Channel+n.Account)
	})
	return order
}

// pace refuses who is silenced, repeats a message that was stored, or is too fast in slow mode.
func pace(ctx context.Context, tx *store.Tx, now time.Time, e chat.Entry, out *chat.Outcome) error {
	m := e.Message
	err := tx.QueryRow(ctx, `SELECT id, state FROM chat_message WHERE broadcast = $1 AND account = $2 AND ref = $3`, m.Broadcast, m.Account, m.Ref).Scan(&out.Again, &out.State)
	if err == nil || !store.NoRows(err) {
		return store.Wrap(err, "look for the message")
	}
	if out.Err, err = silenced(ctx, tx, now, m.Channel, e.Subjects); err != nil || out.Err != nil || e.Pace == 0 {
		return err
	}
	done, err := tx.Exec(ctx, `INSERT INTO chat_pace (channel, account, at) VALUES ($1,$2,$3)
		ON CONFLICT (channel, account) DO UPDATE SET at = excluded.at WHERE chat_pace.at <= $4`, m.Channel, m.Account, store.Millis(now), store.Millis(now.Add(-e.Pace)))
	if err != nil {
		return fmt.Errorf("keep the pace: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	var last int64
	if err := tx.QueryRow(ctx, `SELECT at FROM chat_pace WHERE channel = $1 AND account = $2`, m.Channel, m.Account).Scan(&last); err != nil {
		return fmt.Errorf("read the pace: %w", err)
	}
	out.Err = &chat.WaitError{Err: chat.ErrSlow, Wait: store.Time(last).Add(e.Pace).Sub(now)}
	return nil
}

func silenced(ctx context.Context, tx *store.Tx, now time.Time, channel string, subjects []string) (refused, err error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	args := []any{channel, store.Millis(now)}
	for _, s := range subjects {
		args = append(args, s)
	}
	var kind chat.Kind
	var until int64
	err = tx.QueryRow(ctx, `SELECT kind, until_at FROM chat_silence WHERE channel = $1 AND (until_at = 0 OR until_at > $2) AND subject IN `+in(3, len(subjects))+
		` ORDER BY kind, CASE WHEN until_at = 0 THEN 1 ELSE 0 END DESC, until_at DESC, id LIMIT 1`, args...).Scan(&kind, &until)
	switch {
	case store.NoRows(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for a silence: %w", err)
	case kind == chat.Ban:
		return chat.ErrBanned, nil
	case until == 0:
		return chat.ErrMuted, nil
	}
	return &chat.WaitError{Err: chat.ErrMuted, Wait: store.Time(until).Sub(now)}, nil
}

func add(ctx context.Context, tx *store.Tx, e chat.Entry, out *chat.Outcome) error {
	m := e.Message
	if out.Again != "" {
		return nil
	}
	if m.Reply != "" {
		to, err := one(ctx, tx, m.Broadcast, m.Reply)
		if err != nil && !errors.Is(err, chat.ErrNotFound) {
			return err
		}
		if err != nil || to.State != chat.Shown {
			out.Err = chat.ErrReply
			return nil
		}
		out.Quote = &chat.Quote{ID: to.ID, Account: to.Account, Name: to.Name, Text: to.Text}
	}
	done, err := tx.Exec(ctx, `INSERT INTO chat_message (id, broadcast, channel, account, role, state, why, media_time, at, reply, ref, reports, flagged)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) ON CONFLICT (broadcast, account, ref) DO NOTHING`,
		m.ID, m.Broadcast, m.Channel, m.Account, string(m.Role), string(m.State), m.Why, int64(m.MediaTime), store.Millis(m.At), m.Reply, m.Ref, 0, 0)
	if err != nil {
		return fmt.Errorf("store a message: %w", err)
	}
	n, err := done.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 { // another node, or an entry of this batch, was first
		err := tx.QueryRow(ctx, `SELECT id, state FROM chat_message WHERE broadcast = $1 AND account = $2 AND ref = $3`, m.Broadcast, m.Account, m.Ref).Scan(&out.Again, &out.State)
		return store.Wrap(err, "look for the message")
	}
	out.State = m.State
	_, err = tx.Exec(ctx, `INSERT INTO chat_text (message, name, text, address) VALUES ($1,$2,$3,$4)`, m.ID, m.Name, m.Text, m.Address)
	return store.Wrap(err, "store a text")
}
