package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/backup"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

type backupCommand struct {
	To   string `arg:"" help:"Folder of the backups. Each gets a folder of its own in there; what they share lies beside them."`
	Keep int    `help:"Keep the newest so many and remove older ones. 0 keeps all." placeholder:"N"`
}

type restoreCommand struct {
	From string `arg:"" help:"Folder of the backups."`
	At   string `help:"Which one: the name of its folder. The newest where nothing is said." placeholder:"NAME"`
}

// stores opens both databases and the blobs.
func (e *environment) stores(c config.Config) (s backup.Source, done func() error, err error) {
	if c.Database == "" {
		if _, err := os.Stat(filepath.Join(c.Data, string(store.Hawker)+".db")); err != nil {
			return s, nil, fmt.Errorf("there is no database in %s", c.Data)
		}
	}
	s = backup.Source{Databases: map[store.Schema]*store.DB{}, Now: time.Now}
	done = func() (err error) {
		for _, db := range s.Databases {
			err = errors.Join(err, db.Close())
		}
		if s.Blobs != nil {
			err = errors.Join(err, s.Blobs.Close())
		}
		return err
	}
	for _, schema := range []store.Schema{store.Hawker, store.Activity} {
		db, err := store.Open(e.ctx, store.Config{Database: c.Database, Dir: c.Data}, schema)
		if err != nil {
			return s, nil, errors.Join(err, done())
		}
		s.Databases[schema] = db
	}
	if s.Blobs, err = store.OpenBlobs(e.ctx, blobConfig(c)); err != nil {
		return s, nil, errors.Join(err, done())
	}
	s.Needs = neededBlobs(s.Databases)
	return s, done, nil
}

// neededBlobs names what recordings, videos and products cannot do without.
func neededBlobs(databases map[store.Schema]*store.DB) func(context.Context, func(string) error) error {
	return func(ctx context.Context, yield func(string) error) error {
		if err := (&vodsql.Store{DB: databases[store.Activity]}).Keys(ctx, yield); err != nil {
			return err
		}
		return (&shopsql.Store{DB: databases[store.Hawker]}).PictureKeys(ctx, yield)
	}
}

// Run makes a backup of what is running or not.
func (b backupCommand) Run(env *environment) error {
	c, err := env.load(false)
	if err != nil {
		return err
	}
	s, done, err := env.stores(c)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := backup.Make(env.ctx, s, b.To)
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "Backup %s\n\n", r.Name)
	for _, f := range r.Files {
		if f.Schema != "" {
			fmt.Fprintf(env.stdout, "  %-9s %10d rows %12d bytes\n", f.Schema, f.Rows, f.Bytes)
		}
	}
	fmt.Fprintf(env.stdout, "  %-9s %10d      %12d bytes, of which %d blobs, %d bytes are new\n\nIt took %v. secret_key is not in it: keep a copy of %s elsewhere.\n",
		"blobs", r.Blobs, r.BlobBytes, r.Copied, r.CopiedBytes, time.Since(began).Round(time.Millisecond), filepath.Join(c.Data, "secret_key"))
	if b.Keep <= 0 {
		return nil
	}
	removed, err := backup.Keep(env.ctx, b.To, b.Keep)
	if removed > 0 {
		fmt.Fprintf(env.stdout, "Removed %d older ones.\n", removed)
	}
	return err
}

// Run brings a backup back into an installation that holds nothing.
func (r restoreCommand) Run(env *environment) error {
	c, err := env.load(false)
	if err != nil {
		return err
	}
	if c.Database == "" {
		if _, err := os.Stat(filepath.Join(c.Data, string(store.Hawker)+".db")); err == nil {
			return fmt.Errorf("there is a database in %s: a backup is restored into an empty folder only", c.Data)
		}
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	blobs, err := store.OpenBlobs(env.ctx, blobConfig(c))
	if err != nil {
		return err
	}
	done, err := backup.Restore(env.ctx, r.From, r.At, backup.Target{Config: store.Config{Database: c.Database, Dir: c.Data}, Blobs: blobs})
	if err = errors.Join(err, blobs.Close()); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "Restored the backup of %s: %d blobs copied, %d were there.\n", done.At.Format(time.RFC3339), done.Copied, done.Kept)
	if _, err := os.Stat(filepath.Join(c.Data, "secret_key")); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(env.stdout, "Put your copy of secret_key into %s before you start: without it the signing keys in the database cannot be opened.\n", c.Data)
	}
	fmt.Fprintln(env.stdout, "Run hawker verify, and compare with the payment provider what was paid since.")
	return nil
}
