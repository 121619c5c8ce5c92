package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
)

func TestVerifyReportsAndSigns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	verify := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		status := run(context.Background(), append([]string{"verify", "--data", dir}, args...), nil, &out, &errs)
		return status, out.String() + errs.String()
	}
	if status, text := verify(); status != 1 || !strings.Contains(text, "there is no database") {
		t.Fatal(status, text)
	}
	change := func(fn func(s *shopsql.Store, tx func(statement string))) {
		db, err := store.Open(t.Context(), store.Config{Dir: dir}, store.Hawker)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		fn(&shopsql.Store{DB: db}, func(statement string) {
			if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(t.Context(), statement); return err }); err != nil {
				t.Fatal(err)
			}
		})
	}
	var first, second shop.Variant
	change(func(s *shopsql.Store, _ func(string)) { first = shoptest.Stocked(t, s, "shop", 10) })
	if status, text := verify(); status != 1 || !strings.Contains(text, "there is no secret_key") {
		t.Fatal(status, text)
	}
	if _, err := account.SecretKey(filepath.Join(dir, "secret_key")); err != nil {
		t.Fatal(err)
	}
	checkpoint := func(text string) string { return strings.TrimSpace(text[strings.Index(text, checkpointPrefix+"."):]) }
	status, text := verify()
	if status != 0 || !strings.Contains(text, "The books hold") || !strings.Contains(text, "Entries            1\n") {
		t.Fatal(status, text)
	}
	early := checkpoint(text)
	change(func(s *shopsql.Store, _ func(string)) { second = shoptest.Stocked(t, s, "shop", 5) })
	status, text = verify("--checkpoint", early)
	if status != 0 || !strings.Contains(text, "Nothing is missing since the checkpoint") {
		t.Fatal(status, text)
	}
	late := checkpoint(text)
	for _, forged := range []string{"x", late[:len(late)-4] + "AAAA", strings.Replace(late, ".", ".e30", 1)} {
		if status, text := verify("--checkpoint", forged); status != 1 || !strings.Contains(text, "not one that this installation signed") {
			t.Fatal(forged, status, text)
		}
	}
	change(func(_ *shopsql.Store, exec func(string)) { // a whole shelf vanishes: each table for itself is sound
		for _, table := range []string{"ledger", "stock"} {
			exec(`DELETE FROM ` + table + ` WHERE variant_id = '` + second.ID + `'`)
		}
	})
	if status, text := verify("--checkpoint", late); status != 1 || !strings.Contains(text, "something was taken out") {
		t.Fatal(status, text)
	}
	change(func(_ *shopsql.Store, exec func(string)) { exec(`UPDATE stock SET on_hand = 11`) })
	status, text = verify()
	if status != 1 || !strings.Contains(text, "DO NOT hold, in 1 places") || !strings.Contains(text, "variant "+first.ID+": the stock row says 11 on hand") || strings.Contains(text, checkpointPrefix) {
		t.Fatal(status, text)
	}
}

func TestBooksMayOnlyGrow(t *testing.T) {
	t.Parallel()
	c := checkpoint{At: time.Unix(0, 0), Variants: 1, Entries: 2, Orders: 3, Head: "a"}
	for name, x := range map[string]struct {
		a    shop.Audit
		want bool
	}{
		"the same":            {shop.Audit{Variants: 1, Entries: 2, Orders: 3, Head: "a"}, true},
		"grown":               {shop.Audit{Variants: 2, Entries: 3, Orders: 3, Head: "b"}, true},
		"another head":        {shop.Audit{Variants: 1, Entries: 2, Orders: 3, Head: "b"}, false},
		"an order is missing": {shop.Audit{Variants: 1, Entries: 2, Orders: 2, Head: "a"}, false},
		"entries are missing": {shop.Audit{Variants: 1, Entries: 1, Orders: 3, Head: "b"}, false},
	} {
		if got := c.within(x.a); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
