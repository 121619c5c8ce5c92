package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"sort"
	"strings"
	"time"
)

// Migrations are files migrations/<schema>/YYYYMMDDhhmm_domain_what.sql, applied in the order of their names,
// each in a transaction, forward only. A statement ends with a semicolon at the end of a line. Where the
// engines cannot share a text there are two files, ….sqlite.sql and ….postgres.sql, of one version.
//
//go:embed migrations
var migrations embed.FS

// ErrNewerSchema is returned when the database was migrated by a newer binary.
var ErrNewerSchema = errors.New("store: the database was migrated by a newer version of Hawker; run that version or restore a backup")

type migration struct{ version, text, sum string }

func migrate(ctx context.Context, db *DB) error {
	if current(ctx, db) {
		return nil
	}
	// One node migrates; the others wait for it here and then find nothing to do.
	return db.transact(ctx, db.write, nil, func(tx *Tx) error { return applyMigrations(ctx, db, tx, nil) })
}

// current tells whether there is nothing to do, without writing: a backup or an audit beside a server in a rush would
// wait for SQLite's one writer until it gave up.
func current(ctx context.Context, db *DB) bool {
	known, err := migrationsOf(db.schema, db.engine)
	if err != nil {
		return false
	}
	var applied map[string]string
	if err := db.View(ctx, func(tx *Tx) (err error) {
		applied, err = appliedMigrations(ctx, tx)
		return err
	}); err != nil {
		return false // there is no such table yet, or migrating will tell
	}
	for _, m := range known {
		if applied[m.version] != m.sum {
			return false
		}
	}
	return len(applied) == len(known)
}

// applyMigrations applies all that are missing or, where only is not nil, those of them that it names; it must name no
// others.
func applyMigrations(ctx context.Context, db *DB, tx *Tx, only map[string]string) error {
	known, err := migrationsOf(db.schema, db.engine)
	if err != nil {
		return err
	}
	if db.engine == Postgres {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil {
			return fmt.Errorf("store: lock the migrations: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS migration (version TEXT PRIMARY KEY, sum TEXT NOT NULL, applied_at BIGINT NOT NULL)`); err != nil {
		return fmt.Errorf("store: create the migration table: %w", err)
	}
	applied, err := appliedMigrations(ctx, tx)
	if err != nil {
		return err
	}
	left := maps.Clone(only)
	for _, m := range known {
		sum, ok := applied[m.version]
		delete(applied, m.version)
		switch {
		case ok && sum != m.sum:
			return fmt.Errorf("store: migration %s was changed after it was applied", m.version)
		case ok:
			continue
		}
		if only != nil {
			if _, ok := only[m.version]; !ok {
				continue
			}
			delete(left, m.version)
		}
		for _, statement := range statements(m.text) {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("store: migration %s: %w", m.version, err)
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO migration (version, sum, applied_at) VALUES ($1, $2, $3)`,
			m.version, m.sum, time.Now().UnixMilli()); err != nil {
			return fmt.Errorf("store: record migration %s: %w", m.version, err)
		}
	}
	if len(applied)+len(left) > 0 {
		return ErrNewerSchema
	}
	return nil
}

func appliedMigrations(ctx context.Context, tx *Tx) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT version, sum FROM migration`)
	if err != nil {
		return nil, fmt.Errorf("store: read the migrations: %w", err)
	}
	defer rows.Close()
	applied := map[string]string{}
	for rows.Next() {
		var version, sum string
		if err := rows.Scan(&version, &sum); err != nil {
			return nil, err
		}
		applied[version] = sum
	}
	return applied, rows.Err()
}

func migrationsOf(s Schema, e Engine) ([]migration, error) {
	dir := path.Join("migrations", string(s))
	entries, err := fs.ReadDir(migrations, dir)
	if err != nil {
		return nil, fmt.Errorf("store: list the migrations: %w", err)
	}
	var out []migration
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".sql")
		if !ok {
			continue
		}
		version, engine, both := strings.Cut(name, ".")
		if both && Engine(engine) != e {
			continue
		}
		text, err := fs.ReadFile(migrations, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		out = append(out, migration{version, string(text), hex.EncodeToString(sum[:])})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].version < out[j].version })
	return out, nil
}

// statements splits a migration at semicolons that end a line; lines that start with -- are comments.
func statements(text string) []string {
	var out []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		b.WriteString(line)
		if strings.HasSuffix(trimmed, ";") {
			out = append(out, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
			b.Reset()
		}
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		out = append(out, rest)
	}
	return out
}
