package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api/apitest"
	"github.com/hawkerlive/hawker/ingest"
)

// TestATokenLeavesTheStreamKeyAloneAndFollowsTheRole lets a creator in by a publish token, through the real wiring: a
// new stream key does not put it out, the loss of the role does, and where to publish is where we listen.
func TestATokenLeavesTheStreamKeyAloneAndFollowsTheRole(t *testing.T) {
	a := started(t)
	type object = map[string]any
	person := func(email string) (id, bearer string) {
		t.Helper()
		id, err := a.accounts.SignUp(t.Context(), account.SignUp{Email: email, Password: "correct horse", Name: "Noor"})
		if err != nil {
			t.Fatal(err)
		}
		bearer, _, _, err = a.accounts.OpenSession(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return id, bearer
	}
	_, owner := person("owner@example.com")
	creatorID, creator := person("creator@example.com")
	var shop, channel struct{ ID string }
	apitest.Call(t, a.api, "POST", "/v1/shops", owner, object{"name": "Souk", "currency": "EUR", "time_zone": "UTC", "locale": "en"}, 201, &shop)
	apitest.Call(t, a.api, "POST", "/v1/shops/"+shop.ID+"/channels", owner, object{"name": "Live", "handle": "souk"}, 201, &channel)
	path := "/v1/channels/" + channel.ID
	apitest.Call(t, a.api, "PUT", path+"/members/by-email", owner, object{"email": "creator@example.com", "role": "creator"}, 204, nil)
	var made struct {
		Token     string
		StreamKey string `json:"stream_key"`
	}
	apitest.Call(t, a.api, "POST", path+"/publish-token", creator, nil, 201, &made)
	apitest.Call(t, a.api, "POST", path+"/stream-key", owner, nil, 201, &made)
	admit := func(secret string) *ingest.Session {
		t.Helper()
		s, err := a.sessions.Admit(t.Context(), ingest.Request{Protocol: "test", StreamKey: secret})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	browser, encoder := admit(made.Token), admit(made.StreamKey)
	apitest.Call(t, a.api, "POST", path+"/stream-key", owner, nil, 201, nil)
	ended(t, encoder)
	if err := browser.Err(); err != nil {
		t.Fatalf("a new stream key put the browser out: %v", err)
	}
	apitest.Call(t, a.api, "PUT", path+"/members/"+creatorID, owner, object{"role": "moderator"}, 204, nil)
	ended(t, browser)
	if _, err := a.sessions.Admit(t.Context(), ingest.Request{Protocol: "test", StreamKey: made.Token}); !errors.Is(err, ingest.ErrRefused) {
		t.Errorf("the token of a moderator: %v", err)
	}
	var where struct{ RTMP, WHIP map[string]string }
	answer, err := http.Get(a.config.PublicURL + "/v1/ingest")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&where); err != nil {
		t.Fatal(err)
	}
	if where.RTMP["server"] != "rtmp://"+a.addresses["rtmp"]+"/live" || where.WHIP["url"] != a.config.PublicURL+"/whip" {
		t.Errorf("publish at %v", where)
	}
}

// ended waits until a session was kicked.
func ended(t *testing.T, s *ingest.Session) {
	t.Helper()
	select {
	case <-s.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the publisher stays")
	}
	if !errors.Is(s.Err(), ingest.ErrKicked) {
		t.Fatalf("it ended with %v", s.Err())
	}
}
