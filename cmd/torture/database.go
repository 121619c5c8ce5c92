package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes a trial's database

	"github.com/hawkerlive/hawker/store/redistest"
	"github.com/hawkerlive/hawker/store/storetest"
)

// world is what the trials of a run share: the servers that nodes need, and what befalls them.
type world struct {
	postgres *storetest.Server  // nil on SQLite
	redis    *redistest.Server  // nil where no fault needs it
	cluster  *redistest.Cluster // instead: six nodes, each trial's own, since a master of them will be gone
	clusters bool
	faults   []fault
	small    bool
	number   int
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
	for _, name := range strings.FieldsFunc(faults, func(r rune) bool { return r == ',' }) {
		make, ok := allFaults[name]
		if !ok {
			return w, fmt.Errorf("an unknown fault %q: there are %s", name, strings.Join(faultNames(), ", "))
		}
		if w.clusters = w.clusters || name == failOver; w.clusters && w.redis != nil {
			return w, fmt.Errorf("%s goes with no other fault of Redis", failOver)
		}
		if strings.HasPrefix(name, "redis") && !w.clusters && w.redis == nil {
			if w.redis, err = redistest.Start(); err != nil {
				return w, err
			}
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
	if w.cluster != nil {
		w.cluster.Stop()
	}
}

var errEngine = errors.New("this fault needs another engine")

// site gives a trial an empty database of its own; on SQLite it is in the trial's folder.
func (w *world) site(ctx context.Context, binary string) (site, error) {
	out := site{binary: binary, small: w.small}
	if w.redis != nil {
		out.redis = w.redis.URL()
	}
	if w.clusters {
		if w.cluster != nil {
			w.cluster.Stop()
		}
		var err error
		if w.cluster, err = redistest.StartCluster(); err != nil {
			return out, err
		}
		out.redis = "redis://" + strings.Join(w.cluster.Addrs(), ",")
	}
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
