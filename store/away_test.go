package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestADatabaseThatIsKilledIsAwayAndComesBack(t *testing.T) {
	t.Parallel()
	server, err := storetest.StartPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Database: server.URL}, store.Hawker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ask := func() error {
		return db.View(ctx, func(tx *store.Tx) error {
			var one int
			return tx.QueryRow(ctx, `SELECT 1`).Scan(&one)
		})
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := ask(); !errors.Is(err, store.ErrAway) {
			t.Fatalf("a database that is dead says %v", err)
		}
	}
	if err := server.Again(); err != nil {
		t.Fatal(err)
	}
	for end, tick := time.After(20*time.Second), time.NewTicker(10*time.Millisecond); ; {
		if err = ask(); err == nil {
			break
		}
		if !errors.Is(err, store.ErrAway) {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal(err)
		}
	}
	if err := db.View(ctx, func(tx *store.Tx) error { _, err := tx.Query(ctx, `SELECT nonsense`); return err }); err == nil || errors.Is(err, store.ErrAway) {
		t.Fatalf("a wrong question: %v", err)
	}
}
