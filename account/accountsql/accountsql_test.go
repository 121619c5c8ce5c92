package accountsql_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/account/accounttest"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// TestTheThreeStoresAgree runs one random program on SQLite, PostgreSQL and the model.
func TestTheThreeStoresAgree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seed  uint64
		steps int
	}{{1, 10_000}, {2, 1_000}, {3, 1_000}} {
		accounttest.Same(t, c.seed, c.steps, map[string]account.Store{
			"model":    &accounttest.Model{},
			"sqlite":   &accountsql.Store{DB: storetest.Open(t, store.SQLite, store.Hawker)},
			"postgres": &accountsql.Store{DB: storetest.Open(t, store.Postgres, store.Hawker)},
		})
	}
}

// TestTheLastOwnerStaysUnderConcurrency lets two owners leave at once, many times: one of them must stay.
func TestTheLastOwnerStaysUnderConcurrency(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s := &accountsql.Store{DB: db}
		now := time.UnixMilli(1_800_000_000_000)
		for _, id := range []string{"a", "b"} {
			if _, err := s.CreateAccount(ctx, account.Person{Account: id, Email: id, EmailKey: id, Name: id, Locale: "en", Created: now}, "h"); err != nil {
				t.Fatal(err)
			}
		}
		place := account.Owner{Shop: "shop"}
		if err := s.CreateShop(ctx, account.Shop{ID: "shop", Name: "s", Currency: "EUR", TimeZone: "UTC", Locale: "en", Created: now}, "a", 9); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			for _, id := range []string{"a", "b"} {
				if err := s.SetMember(ctx, place, id, account.RoleOwner, 9); err != nil {
					t.Fatal(err)
				}
			}
			var errs [2]error
			var wg sync.WaitGroup
			for i, id := range []string{"a", "b"} {
				wg.Go(func() { errs[i] = s.RemoveMember(ctx, place, id) })
			}
			wg.Wait()
			left, err := s.Members(ctx, place)
			if err != nil || len(left) != 1 {
				t.Fatalf("%d owners are left: %v %v", len(left), errs, err)
			}
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[0], errs[1]), account.ErrLastOwner) {
				t.Fatalf("the two were told %v", errs)
			}
		}
	})
}

// TestOnlyOneRequestActsUnderAKey lets many requests with one idempotency key begin at once.
func TestOnlyOneRequestActsUnderAKey(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		s := &accountsql.Store{DB: db}
		now := time.UnixMilli(1_800_000_000_000)
		r := account.Replay{ID: "id", Account: "a", Request: "r", Lease: now.Add(time.Minute), Expires: now.Add(time.Hour)}
		var mu sync.Mutex
		acts, waits := 0, 0
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				answer, err := s.BeginReplay(context.Background(), r, now)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && answer == "":
					acts++
				case errors.Is(err, account.ErrReplayRunning):
					waits++
				default:
					t.Errorf("answer %q, %v", answer, err)
				}
			})
		}
		wg.Wait()
		if acts != 1 || waits != 15 {
			t.Fatalf("%d act and %d wait", acts, waits)
		}
	})
}

func TestARotatedKeyIsAFactInTheOutbox(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		s := &accountsql.Store{DB: db}
		now := time.UnixMilli(1_800_000_000_000)
		if _, err := s.CreateAccount(ctx, account.Person{Account: "a", Email: "a", EmailKey: "a", Name: "a", Locale: "en", Created: now}, "h"); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateShop(ctx, account.Shop{ID: "s", Name: "s", Currency: "EUR", TimeZone: "UTC", Locale: "en", Created: now}, "a", 9); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateChannel(ctx, account.Channel{ID: "c", Shop: "s", Handle: "c", Name: "c", Created: now}, 9); err != nil {
			t.Fatal(err)
		}
		fact := func(id string) event.Event {
			return event.New(event.ShopTopic("s"), event.KeyRotated, 0, now, account.KeyRotated{Channel: "c", Key: id})
		}
		for i, id := range []string{"k1", "k2"} {
			if _, err := s.RotateStreamKey(ctx, account.StreamKey{ID: id, Digest: account.Digest{byte(i)}, Channel: "c", Created: now}, fact); err != nil {
				t.Fatal(err)
			}
		}
		var data string
		err := db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT data FROM outbox WHERE kind = $1`, string(event.KeyRotated)).Scan(&data)
		})
		if err != nil || data != `{"channel":"c","key":"k1"}` {
			t.Fatalf("the outbox holds %q, %v", data, err)
		}
		if _, err := outbox.Read(ctx, db, "", 0, 10); err != nil {
			t.Fatal(err)
		}
	})
}
