package store

import (
	"database/sql"
	"time"
)

// Load is how busy a DB is at the moment.
type Load struct {
	// Transactions that wait for SQLite's one writer, per lane, and how many may. Always 0 on PostgreSQL.
	First, Normal, LaneMax int
	// Connections that are in use, writing and reading ones, and how many there may be.
	InUse, InUseMax int
	// Waited is the time that callers have waited for a connection since the start.
	Waited time.Duration
}

// Load returns the figures of now.
func (db *DB) Load() Load {
	var l Load
	if db.writer != nil {
		l.First, l.Normal, l.LaneMax = len(db.writer.first), len(db.writer.normal), laneMax
	}
	pools := []*sql.DB{db.write}
	if db.read != db.write {
		pools = append(pools, db.read)
	}
	for _, pool := range pools {
		s := pool.Stats()
		inUse := s.InUse
		if db.writer != nil && pool == db.write { // the writer keeps its one connection
			inUse = int(db.writer.busy.Load())
		}
		l.InUse += inUse
		l.InUseMax += s.MaxOpenConnections
		l.Waited += s.WaitDuration
	}
	return l
}
