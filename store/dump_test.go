package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// What one engine holds comes back on either, row by row, and the dumps are the same but for their heads.
func TestADumpComesBackOnEveryEngine(t *testing.T) {
	for _, from := range storetest.Engines {
		for _, to := range storetest.Engines {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				t.Parallel()
				ctx := t.Context()
				a := storetest.Open(t, from, store.Hawker)
				fill(t, a)
				var first, second bytes.Buffer
				n, err := a.Dump(ctx, &first)
				if err != nil {
					t.Fatal(err)
				}
				c := storetest.Config(t, to)
				got, err := store.Restore(ctx, c, store.Hawker, bytes.NewReader(first.Bytes()))
				if err != nil || got != n || n < 300 {
					t.Fatalf("%d of %d rows came back, %v", got, n, err)
				}
				b, err := store.Open(ctx, c, store.Hawker)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { b.Close() })
				if _, err := b.Dump(ctx, &second); err != nil {
					t.Fatal(err)
				}
				if sorted(first.String()) != sorted(second.String()) {
					t.Error("what came back is not what went")
				}
				if _, err := store.Restore(ctx, c, store.Hawker, bytes.NewReader(first.Bytes())); !errors.Is(err, store.ErrNotEmpty) {
					t.Errorf("a dump is loaded over a database: %v", err)
				}
			})
		}
	}
}

func fill(t *testing.T, db *store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 300 {
			if _, err := tx.Exec(t.Context(), `INSERT INTO picture (id, shop_id, content_type, width, height, bytes, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				fmt.Sprintf("p%03d", i), "قماش \"<&>\" \\ \n \u2028 linen", "image/png", int64(i), -1, int64(1)<<62+int64(i), 9007199254740993); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sorted is a dump without its head, its rows in an order that no engine decides.
func sorted(text string) string {
	lines := strings.Split(text, "\n")[1:]
	for i := 1; i < len(lines); i++ {
		for j := i; j > 0 && strings.HasPrefix(lines[j], "[") && strings.HasPrefix(lines[j-1], "[") && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
	return strings.Join(lines, "\n")
}

// A dump that was cut, changed or belongs elsewhere leaves nothing behind.
func TestABrokenDumpIsRefused(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		fill(t, db)
		var b bytes.Buffer
		if _, err := db.Dump(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		whole := b.String()
		last := strings.LastIndex(strings.TrimSpace(whole), "\n")
		for name, broken := range map[string]string{
			"empty": "", "no dump": "hello\n", "cut in a line": whole[:len(whole)/2], "cut at a line": whole[:last+1], "a row less": cutRow(whole),
			"another schema": strings.Replace(whole, `"schema":"hawker"`, `"schema":"activity"`, 1),
			"another table":  strings.Replace(whole, `{"table":"picture"`, `{"table":"pictures"`, 1),
			"a column":       strings.Replace(whole, `"content_type"`, `"content_type\" --"`, 1),
			"a value":        strings.Replace(whole, `"image/png"`, `true`, 1),
		} {
			c := storetest.Config(t, db.Engine())
			if _, err := store.Restore(t.Context(), c, store.Hawker, strings.NewReader(broken)); !errors.Is(err, store.ErrDump) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := store.Restore(t.Context(), c, store.Hawker, strings.NewReader(whole)); err != nil {
				t.Errorf("%s leaves something behind: %v", name, err)
			}
		}
		newer := strings.Replace(whole, `"migrations":{`, `"migrations":{"999912312359_far_future":"0",`, 1)
		if _, err := store.Restore(t.Context(), storetest.Config(t, db.Engine()), store.Hawker, strings.NewReader(newer)); !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("a dump of a newer version: %v", err)
		}
	})
}

func cutRow(text string) string {
	i := strings.Index(text, "\n[\"p007\"")
	j := strings.Index(text[i+1:], "\n")
	return text[:i] + text[i+1+j:]
}
