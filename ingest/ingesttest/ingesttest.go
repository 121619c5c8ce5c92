// Package ingesttest is what the tests of every way in share: people who know one key, a hub with its sessions that run
// until the test ends, and a wait for a condition. The tests of ingest's rooms import it; it imports ingest and streaming.
package ingesttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// GoodKey publishes as "channel" on "broadcast"; RestingKey is one of a channel that takes no publisher now.
const GoodKey, RestingKey = "hk_key_good", "hk_key_resting"

const patience = time.Minute // a machine may be slow

// People is an Authorizer and a Broadcaster who knows these two keys.
type People struct{}

// AuthorizePublish refuses every other key.
func (People) AuthorizePublish(_ context.Context, key, _ string) (ingest.Grant, error) {
	switch key {
	case RestingKey:
		return ingest.Grant{ChannelID: "resting", KeyID: "key"}, nil
	case GoodKey:
		return ingest.Grant{ChannelID: "channel", KeyID: "key"}, nil
	}
	return ingest.Grant{}, ingest.ErrRefused
}

// GoOnAir makes a broadcast.
func (People) GoOnAir(context.Context, string) (string, error) { return "broadcast", nil }

// MayGoOnAir refuses the channel that rests.
func (People) MayGoOnAir(_ context.Context, channel string) error {
	if channel == "resting" {
		return streaming.ErrResting
	}
	return nil
}

// Station is a hub and its sessions.
type Station struct {
	Hub      *streaming.Hub
	Sessions *ingest.Sessions
}

// New returns a station of People that counts nothing.
func New() *Station {
	s := &Station{Hub: &streaming.Hub{}}
	s.Sessions = &ingest.Sessions{Hub: s.Hub, Authorizer: People{}, Broadcasts: People{}}
	return s
}

// Run runs the sessions and what else there is until the test ends, then stop, if there is one, and waits for all.
func (s *Station) Run(t testing.TB, stop func(), servers ...func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range append(servers, s.Sessions.Run) {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		if stop != nil {
			stop()
		}
		cancel()
		running.Wait()
		s.Hub.Close()
	})
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still waiting for: %s", what)
		}
	}
}
