package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Engine is the kind of database behind a DB.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Schema names one of the two databases: a file on SQLite, a schema on PostgreSQL. No transaction spans both.
type Schema string

const (
	// Hawker holds what must never be lost: accounts, shop, broadcasts, pins, outbox. Its commits wait for the disk.
	Hawker Schema = "hawker"
	// Activity holds what is many and may lose its last second: view sessions, impressions, folds, chat.
	Activity Schema = "activity"
)

// ErrClosed is returned by a transaction on a DB that has been closed.
var ErrClosed = errors.New("store: the database is closed")

// Config says which databases to open.
type Config struct {
	// Database is a postgres:// URL. Empty means SQLite files in Dir.
	Database string
	// Dir is the folder of the SQLite files. It is made if it is missing.
	Dir string
}

// Open opens one schema, applies the migrations that it lacks, and returns it.
func Open(ctx context.Context, c Config, s Schema) (*DB, error) {
	db, err := openEngine(ctx, c, s)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openEngine opens one schema as it is.
func openEngine(ctx context.Context, c Config, s Schema) (db *DB, err error) {
	switch {
	case c.Database == "":
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("store: make the data folder: %w", err)
		}
		db, err = openSQLite(ctx, filepath.Join(c.Dir, string(s)+".db"), s)
	case strings.HasPrefix(c.Database, "postgres://"), strings.HasPrefix(c.Database, "postgresql://"):
		db, err = openPostgres(ctx, c.Database, s)
	default:
		return nil, fmt.Errorf("store: database must be empty or a postgres:// URL")
	}
	return db, err
}

// DB is one schema. Any number of goroutines may use it.
type DB struct {
	engine Engine
	schema Schema
	write  *sql.DB
	read   *sql.DB
	writer *writer // SQLite's single writer; nil on PostgreSQL
	done   chan struct{}
	ended  chan struct{} // the checkpointer has returned
}

// Engine tells which engine is behind the DB.
func (db *DB) Engine() Engine { return db.engine }

// Schema tells which of the two databases it is.
func (db *DB) Schema() Schema { return db.schema }

// Update runs fn in one transaction that may write, and commits it if fn returns nil. The commit is durable
// when Update returns. fn may run again only if the caller calls Update again; it must not keep the Tx.
// On SQLite all writers of a schema queue for one goroutine; a full queue makes the caller wait for its turn
// or for the end of ctx.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	if db.writer != nil {
		return db.writer.do(ctx, db.writer.normal, fn)
	}
	return db.transact(ctx, db.write, nil, fn)
}

// UpdateFirst is Update on the lane that goes first: checkout. On PostgreSQL the two are the same.
func (db *DB) UpdateFirst(ctx context.Context, fn func(tx *Tx) error) error {
	if db.writer != nil {
		return db.writer.do(ctx, db.writer.first, fn)
	}
	return db.transact(ctx, db.write, nil, fn)
}

// View runs fn in one transaction that only reads and sees one state of the database.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.engine == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	return db.transact(ctx, db.read, opts, fn)
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Close waits for the running transactions and closes the database.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.close()
	}
	if db.done != nil {
		close(db.done)
		<-db.ended
	}
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(err, db.read.Close())
	}
	return err
}

// beginner is a pool, or a connection that one goroutine has to itself.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

func (db *DB) transact(ctx context.Context, from beginner, opts *sql.TxOptions, fn func(tx *Tx) error) (err error) {
	defer func() { err = marked(err) }()
	tx, err := from.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			_ = tx.Rollback()
		}
	}()
	keeper, _ := from.(*kept)
	if err := fn(&Tx{tx: tx, engine: db.engine, kept: keeper}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err() // whoever asked has gone, and it was rolled back for that
		}
		return fmt.Errorf("store: commit: %w", err)
	}
	committed = true
	return nil
}

// Tx is a running transaction. One goroutine uses it.
type Tx struct {
	tx     *sql.Tx
	engine Engine
	kept   *kept // of SQLite's writer; nil elsewhere
}

// Exec runs a statement that returns no rows.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if tx.kept != nil && len(query) <= keptTextMax {
		n, err := tx.kept.exec(ctx, query, len(args), args)
		return changed(n), err
	}
	return tx.tx.ExecContext(ctx, tx.text(query, len(args)), args...)
}

// Query runs a statement that returns rows. The caller closes them.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(ctx, tx.text(query, len(args)), args...)
}

// QueryRow runs a statement that returns at most one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.tx.QueryRowContext(ctx, tx.text(query, len(args)), args...)
}

// ForUpdate is the suffix that locks the selected rows until the transaction ends: " FOR UPDATE" on
// PostgreSQL, empty on SQLite, whose writing transactions run one after the other.
func (tx *Tx) ForUpdate() string {
	if tx.engine == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// Millis is how a time is stored: Unix milliseconds, UTC. The zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the reverse of Millis.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Placeholders writes n groups of k numbered placeholders for a multi-row INSERT: ($1,$2),($3,$4).
func Placeholders(n, k int) string {
	b := make([]byte, 0, 6*n*k)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '('), list(i*k+1, k)...), ')')
	}
	return string(b)
}

// list writes n numbered placeholders: $first,….
func list(first, n int) string {
	b := make([]byte, 0, 6*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(first+i), 10)
	}
	return string(b)
}

func powerOfTwo(most int) int { return 1 << (bits.Len(uint(most)) - 1) }
