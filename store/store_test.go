package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		broken := errors.New("broken")
		err := db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO outbox (id, topic, kind, v, media_time, at, data) VALUES ($1,$2,$3,$4,$5,$6,$7)`, "a", "t", "k", 1, 0, 0, "{}"); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatalf("the error became %v", err)
		}
		if n := count(t, db); n != 0 {
			t.Fatalf("%d rows stayed", n)
		}
	})
}

func TestWhoeverGivesUpIsToldSo(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.View(ctx, func(tx *store.Tx) error {
			cancel()
			for { // until it has been rolled back for that
				var one int
				if err := tx.QueryRow(context.Background(), `SELECT 1`).Scan(&one); errors.Is(err, sql.ErrTxDone) {
					return nil
				}
				runtime.Gosched()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestIsUniqueKnowsBothEngines(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		insert := func() error {
			return db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO outbox (id, topic, kind, v, media_time, at, data) VALUES ($1,$2,$3,$4,$5,$6,$7)`, "same", "t", "k", 1, 0, 0, "{}")
				return err
			})
		}
		if err := insert(); err != nil {
			t.Fatal(err)
		}
		if err := insert(); !store.IsUnique(err) {
			t.Fatalf("IsUnique does not know %v", err)
		}
		if err := db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Query(ctx, `SELECT nothing FROM nowhere`)
			return err
		}); err == nil || store.IsUnique(err) {
			t.Fatalf("IsUnique takes %v for a violation", err)
		}
	})
}

func TestConcurrentWritersAllCommit(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				do := db.Update
				if i%2 == 0 {
					do = db.UpdateFirst
				}
				if err := do(ctx, func(tx *store.Tx) error {
					_, err := tx.Exec(ctx, `INSERT INTO outbox (id, topic, kind, v, media_time, at, data) VALUES ($1,$2,$3,$4,$5,$6,$7)`, string(rune('A'+i)), "t", "k", 1, 0, 0, "{}")
					return err
				}); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if n := count(t, db); n != 64 {
			t.Fatalf("%d rows, want 64", n)
		}
	})
}

func TestAReaderCannotWrite(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		err := db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM outbox`)
			return err
		})
		if err == nil {
			t.Fatal("a reading transaction wrote")
		}
	})
}

func TestAnOlderBinaryRefusesANewerSchema(t *testing.T) {
	for _, e := range storetest.Engines {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			c := storetest.Config(t, e)
			db, err := store.Open(ctx, c, store.Hawker)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO migration (version, sum, applied_at) VALUES ('999901010000_future', '', 0)`)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(ctx, c, store.Hawker); !errors.Is(err, store.ErrNewerSchema) {
				t.Fatalf("opened a newer schema: %v", err)
			}
		})
	}
}

func TestAClosedDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	db, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()}, store.Hawker)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	if err := db.View(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(context.Background(), `SELECT COUNT(*) FROM outbox`).Scan(&n)
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLoadSeesWhoWaitsForTheWriter(t *testing.T) {
	ctx := context.Background()
	db := storetest.Open(t, store.SQLite, store.Hawker)
	holds, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Update(ctx, func(*store.Tx) error { close(holds); <-release; return nil })
	})
	<-holds
	for range 3 {
		wg.Go(func() { _ = db.UpdateFirst(ctx, func(*store.Tx) error { return nil }) })
	}
	for l := db.Load(); l.First != 3; l = db.Load() {
		if l.Normal != 0 || l.LaneMax == 0 || l.InUse != 1 {
			t.Fatalf("one that writes and at most three that wait are told as %+v", l)
		}
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	if l := db.Load(); l.First != 0 || l.InUse != 0 {
		t.Fatalf("nobody is there, and it says %+v", l)
	}
}

func TestTheWriteAheadLogStaysBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := store.Open(context.Background(), store.Config{Dir: dir}, store.Activity)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	data := strings.Repeat("x", 1<<20)
	var largest, written int64
	// Writers without a pause: left alone, the log would hold everything that they wrote.
	for n := 0; written < 640<<20; n++ {
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO outbox (id, topic, kind, v, media_time, at, data) VALUES ($1,$2,$3,$4,$5,$6,$7) ON CONFLICT (id) DO UPDATE SET data = excluded.data`,
				strconv.Itoa(n%8), "t", "k", 1, 0, 0, strconv.Itoa(n)+data)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		written += int64(len(data))
		if info, err := os.Stat(filepath.Join(dir, "activity.db-wal")); err == nil {
			largest = max(largest, info.Size())
		}
	}
	t.Logf("at most %d MiB of log while %d MiB were written", largest>>20, written>>20)
	if largest == 0 || largest > written*3/4 {
		t.Fatalf("the log grew to %d bytes while %d were written", largest, written)
	}
}
