package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// postgres compares paid orders on PostgreSQL with a transaction per step of each order on the same server, as many
// callers for the same row of stock.
func (b *bench) postgres(ctx context.Context) (err error) {
	b.server = nil // the one on SQLite has stopped
	// A folder of its own: the demo's accounts are in the database, and what names them is in the folder.
	if err := b.boot(ctx, "postgres", "--database", b.Database); err != nil {
		if b.server != nil {
			err = errors.Join(err, b.server.stop())
		}
		return err
	}
	got := buy(ctx, b.target, b.Buyers, b.Span)
	if err := errors.Join(b.server.stop(), ctx.Err()); err != nil {
		return err
	}
	if len(got.paid.all) == 0 {
		return fmt.Errorf("no order was paid: %v", got.outcomes)
	}
	naive, _, err := b.two(ctx, "naive", "--database", b.Database, "--callers", strconv.Itoa(min(64, b.Buyers)), "--duration", b.Span.String())
	if err != nil {
		return err
	}
	b.add(figure{"checkout on PostgreSQL", "orders/s", got.rate(), naive, fmt.Sprintf("the whole path of a paid order (%s), against two transactions per order on one hot row, without HTTP", &got.paid)})
	return nil
}
