package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes a trial's database

	"github.com/hawkerlive/hawker/store/storetest"
)

// databases gives each trial an empty database: "" for SQLite, whose files are in the trial's own folder.
func databases(engine string) (next func(context.Context) (string, error), stop func(), err error) {
	switch engine {
	case "sqlite":
		return func(context.Context) (string, error) { return "", nil }, func() {}, nil
	case "postgres":
	default:
		return nil, nil, fmt.Errorf("an unknown engine: %q", engine)
	}
	server, err := storetest.StartPostgres()
	if err != nil {
		return nil, nil, err
	}
	number := 0
	return func(ctx context.Context) (string, error) {
		admin, err := sql.Open("pgx", server.URL)
		if err != nil {
			return "", err
		}
		defer admin.Close()
		number++
		name := fmt.Sprint("torture_", number)
		if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
			return "", err
		}
		u, err := url.Parse(server.URL)
		if err != nil {
			return "", err
		}
		u.Path = "/" + name
		return u.String(), nil
	}, server.Stop, nil
}
