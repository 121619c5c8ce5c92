package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresConnsMax = 16              // connections per schema and process
	postgresConnIdle = 5 * time.Minute // an idle connection is closed after this
	uniqueViolation  = "23505"         // SQLSTATE
	migrateLock      = 0x6861776b6572  // advisory lock of the migrations: "hawker"
)

func openPostgres(ctx context.Context, url string, s Schema) (*DB, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		// The error quotes the URL, which may hold a password.
		return nil, errors.New("store: the database URL cannot be read")
	}
	c.RuntimeParams["search_path"] = string(s)
	c.RuntimeParams["application_name"] = "hawker"
	pool := stdlib.OpenDB(*c)
	pool.SetMaxOpenConns(postgresConnsMax)
	pool.SetMaxIdleConns(postgresConnsMax)
	pool.SetConnMaxIdleTime(postgresConnIdle)
	if _, err := pool.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+string(s)); err != nil && !postgresUnique(err) {
		pool.Close()
		return nil, fmt.Errorf("store: reach PostgreSQL: %w", err)
	}
	return &DB{engine: Postgres, schema: s, write: pool, read: pool}, nil
}

// IsUnique tells whether err is the violation of a UNIQUE constraint or a primary key.
func IsUnique(err error) bool { return postgresUnique(err) || sqliteUnique(err) }

// NoRows tells whether err says that a query found nothing.
func NoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func postgresUnique(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == uniqueViolation
}
