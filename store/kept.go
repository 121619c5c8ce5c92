package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

const (
	keptMax     = 128                    // statements of one generation; there are two
	leftOpen    = "within a transaction" // what SQLite says to BEGIN where the transaction before stands open
	keptTextMax = 4 << 10                // bytes of a statement that is kept: longer ones are of too many lengths to come again
)

// kept is SQLite's one writing connection with the statements that it has prepared. Reading SQL text costs more than
// carrying it out, and the texts of a rush are few: each is read once. Only the writer's goroutine uses it.
//
// It holds two generations: when the younger is full it becomes the older, and what was not used since is closed.
type kept struct {
	pool       *sql.DB
	conn       *sql.Conn
	young, old map[string]driver.StmtExecContext
}

// begin starts a transaction on the connection, which is opened if there is none or if it broke.
func (k *kept) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	for try := 0; ; try++ {
		if k.conn == nil {
			conn, err := k.pool.Conn(ctx)
			if err != nil {
				return nil, err
			}
			k.conn = conn
		}
		tx, err := k.conn.BeginTx(ctx, opts)
		if try == 0 && (errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)) {
			k.close()
			continue
		}
		if try == 0 && err != nil && strings.Contains(err.Error(), leftOpen) {
			k.rollback()
			continue
		}
		return tx, err
	}
}

// rollback ends a transaction that nobody holds any more. Where a context ends while its transaction is being rolled
// back, SQLite may interrupt the ROLLBACK itself: the connection would refuse every transaction from then on.
func (k *kept) rollback() {
	_ = k.conn.Raw(func(connection any) error { // the next try tells
		_, err := connection.(driver.ExecerContext).ExecContext(context.Background(), "ROLLBACK", nil)
		return err
	})
}

// close forgets the statements and gives the connection back.
func (k *kept) close() {
	for _, generation := range []map[string]driver.StmtExecContext{k.young, k.old} {
		for _, s := range generation {
			closeStatement(s)
		}
	}
	k.young, k.old = nil, nil
	if k.conn != nil {
		_ = k.conn.Close()
		k.conn = nil
	}
}

func closeStatement(s driver.StmtExecContext) {
	if c, ok := s.(driver.Stmt); ok {
		_ = c.Close()
	}
}

// exec carries out a statement once per row of arguments, and counts the rows that it changed. What returns rows has
// no place here. The driver would start a goroutine for every call with a context that can end, so that ctx is only
// looked at in between.
func (k *kept) exec(ctx context.Context, query string, columns int, args []any) (changed int64, err error) {
	err = k.conn.Raw(func(connection any) error {
		s, err := k.statement(connection, query, columns)
		if err != nil {
			return err
		}
		row := make([]driver.NamedValue, columns)
		for first := true; first || len(args) > 0; first = false {
			if err := ctx.Err(); err != nil {
				return err
			}
			for i := range row {
				if row[i], err = named(i+1, args[i]); err != nil {
					return fmt.Errorf("argument %d: %w", i+1, err)
				}
			}
			args = args[columns:]
			result, err := s.ExecContext(context.Background(), row)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	return changed, err
}

// named is an argument as the driver takes it.
func named(ordinal int, v any) (driver.NamedValue, error) {
	switch v := v.(type) {
	case string, int64, nil, []byte, bool, float64:
		return driver.NamedValue{Ordinal: ordinal, Value: v}, nil
	case int:
		return driver.NamedValue{Ordinal: ordinal, Value: int64(v)}, nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(v)
	return driver.NamedValue{Ordinal: ordinal, Value: value}, err
}

// statement finds a prepared statement, or prepares it.
func (k *kept) statement(connection any, query string, args int) (driver.StmtExecContext, error) {
	if s, ok := k.young[query]; ok {
		return s, nil
	}
	s, ok := k.old[query]
	if ok {
		delete(k.old, query)
	} else {
		text := query
		if bare, ok := unnamed(query, args); ok {
			text = bare
		}
		prepared, err := connection.(driver.ConnPrepareContext).PrepareContext(context.Background(), text)
		if err != nil {
			return nil, err
		}
		if s, ok = prepared.(driver.StmtExecContext); !ok {
			return nil, errors.Join(errors.New("store: the driver's statements take no context"), prepared.Close())
		}
	}
	if len(k.young) >= keptMax || k.young == nil {
		for _, unused := range k.old {
			closeStatement(unused)
		}
		k.young, k.old = map[string]driver.StmtExecContext{}, k.young
	}
	k.young[query] = s
	return s, nil
}

// changed is a sql.Result.
type changed int64

func (n changed) LastInsertId() (int64, error) { return 0, errors.ErrUnsupported }
func (n changed) RowsAffected() (int64, error) { return int64(n), nil }

// ExecRows carries out "head (row), (row), … tail" for all rows of arguments and counts what it changed. SQLite does
// one row at a time by a statement that it keeps: it neither reads the text again nor, for a single row, copies the
// pages that a failing statement would have to undo. PostgreSQL gets as many rows at once as it takes.
func (tx *Tx) ExecRows(ctx context.Context, head string, columns int, args []any, tail string) (int64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	if tx.kept != nil {
		return tx.kept.exec(ctx, head+" "+Placeholders(1, columns)+tail, columns, args)
	}
	var total int64
	for rows := len(args) / columns; rows > 0; rows = len(args) / columns {
		n := powerOfTwo(min(rows, tx.RowsAtOnce(columns)))
		r, err := tx.Exec(ctx, head+" "+Placeholders(n, columns)+tail, args[:n*columns]...)
		if err != nil {
			return total, err
		}
		changed, err := r.RowsAffected()
		if err != nil {
			return total, err
		}
		total, args = total+changed, args[n*columns:]
	}
	return total, nil
}

// ExecIDs carries out a statement that ends in "IN (" for every id: one by one on SQLite, many at once on PostgreSQL.
// The statement's other arguments come before the ids. It counts what it changed.
func (tx *Tx) ExecIDs(ctx context.Context, query string, args []any, ids []string) (int64, error) {
	var total int64
	for len(ids) > 0 {
		n := 1
		if tx.kept == nil {
			n = powerOfTwo(min(len(ids), idsAtOnce))
		}
		all := make([]any, 0, len(args)+n)
		all = append(all, args...)
		for _, id := range ids[:n] {
			all = append(all, id)
		}
		r, err := tx.Exec(ctx, query+list(len(args)+1, n)+")", all...)
		if err != nil {
			return total, err
		}
		changed, err := r.RowsAffected()
		if err != nil {
			return total, err
		}
		total, ids = total+changed, ids[n:]
	}
	return total, nil
}
