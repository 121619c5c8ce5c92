package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// postgres compares paid orders on PostgreSQL with a transaction per step of each order on the same server, as many
// callers for the same row of stock.
func (b *bench) postgres(ctx context.Context) (err error) {
	if err := os.RemoveAll(filepath.Join(b.dir, "ready.json")); err != nil { // of the server before
		return err
	}
	if err := b.boot(ctx, "--database", b.Database); err != nil {
		return errors.Join(err, b.server.stop())
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
