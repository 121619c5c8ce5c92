package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the engine that the server embeds, without the server
)

type limitCommit struct {
	Batch    int           `default:"500" help:"Orders of one transaction at most; 1: each its own."`
	Callers  int           `default:"128"`
	Duration time.Duration `default:"6s"`
	Dir      string        `help:"Folder on the disk that is measured."`
}

const orderSchema = `
CREATE TABLE stock (variant TEXT PRIMARY KEY, available INTEGER NOT NULL CHECK (available >= 0));
CREATE TABLE orders (key TEXT PRIMARY KEY, buyer TEXT NOT NULL, variant TEXT NOT NULL, quantity INTEGER NOT NULL, at INTEGER NOT NULL);
INSERT INTO stock VALUES ('v', 1000000000)`

// Run takes orders and prints "orders per second" and the number of transactions.
func (l *limitCommit) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp(l.Dir, "stampede-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "orders.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, orderSchema); err != nil {
		return err
	}
	inbox := make(chan chan error, l.Callers)
	var callers, writer sync.WaitGroup
	var taken atomic.Int64
	transactions := 0
	writer.Go(func() { transactions = l.write(ctx, db, inbox) })
	began := time.Now()
	end := began.Add(l.Duration)
	failed := make(chan error, l.Callers)
	for range l.Callers {
		callers.Go(func() {
			done := make(chan error, 1)
			for time.Now().Before(end) {
				inbox <- done
				if err := <-done; err != nil {
					failed <- err
					return
				}
				taken.Add(1)
			}
		})
	}
	callers.Wait()
	took := time.Since(began)
	close(inbox)
	writer.Wait()
	close(failed)
	for err := range failed {
		return err
	}
	fmt.Printf("%f %d\n", float64(taken.Load())/took.Seconds(), transactions)
	return nil
}

// write is the one writer: it takes what has queued up, at most a batch, into one transaction.
func (l *limitCommit) write(ctx context.Context, db *sql.DB, inbox <-chan chan error) (transactions int) {
	for first := range inbox {
		batch := []chan error{first}
	gather:
		for len(batch) < l.Batch {
			select {
			case next, ok := <-inbox:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		err := commit(ctx, db, len(batch))
		transactions++
		for _, done := range batch {
			done <- err
		}
	}
	return transactions
}

func commit(ctx context.Context, db *sql.DB, n int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if _, err := tx.ExecContext(ctx, `UPDATE stock SET available = available - ? WHERE variant = 'v' AND available >= ?`, n, n); err != nil {
		return err
	}
	for range n {
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders VALUES (?, ?, 'v', 1, ?)`, uuid.NewString(), uuid.NewString(), time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	return tx.Commit()
}
