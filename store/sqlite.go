package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	laneMax         = 1024            // transactions that wait in one lane of a schema's writer
	writerCacheKiB  = 32 << 10        // pages that the writer keeps
	readersMax      = 8               // reading connections, opened when they are needed and kept
	checkpointEvery = time.Second     // how often the write-ahead log is copied back
	walPagesMax     = 16 << 10        // beyond it (64 MiB) the writer starts the log anew between two transactions
	busyTimeout     = 5 * time.Second // wait for another process (backup, verify) to let go
)

func openSQLite(ctx context.Context, path string, s Schema) (*DB, error) {
	sync := "NORMAL"
	if s == Hawker {
		sync = "FULL"
	}
	open := func(extra ...string) (*sql.DB, error) {
		q := url.Values{"_pragma": append([]string{
			"busy_timeout(" + fmt.Sprint(busyTimeout.Milliseconds()) + ")", "journal_mode(WAL)", "synchronous(" + sync + ")",
			"foreign_keys(1)", "wal_autocheckpoint(0)", "journal_size_limit(67108864)", "temp_store(MEMORY)",
			"secure_delete(1)", // what is erased is not left in the file's free pages
		}, extra...)}
		q.Set("_txlock", "immediate")
		return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: path, RawQuery: q.Encode()}).String())
	}
	write, err := open("cache_size(-" + fmt.Sprint(writerCacheKiB) + ")")
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	keepMemory()
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	if err := write.PingContext(ctx); err != nil {
		write.Close()
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	read, err := open("query_only(1)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	read.SetMaxOpenConns(readersMax)
	read.SetMaxIdleConns(readersMax)
	db := &DB{engine: SQLite, schema: s, write: write, read: read, done: make(chan struct{}), ended: make(chan struct{})}
	db.writer = newWriter(db)
	checkpoint, err := open()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go db.checkpoints(checkpoint)
	return db, nil
}

// checkpoints copies the write-ahead log back into the file, on a connection of its own and without ever making a
// writer wait (PASSIVE). While writers go on without a pause SQLite cannot begin the log anew, so that it would grow
// without bound: above walPagesMax the writer itself is asked to, when most of the log has just been copied. It ends
// when the DB is closed.
func (db *DB) checkpoints(conn *sql.DB) {
	defer close(db.ended)
	defer conn.Close()
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-db.done:
			_, _ = conn.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
			return
		case <-tick.C:
			// A failure costs disk space, not data, and the next tick tries again.
			var busy, pages, copied int64
			if conn.QueryRow("PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied) == nil && pages > walPagesMax {
				select {
				case db.writer.restart <- struct{}{}:
				default: // it has been asked
				}
			}
		}
	}
}

// writer is the one goroutine that writes to a SQLite schema, with two lanes, checkout first.
type writer struct {
	db            *DB
	kept          *kept
	first, normal chan *job
	restart       chan struct{} // asks to begin the write-ahead log anew
	busy          atomic.Int32  // 1 while a transaction runs
	quit, ended   chan struct{}
	once          sync.Once
}

type job struct {
	ctx   context.Context
	fn    func(tx *Tx) error
	err   error
	panic any
	done  chan struct{}
}

func newWriter(db *DB) *writer {
	w := &writer{db: db, kept: &kept{pool: db.write}, first: make(chan *job, laneMax), normal: make(chan *job, laneMax), restart: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

func (w *writer) do(ctx context.Context, lane chan *job, fn func(tx *Tx) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case lane <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return ErrClosed
	}
	// From here on the outcome is the writer's: answering earlier would hide whether it was committed.
	select {
	case <-j.done:
	case <-w.ended:
		select {
		case <-j.done:
		default:
			return ErrClosed
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (w *writer) run() {
	defer close(w.ended)
	defer w.kept.close()
	for {
		select {
		case <-w.restart:
			// Between two transactions nobody writes: what is left to copy is what came since the checkpointer looked.
			// Readers that are under way keep it from beginning anew; the next second asks again.
			w.begin()
		default:
		}
		select {
		case j := <-w.first:
			w.one(j)
			continue
		default:
		}
		select {
		case j := <-w.first:
			w.one(j)
		case j := <-w.normal:
			w.one(j)
		case <-w.quit:
			for { // what was accepted is carried out
				select {
				case j := <-w.first:
					w.one(j)
				case j := <-w.normal:
					w.one(j)
				default:
					return
				}
			}
		}
	}
}

func (w *writer) one(j *job) {
	defer close(j.done)
	defer func() { j.panic = recover() }()
	if err := j.ctx.Err(); err != nil {
		j.err = err
		return
	}
	w.busy.Store(1)
	defer w.busy.Store(0)
	j.err = w.db.transact(j.ctx, w.kept, nil, j.fn)
}

// begin copies the rest of the write-ahead log back and lets it begin anew.
func (w *writer) begin() {
	if w.kept.conn != nil {
		_, _ = w.kept.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(RESTART)")
	}
}

func (w *writer) close() {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
}

func sqliteUnique(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}
