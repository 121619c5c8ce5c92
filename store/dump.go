package store

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A dump is all that a schema holds at one moment, as lines of JSON that both engines read: a head, then per table a
// line with its name and columns and a line per row, then an end. Tables stand in the order in which the migrations
// made them, so that what is referred to comes first. Integers are numbers, texts are strings, other values are
// objects: {"f":1.5}, {"b":"base64"}.

// ErrDump is returned for a dump that is broken, cut short or of another schema.
var ErrDump = errors.New("store: this is not a whole dump of this database")

// ErrNotEmpty is returned when a dump is to be loaded where something is already.
var ErrNotEmpty = errors.New("store: there is a database already; a dump is loaded into an empty one only")

const (
	dumpVersion     = 1
	dumpLineMax     = 64 << 20 // bytes of a row
	migrationsTable = "migration"
)

type dumpHead struct {
	Dump       int               `json:"hawker_dump"`
	Schema     Schema            `json:"schema"`
	Engine     Engine            `json:"engine"`
	At         time.Time         `json:"at"`
	Migrations map[string]string `json:"migrations"` // checksum by version
}

type dumpTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type dumpEnd struct {
	Rows *int64 `json:"rows"` // of all tables
}

// Dump writes what the schema holds, as one reading transaction sees it. It returns how many rows that were.
func (db *DB) Dump(ctx context.Context, w io.Writer) (count int64, err error) {
	b := bufio.NewWriterSize(w, 1<<16)
	out := json.NewEncoder(b)
	out.SetEscapeHTML(false)
	err = db.View(ctx, func(tx *Tx) error {
		head := dumpHead{Dump: dumpVersion, Schema: db.schema, Engine: db.engine, At: time.Now().UTC()}
		if head.Migrations, err = appliedMigrations(ctx, tx); err != nil {
			return err
		}
		if err := out.Encode(head); err != nil {
			return err
		}
		tables, err := db.tables(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range tables {
			n, err := dumpRows(ctx, tx, t, out)
			if err != nil {
				return fmt.Errorf("table %s: %w", t, err)
			}
			count += n
		}
		return out.Encode(dumpEnd{Rows: &count})
	})
	if err = errors.Join(err, b.Flush()); err != nil {
		return count, fmt.Errorf("store: dump %s: %w", db.schema, err)
	}
	return count, nil
}

// tables lists all but that of the migrations, in the order in which they were made.
func (db *DB) tables(ctx context.Context, tx *Tx) (names []string, err error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid`
	if db.engine == Postgres {
		query = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY oid`
	}
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if name != migrationsTable {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}

func dumpRows(ctx context.Context, tx *Tx, table string, out *json.Encoder) (count int64, err error) {
	rows, err := tx.Query(ctx, `SELECT * FROM "`+table+`"`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	if err := out.Encode(dumpTable{table, columns}); err != nil {
		return 0, err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for ; rows.Next(); count++ {
		if err := rows.Scan(places...); err != nil {
			return count, err
		}
		for i, v := range values {
			switch v := v.(type) {
			case nil, int64, string:
			case float64:
				values[i] = map[string]float64{"f": v}
			case []byte:
				values[i] = map[string][]byte{"b": slices.Clone(v)}
			default:
				return count, fmt.Errorf("column %s holds a %T", columns[i], v)
			}
		}
		if err := out.Encode(values); err != nil {
			return count, err
		}
	}
	return count, rows.Err()
}

// Restore makes an empty schema what a dump says, and brings it up to this version. Nothing is there if it fails.
func Restore(ctx context.Context, c Config, s Schema, dump io.Reader) (count int64, err error) {
	db, err := openEngine(ctx, c, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	l := &loader{lines: bufio.NewReaderSize(dump, 1<<16), db: db}
	// Not by the writer: it keeps its connection for itself.
	if err := db.transact(ctx, db.write, nil, func(tx *Tx) error { return l.load(ctx, tx) }); err != nil {
		return 0, err
	}
	return l.count, migrate(ctx, db)
}

// loader reads one dump into one transaction.
type loader struct {
	lines *bufio.Reader
	db    *DB
	count int64
	table dumpTable
	rows  []any // of the table, that wait to be inserted
}

func (l *loader) load(ctx context.Context, tx *Tx) error {
	line, err := l.line()
	if err != nil {
		return err
	}
	var head dumpHead
	if json.Unmarshal(line, &head) != nil || head.Dump != dumpVersion || head.Schema != l.db.schema {
		return ErrDump
	}
	if there, err := l.db.tables(ctx, tx); err != nil || len(there) > 0 {
		return errors.Join(err, ErrNotEmpty)
	}
	if err := applyMigrations(ctx, l.db, tx, head.Migrations); err != nil {
		return err
	}
	tables, err := l.db.tables(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range slices.Backward(tables) { // a migration may have put rows there
		if _, err := tx.Exec(ctx, `DELETE FROM "`+t+`"`); err != nil {
			return fmt.Errorf("store: empty %s: %w", t, err)
		}
	}
	for {
		if line, err = l.line(); err != nil {
			return err
		}
		if line[0] == '[' {
			if err := l.row(ctx, tx, line); err != nil {
				return err
			}
			continue
		}
		if err := l.flush(ctx, tx); err != nil {
			return err
		}
		var end dumpEnd
		if json.Unmarshal(line, &end) == nil && end.Rows != nil {
			if *end.Rows != l.count {
				return fmt.Errorf("%w: it ends after %d of %d rows", ErrDump, l.count, *end.Rows)
			}
			return nil
		}
		l.table = dumpTable{}
		if json.Unmarshal(line, &l.table) != nil || !slices.Contains(tables, l.table.Table) || len(l.table.Columns) == 0 || slices.ContainsFunc(l.table.Columns, notAName) {
			return fmt.Errorf("%w: it has a table %.60q", ErrDump, l.table.Table)
		}
	}
}

func notAName(s string) bool {
	return s == "" || strings.ContainsFunc(s, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// line returns the next one, which is not empty.
func (l *loader) line() ([]byte, error) {
	var out []byte
	for {
		part, more, err := l.lines.ReadLine()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, fmt.Errorf("%w: it ends in the middle", ErrDump)
			}
			return nil, fmt.Errorf("store: read a dump: %w", err)
		}
		if out = append(out, part...); len(out) > dumpLineMax {
			return nil, ErrDump
		}
		if !more {
			if len(out) == 0 {
				return nil, ErrDump
			}
			return out, nil
		}
	}
}

func (l *loader) row(ctx context.Context, tx *Tx, line []byte) error {
	var values []any
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.UseNumber()
	if err := d.Decode(&values); err != nil || len(values) != len(l.table.Columns) || len(values) == 0 {
		return fmt.Errorf("%w: a row of %s", ErrDump, l.table.Table)
	}
	for _, v := range values {
		v, err := dumped(v)
		if err != nil {
			return err
		}
		l.rows = append(l.rows, v)
	}
	l.count++
	if len(l.rows) >= tx.RowsAtOnce(len(values))*len(values) {
		return l.flush(ctx, tx)
	}
	return nil
}

// dumped is a value as the database takes it.
func dumped(v any) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		return v.Int64()
	case map[string]any:
		if f, ok := v["f"].(json.Number); ok && len(v) == 1 {
			return f.Float64()
		}
		if b, ok := v["b"].(string); ok && len(v) == 1 {
			return base64.StdEncoding.DecodeString(b)
		}
	}
	return nil, fmt.Errorf("%w: a value of no known kind", ErrDump)
}

func (l *loader) flush(ctx context.Context, tx *Tx) error {
	if len(l.rows) == 0 {
		return nil
	}
	k := len(l.table.Columns)
	_, err := tx.Exec(ctx, `INSERT INTO "`+l.table.Table+`" ("`+strings.Join(l.table.Columns, `","`)+`") VALUES `+Placeholders(len(l.rows)/k, k), l.rows...)
	if err != nil {
		return fmt.Errorf("store: load %s: %w", l.table.Table, err)
	}
	l.rows = l.rows[:0]
	return nil
}
