package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/store"
)

type serveCommand struct{}

// Run serves until a signal.
func (serveCommand) Run(env *environment) error {
	c, err := env.load(false)
	if err != nil {
		return err
	}
	return (&app{config: c, log: logger(c)}).run(env.ctx, nil)
}

type demoCommand struct{}

// Run serves with demo data until a signal, and prints what to open.
func (demoCommand) Run(env *environment) error {
	c, err := env.load(true)
	if err != nil {
		return err
	}
	a := &app{config: c, log: logger(c), demo: true}
	return a.run(env.ctx, func(ctx context.Context) error { return a.printDemo(env.stdout) })
}

type configCommand struct{}

// Run prints the reference configuration.
func (configCommand) Run(env *environment) error {
	_, err := env.stdout.Write(config.Reference())
	return err
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(env *environment) error {
	_, err := fmt.Fprintln(env.stdout, version)
	return err
}

type openapiCommand struct{}

// Run prints the OpenAPI document.
func (openapiCommand) Run(env *environment) error {
	document, err := openapi()
	if err != nil {
		return err
	}
	_, err = env.stdout.Write(document)
	return err
}

type migrateCommand struct{}

// Run migrates both databases.
func (migrateCommand) Run(env *environment) error {
	c, err := env.load(false)
	if err != nil {
		return err
	}
	for _, s := range []store.Schema{store.Hawker, store.Activity} {
		db, err := store.Open(env.ctx, store.Config{Database: c.Database, Dir: c.Data}, s)
		if err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "%s is up to date\n", s)
	}
	return nil
}

func logger(c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Log.SlogLevel()}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
