package apitest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/store"
)

// Erase erases a person through the API and wants no trace left: name, e-mail, lines and telephone numbers of all
// addresses in no row of any table, the outbox included, and in no blob. Before, it wants to find them, so that a
// search that finds nothing proves something. bearer is a session of the person's. It returns what it searched for,
// so that files can be searched when the databases are closed.
func Erase(t *testing.T, s *api.Server, bearer, password string, databases []*store.DB, blobs string) []string {
	t.Helper()
	var person account.Export
	Call(t, s, http.MethodGet, "/v1/me/export", bearer, nil, http.StatusOK, &person)
	traces := []string{person.Name, person.Email}
	for _, a := range person.Addresses {
		traces = append(traces, a.Name, a.Line1, a.Line2, a.Phone)
	}
	if len(person.Addresses) == 0 || person.Addresses[0].Phone == "" {
		t.Fatal("the person has no address with a telephone number: there is too little to look for")
	}
	known := 0
	for _, db := range databases {
		known += len(Rows(t, db, traces...))
	}
	if known == 0 {
		t.Fatal("the databases do not know the person even before")
	}
	Call(t, s, http.MethodDelete, "/v1/me", bearer, map[string]string{"password": password}, http.StatusNoContent, nil)
	for _, db := range databases {
		for _, found := range Rows(t, db, traces...) {
			t.Errorf("after erasing, %s", found)
		}
	}
	if blobs != "" {
		for _, found := range Files(t, blobs, traces...) {
			t.Errorf("after erasing, %s", found)
		}
	}
	Call(t, s, http.MethodGet, "/v1/me", bearer, nil, http.StatusUnauthorized, nil)
	return traces
}

// Call sends JSON as the bearer, wants a status, and decodes the answer into out unless it is nil.
func Call(t *testing.T, s *api.Server, method, path, bearer string, body any, status int, out any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(b))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// Rows looks for texts, whatever their case, in every column of every table of a database, and tells where it found
// them.
func Rows(t *testing.T, db *store.DB, traces ...string) (found []string) {
	t.Helper()
	list := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
	if db.Engine() == store.Postgres {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name`
	}
	err := db.View(context.Background(), func(tx *store.Tx) error {
		var tables []string
		err := scan(tx, list, func(_ []string, row []any) { tables = append(tables, text(row[0])) })
		for _, table := range tables {
			if err != nil {
				return err
			}
			err = scan(tx, `SELECT * FROM "`+table+`"`, func(columns []string, row []any) {
				for i, v := range row {
					for _, trace := range holds(text(v), traces) {
						found = append(found, fmt.Sprintf("%s.%s holds %q", table, columns[i], trace))
					}
				}
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func scan(tx *store.Tx, query string, each func(columns []string, row []any)) error {
	rows, err := tx.Query(context.Background(), query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		each(columns, row)
	}
	return rows.Err()
}

func text(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case sql.RawBytes:
		return string(v)
	}
	return fmt.Sprint(v)
}

// Files looks for texts in every file below a folder: blobs, and the database's own files once it is closed.
func Files(t *testing.T, dir string, traces ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, trace := range holds(string(b), traces) {
			found = append(found, fmt.Sprintf("%s holds %q", d.Name(), trace))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

func holds(s string, traces []string) (found []string) {
	s = strings.ToLower(s)
	for _, trace := range traces {
		if len(trace) >= 4 && strings.Contains(s, strings.ToLower(trace)) {
			found = append(found, trace)
		}
	}
	return found
}
