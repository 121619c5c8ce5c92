package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes a trial's database

	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/store/storetest"
)

// world is what the trials of a run share: the servers that nodes need, and what befalls them.
type world struct {
	postgres *storetest.Server  // nil on SQLite
	redis    carrier            // nil where no fault needs it
	cluster  *redistest.Cluster // it is one: six nodes, each trial's own
	clusters bool
	faults   []fault
	small    bool
	number   int
	url      string // of Redis
}

// carrier is the Redis of a run.
type carrier interface {
	Kill()
	Again() error
	Hang() error
	Resume() error
	Do(args ...any) error
	Stop()
}

// open starts what the engine and the faults need.
func open(engine, faults string) (w *world, err error) {
	w = &world{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	switch engine {
	case "sqlite":
	case "postgres":
		server, err := storetest.StartPostgres()
		if err != nil {
			return w, err
		}
		w.postgres = &server
	default:
		return w, fmt.Errorf("an unknown engine: %q", engine)
	}
	names := strings.FieldsFunc(faults, func(r rune) bool { return r == ',' })
	w.clusters = slices.ContainsFunc(names, onCluster)
	for _, name := range names {
		make, ok := allFaults[name]
		if !ok {
			return w, fmt.Errorf("an unknown fault %q: there are %s", name, strings.Join(faultNames(), ", "))
		}
		if strings.HasPrefix(name, "redis") && !w.clusters && w.redis == nil {
			server, err := redistest.Start()
			if err != nil {
				return w, err
			}
			w.redis, w.url = server, server.URL()
		}
		f, err := make(w)
		if err != nil {
			return w, err
		}
		f.name = name
		w.small = w.small || name == diskFull
		w.faults = append(w.faults, f)
	}
	return w, nil
}

func (w *world) close() {
	if w.postgres != nil {
		w.postgres.Stop()
	}
	if w.redis != nil {
		w.redis.Stop()
	}
}

var errEngine = errors.New("this fault needs another engine")

// site gives a trial an empty database of its own; on SQLite it is in the trial's folder.
func (w *world) site(ctx context.Context, binary string) (site, error) {
	if w.clusters {
		if w.redis != nil {
			w.redis.Stop()
			w.redis = nil
		}
		cluster, err := redistest.StartCluster()
		if err != nil {
			return site{}, err
		}
		w.redis, w.cluster, w.url = cluster, cluster, "redis://"+strings.Join(cluster.Addrs(), ",")
	}
	out := site{binary: binary, small: w.small, redis: w.url}
	if w.postgres == nil {
		return out, nil
	}
	admin, err := sql.Open("pgx", w.postgres.URL)
	if err != nil {
		return out, err
	}
	defer admin.Close()
	w.number++
	name := fmt.Sprint("torture_", w.number)
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return out, err
	}
	u, err := url.Parse(w.postgres.URL)
	if err != nil {
		return out, err
	}
	u.Path = "/" + name
	out.database = u.String()
	return out, nil
}
