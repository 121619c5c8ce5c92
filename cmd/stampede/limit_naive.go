package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // PostgreSQL, without the server
)

// limitNaive takes orders on PostgreSQL as shops do: a transaction for each step of each order, as many at a time as
// there are callers, all of them for the same row of stock.
type limitNaive struct {
	Database string        `required:"" help:"postgres:// URL. A schema of its own is made in it, and dropped."`
	Callers  int           `default:"64"`
	Duration time.Duration `default:"6s"`
}

const naiveSchema = `
CREATE TABLE %[1]s.stock (variant TEXT PRIMARY KEY, available BIGINT NOT NULL CHECK (available >= 0));
CREATE TABLE %[1]s.orders (id TEXT PRIMARY KEY, key TEXT UNIQUE NOT NULL, buyer TEXT NOT NULL, variant TEXT NOT NULL, quantity BIGINT NOT NULL, state TEXT NOT NULL, at BIGINT NOT NULL);
CREATE TABLE %[1]s.payment (order_id TEXT NOT NULL, ref TEXT NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (order_id, ref));
INSERT INTO %[1]s.stock VALUES ('v', 1000000000)`

// Run takes orders and prints "orders per second" and the number of transactions.
func (l *limitNaive) Run(ctx context.Context) (err error) {
	db, err := sql.Open("pgx", l.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(l.Callers)
	db.SetMaxIdleConns(l.Callers)
	schema := "stampede_" + uuid.NewString()[:8]
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return err
	}
	defer func() {
		_, dropped := db.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
		err = errors.Join(err, dropped)
	}()
	if _, err := db.ExecContext(ctx, fmt.Sprintf(naiveSchema, schema)); err != nil {
		return err
	}
	var taken atomic.Int64
	var callers sync.WaitGroup
	failed := make(chan error, l.Callers)
	began := time.Now()
	for range l.Callers {
		callers.Go(func() {
			for time.Since(began) < l.Duration && ctx.Err() == nil {
				if err := naive(ctx, db, schema); err != nil {
					failed <- err
					return
				}
				taken.Add(1)
			}
		})
	}
	callers.Wait()
	took := time.Since(began)
	close(failed)
	for err := range failed {
		return err
	}
	fmt.Printf("%f %d\n", float64(taken.Load())/took.Seconds(), 2*taken.Load())
	return nil
}

// naive is an order: held in one transaction, paid in another.
func naive(ctx context.Context, db *sql.DB, schema string) error {
	id, now := uuid.NewString(), time.Now().UnixMilli()
	step := func(statements ...func(tx *sql.Tx) error) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after a commit it does nothing
		for _, s := range statements {
			if err := s(tx); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	exec := func(query string, args ...any) func(tx *sql.Tx) error {
		return func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, fmt.Sprintf(query, schema), args...)
			return err
		}
	}
	if err := step(
		func(tx *sql.Tx) error {
			var left int64
			return tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT available FROM %s.stock WHERE variant = 'v' FOR UPDATE`, schema)).Scan(&left)
		},
		exec(`UPDATE %s.stock SET available = available - 1 WHERE variant = 'v'`),
		exec(`INSERT INTO %s.orders VALUES ($1, $2, $3, 'v', 1, 'held', $4)`, id, uuid.NewString(), uuid.NewString(), now),
	); err != nil {
		return err
	}
	return step(
		exec(`UPDATE %s.orders SET state = 'paid' WHERE id = $1`, id),
		exec(`INSERT INTO %s.payment VALUES ($1, $1, 2900)`, id),
	)
}
