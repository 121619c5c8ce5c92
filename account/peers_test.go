package account_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accounttest"
)

// Two nodes with one store: what one revokes the other forgets as soon as it is told, well before it would have read
// again; and it does not tell again what it was told.
func TestWhatOneNodeRevokesAnotherForgets(t *testing.T) {
	t.Parallel()
	ctx, store, clock := context.Background(), &accounttest.Model{}, time.Now()
	node := func() *account.Service {
		return &account.Service{Store: store, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return clock }}
	}
	one, two := node(), node()
	var kicked []string
	kick := func(channel, key string) { kicked = append(kicked, channel+" "+key) }
	one.OnRevoked = func(string, string) {}
	one.Tell(func(f account.Forgotten) { two.Heard(f, kick) })
	two.Tell(func(f account.Forgotten) { t.Errorf("told again: %+v", f) })
	id, err := one.SignUp(ctx, account.SignUp{Email: "noor@example.com", Password: "correct horse", Name: "Noor"})
	if err != nil {
		t.Fatal(err)
	}
	token, _, p, err := one.OpenSession(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Authenticate(ctx, token); err != nil {
		t.Fatal(err)
	}
	if err := one.LogOut(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Authenticate(ctx, token); err == nil { // no time has passed
		t.Fatal("the other node still knows the session")
	}
	one.OnRevoked("channel", "key")
	if len(kicked) != 1 || kicked[0] != "channel key" {
		t.Fatalf("put out: %v", kicked)
	}
}
