package store

import (
	"strconv"
	"strings"
)

// SQLite's driver binds in time that grows with the square of the number of arguments, and many times slower
// where they have names, as $1 is one. So a long list of arguments that stand in the order of their numbers is
// given to it without names, and rows are inserted in small groups.
const (
	bindNamedMax  = 8   // arguments that may keep their names
	bindAtOnceMax = 160 // arguments of one INSERT on SQLite
	bindAtOncePG  = 14_000
	idsAtOnce     = 1024 // ids of one statement on PostgreSQL
)

// RowsAtOnce is how many rows with that many columns one INSERT should hold on this engine.
func (tx *Tx) RowsAtOnce(columns int) int {
	if tx.engine == SQLite {
		return max(1, bindAtOnceMax/columns)
	}
	return bindAtOncePG / columns
}

// text is the query as the engine likes it best; what it means is the same.
func (tx *Tx) text(query string, args int) string {
	if tx.engine != SQLite || args <= bindNamedMax {
		return query
	}
	if out, ok := unnamed(query, args); ok {
		return out
	}
	return query
}

// unnamed replaces $1 … $n by ? where they stand in that order, each once, and nothing is quoted that holds a $.
func unnamed(query string, args int) (string, bool) {
	var b strings.Builder
	b.Grow(len(query))
	next := 1
	for {
		i := strings.IndexByte(query, '$')
		if i < 0 {
			b.WriteString(query)
			return b.String(), next == args+1
		}
		end := i + 1
		for end < len(query) && query[end] >= '0' && query[end] <= '9' {
			end++
		}
		if n, err := strconv.Atoi(query[i+1 : end]); err != nil || n != next {
			return "", false
		}
		b.WriteString(query[:i])
		b.WriteByte('?')
		query = query[end:]
		next++
	}
}
