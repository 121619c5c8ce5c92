package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
)

// A transaction whose rollback was interrupted does not keep the one writing connection from all that follow, and what
// it wrote is gone.
func TestATransactionThatWasLeftOpenIsRolledBack(t *testing.T) {
	t.Parallel()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "left.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx := context.Background()
	k := &kept{pool: pool}
	defer k.close()
	work := func(statements ...string) {
		t.Helper()
		tx, err := k.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	work("CREATE TABLE a (n INTEGER)")
	for _, s := range []string{"BEGIN IMMEDIATE", "INSERT INTO a VALUES (1)"} {
		if _, err := k.conn.ExecContext(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	work("INSERT INTO a VALUES (2)")
	var n int
	if err := pool.QueryRowContext(ctx, "SELECT sum(n) FROM a").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
}
