package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// domains are the folders whose expected outcomes reach HTTP, with what lies below them where it says so.
var domains = map[string]bool{"access": false, "feed": false, "captions": false, "account": true, "shop": true, "overlay": true, "dashboard": true, "streaming": false, "streaming/vod": false, "event": false, "api": false}

// TestEveryExpectedOutcomeHasAMeaning lists the exported sentinels of the domains and wants a row for each.
func TestEveryExpectedOutcomeHasAMeaning(t *testing.T) {
	t.Parallel()
	known := meant(t)
	for dir, below := range domains {
		for name := range sentinels(t, filepath.Join("..", dir), below) {
			if !known[name] {
				t.Errorf("%s has no row in meanings.go: say what it is in HTTP", name)
			}
		}
	}
}

// meant reads which errors the table names.
func meant(t *testing.T) map[string]bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "meanings.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				names[x.Name+"."+n.Sel.Name] = true
			}
		case *ast.Ident:
			names["api."+n.Name] = true
		}
		return true
	})
	return names
}

func sentinels(t *testing.T, root string, below bool) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err) && path == root:
			return filepath.SkipAll
		case err != nil:
			return err
		case d.IsDir() && path != root && (!below || strings.HasSuffix(path, "test") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range parsed.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			for _, spec := range vars.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						out[parsed.Name.Name+"."+name.Name] = true
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheTableIsOfOneMind(t *testing.T) {
	t.Parallel()
	slug := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	status := map[string]int{}
	for i, m := range meanings {
		if !slug.MatchString(m.slug) || m.title == "" || m.err == nil {
			t.Errorf("row %d (%s) is not whole", i, m.slug)
		}
		if old, ok := status[m.slug]; ok && old != m.status {
			t.Errorf("%s is both %d and %d", m.slug, old, m.status)
		}
		status[m.slug] = m.status
		waits := m.status == http.StatusTooManyRequests || m.status == http.StatusServiceUnavailable
		if waits && m.retry == 0 {
			t.Errorf("%s does not tell how long to wait", m.slug)
		}
	}
}

// TestNothingIsEmbeddedUnseen: huma neither fills nor describes an embedded struct whose name is not exported.
func TestNothingIsEmbeddedUnseen(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range s.Fields.List {
				if name, ok := f.Type.(*ast.Ident); ok && len(f.Names) == 0 && !name.IsExported() {
					t.Errorf("%s embeds %s: export it", set.Position(f.Pos()), name.Name)
				}
			}
			return true
		})
	}
}
