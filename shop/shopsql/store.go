package shopsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/store"
)

// Store keeps the shop in the hawker schema. Any number of goroutines may use it.
type Store struct{ DB *store.DB }

var (
	_ shop.Catalogue       = (*Store)(nil)
	_ shop.Pictures        = (*Store)(nil)
	_ shop.Batches         = (*Store)(nil)
	_ shop.Deals           = (*Store)(nil)
	_ shop.Waits           = (*Store)(nil)
	_ shop.Orders          = (*Store)(nil)
	_ shop.Instruments     = (*Store)(nil)
	_ shop.Ledger          = (*Store)(nil)
	_ payment.SandboxBooks = (*Store)(nil)
)

// rows runs a query and scans every row.
func rows[T any](ctx context.Context, tx *store.Tx, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	found, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []T
	for found.Next() {
		v, err := scan(found)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, found.Err()
}

// exactlyOne refuses a statement that touched no row, or more than one.
func exactlyOne(r sql.Result, err error, otherwise error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, otherwise)
	}
	return nil
}

// list writes "$1,$2,…,$n". The texts are pieces of one that is made once.
func list(n int) string { return groups(n, 1, false) }

// tuples writes n groups of k: "($1,$2),($3,$4)".
func tuples(n, k int) string { return groups(n, k, true) }

const groupsKept = 512 // the largest text that is kept, in groups

type text struct {
	all  string
	ends []int // all[:ends[i]] is i+1 groups
}

var texts sync.Map // [2]int{k, bracketed} -> *text

func groups(n, k int, bracketed bool) string {
	if n > groupsKept {
		return write(n, k, bracketed).all
	}
	key := [2]int{k, 0}
	if bracketed {
		key[1] = 1
	}
	kept, ok := texts.Load(key)
	if !ok {
		kept, _ = texts.LoadOrStore(key, write(groupsKept, k, bracketed))
	}
	t := kept.(*text)
	return t.all[:t.ends[n-1]]
}

func write(n, k int, bracketed bool) *text {
	var b strings.Builder
	t := &text{ends: make([]int, n)}
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		if bracketed {
			b.WriteByte('(')
		}
		for j := range k {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(i*k + j + 1))
		}
		if bracketed {
			b.WriteByte(')')
		}
		t.ends[i] = b.Len()
	}
	t.all = b.String()
	return t
}

// padded repeats the last id until the list has a round length, so that the database sees few different texts.
func padded(ids []string) []any {
	n := 1
	for n < len(ids) {
		n *= 2
	}
	out := make([]any, n)
	for i := range out {
		out[i] = ids[min(i, len(ids)-1)]
	}
	return out
}

const listMax = 4096 // ids of one statement

// in runs a query whose text ends in "IN (" over the ids and appends the rest of the text. Many ids become several
// statements, in the order of the ids.
func in[T any](ctx context.Context, tx *store.Tx, scan func(*sql.Rows) (T, error), query string, ids []string, rest string) (out []T, err error) {
	for piece := range slices.Chunk(ids, listMax) {
		args := padded(piece)
		found, err := rows(ctx, tx, scan, query+list(len(args))+")"+rest, args...)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = found
			continue
		}
		out = append(out, found...)
	}
	return out, nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
