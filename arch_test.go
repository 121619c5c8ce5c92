// Package hawker_test holds the rules of the house as tests: who may import whom, what every package must say about
// itself, and how long a file may get. A rule that has to change changes here, with its reason in docs/architecture.md.
package hawker_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/hawkerlive/hawker"

// rooms lists each room with the rooms that it may import beside itself. An entry ending in "/..." means the rooms
// below as well. cmd may import all and is not listed.
var rooms = map[string][]string{
	"streaming/mediatime":           {},
	"event":                         {},
	"store":                         {},
	"store/storetest":               {"store"},
	"store/redistest":               {},
	"store/backup":                  {"store"},
	"event/outbox":                  {"event", "store"},
	"event/eventtest":               {"event"},
	"streaming":                     {"streaming/mediatime"},
	"streaming/streamingsql":        {"streaming", "streaming/mediatime", "store", "event", "event/outbox"},
	"streaming/streamingtest":       {"streaming", "streaming/mediatime"},
	"streaming/streamingtest/lossy": {},
	"streaming/audio":               {"streaming", "streaming/mediatime"},
	"streaming/rtpfan":              {"streaming", "streaming/mediatime"},
	"streaming/whep":                {"streaming", "streaming/mediatime", "streaming/rtpfan"},
	"streaming/hls":                 {"captions", "streaming", "streaming/mediatime"},
	"captions":                      {},
	"streaming/vod":                 {"captions", "streaming", "streaming/mediatime", "streaming/hls"},
	"streaming/vod/vodsql":          {"streaming/vod", "streaming/mediatime", "store"},
	"streaming/hls/hlstest":         {"streaming", "streaming/mediatime", "streaming/hls"},
	"streaming/transcode":           {"streaming", "streaming/mediatime"},
	"streaming/transcode/develop":   {},
	"streaming/vod/making":          {"streaming/vod", "streaming/transcode/develop", "streaming/mediatime"},
	"ingest/upload":                 {},
	"event/webhook":                 {},
	"ingest":                        {"streaming", "streaming/mediatime"},
	"ingest/doctor":                 {"ingest", "streaming"},
	"ingest/pull":                   {"ingest", "ingest/rtmp", "ingest/rtsp", "ingest/srt", "streaming", "streaming/mediatime", "outbound"},
	"ingest/pull/pullsql":           {"ingest/pull", "store"},
	"ingest/pull/pulltest":          {"ingest/pull"},
	"ingest/obs":                    {"ingest", "streaming"},
	"ingest/ingesttest":             {"ingest", "streaming"},
	"ingest/rtmp":                   {"ingest", "streaming", "streaming/mediatime"},
	"ingest/rtmp/rtmptest":          {"streaming"},
	"ingest/rtsp":                   {"ingest", "streaming", "streaming/mediatime"},
	"ingest/srt":                    {"ingest", "streaming", "streaming/mediatime"},
	"ingest/whip":                   {"ingest", "streaming", "streaming/mediatime", "streaming/peer"},
	"streaming/peer":                {},
	"streaming/peer/peertest":       {},
	"receipt":                       {"shop"},
	"access":                        {},
	"feed":                          {},
	"feed/feedsql":                  {"feed", "store"},
	"feed/feedtest":                 {"feed"},
	"access/accesssql":              {"access", "store"},
	"access/accesstest":             {"access"},
	"account":                       {"event"},
	"account/accountsql":            {"account", "store", "event", "event/outbox"},
	"account/accounttest":           {"account", "event"},
	"shop":                          {"event"},
	"shop/checkout":                 {"shop", "shop/payment", "event"},
	"shop/payment":                  {"shop", "event"},
	"shop/shopsql":                  {"shop", "shop/checkout", "shop/payment", "store", "event", "event/outbox"},
	"shop/shoptest":                 {"shop", "shop/checkout", "shop/payment", "event"},
	"shop/simulation":               {"shop", "shop/checkout", "shop/payment", "shop/shoptest"},
	"overlay":                       {"shop", "streaming/mediatime", "event"},
	"overlay/overlaysql":            {"overlay", "streaming/mediatime", "shop", "store", "event", "event/outbox"},
	"overlay/overlaytest":           {"overlay", "streaming/mediatime", "shop", "event"},
	"overlay/chat":                  {"overlay", "streaming/mediatime", "event"},
	"overlay/chat/chatsql":          {"overlay/chat", "streaming/mediatime", "store", "event", "event/outbox"},
	"overlay/chat/chattest":         {"overlay/chat", "streaming/mediatime", "event"},
	"overlay/likes":                 {"overlay", "event"},
	"overlay/likes/likessql":        {"overlay/likes", "store"},
	"dashboard":                     {"event", "shop"},
	"dashboard/dashboardsql":        {"dashboard", "shop", "store", "event", "event/outbox"},
	"dashboard/dashboardtest":       {"dashboard", "shop", "event"},
	"dashboard/views":               {"event"},
	"dashboard/views/viewssql":      {"dashboard/views", "store", "event", "event/outbox"},
	"dashboard/views/viewstest":     {"dashboard/views", "event"},
	"config":                        {"outbound", "event", "streaming/...", "ingest/...", "shop/...", "overlay", "account", "store", "dashboard/...", "api"},
	"web":                           {},
	"outbound":                      {},
	"lately":                        {},
	"deploy":                        {}, // tests alone: that what starts Hawker elsewhere names what exists
	"api/apitest":                   {"api", "account", "store"},
	"api":                           {"access", "captions", "lately", "feed", "account", "shop", "shop/checkout", "shop/payment", "overlay", "overlay/chat", "overlay/likes", "dashboard/...", "streaming", "streaming/mediatime", "streaming/vod", "event", "store"},
	"streaming/play":                {"streaming", "streaming/mediatime"},
	"streaming/relay":               {"streaming", "streaming/mediatime"},
	"streaming/poster":              {"streaming", "streaming/mediatime"},

	"streaming/restream":              {"streaming", "streaming/mediatime", "streaming/peer", "streaming/play", "outbound"}, // an RTMP target is a player that we dial
	"streaming/restream/restreamsql":  {"streaming/restream", "store"},
	"streaming/restream/restreamtest": {"streaming/restream"},
}

// vendors lists libraries that only the named rooms may know, so that each can be left.
var vendors = map[string][]string{
	"github.com/gin-gonic/gin":            {"api"},
	"github.com/danielgtaylor/huma":       {"api"},
	"github.com/pion/":                    {"streaming/restream", "streaming/peer/...", "ingest/whip", "ingest/rtsp", "streaming/relay", "streaming/whep", "streaming/rtpfan", "cmd/stampede"},
	"github.com/bluenviron/gortsplib":     {"streaming/relay", "ingest/rtsp"},
	"github.com/bluenviron/gortmplib":     {"ingest/rtmp/...", "streaming/play", "streaming/restream", "cmd/hawker/demo"},
	"github.com/datarhei/gosrt":           {"ingest/srt", "streaming/play", "streaming/restream"},
	"github.com/jackc/pgx":                {"store", "store/storetest", "cmd/stampede"},
	"modernc.org/sqlite":                  {"store"},
	"gocloud.dev/":                        {"store"},
	"github.com/tus/tusd":                 {"ingest/upload"},
	"github.com/prometheus/client_golang": {}, // everybody's metrics.go; see below
	"github.com/redis/go-redis":           {}, // files named *_redis.go; see below
	"github.com/alecthomas/kong":          {"cmd/hawker", "cmd/stampede"},
}

type pkg struct {
	ImportPath, Dir, Doc          string
	Imports, GoFiles, TestGoFiles []string
	XTestGoFiles, TestImports     []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles,TestGoFiles,XTestGoFiles,TestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func room(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func allowed(list []string, target string) bool {
	for _, a := range list {
		if base, ok := strings.CutSuffix(a, "/..."); a == target || (ok && (target == base || strings.HasPrefix(target, base+"/"))) {
			return true
		}
	}
	return false
}

func TestImportsFlowOneWay(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if from == "" || strings.HasPrefix(from, "cmd/") || strings.Contains(from, "/testdata/") {
			continue
		}
		may, known := rooms[from]
		if !known {
			t.Errorf("new room %s: add it to the table in arch_test.go and say why in docs/architecture.md", from)
			continue
		}
		for _, i := range p.Imports {
			if to := room(i); strings.HasPrefix(i, module) && to != from && !allowed(may, to) {
				t.Errorf("%s must not import %s", from, to)
			}
		}
	}
}

func TestEachVendorHasItsRooms(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		for _, i := range p.Imports {
			for prefix, may := range vendors {
				if !strings.HasPrefix(i, prefix) || allowed(may, from) {
					continue
				}
				switch {
				case strings.Contains(prefix, "prometheus"), strings.HasPrefix(from, "cmd/"):
				case strings.Contains(prefix, "go-redis"):
					for _, f := range importers(t, p, i) {
						if !strings.HasSuffix(f, "_redis.go") {
							t.Errorf("%s/%s imports go-redis: only files named *_redis.go do", from, f)
						}
					}
				default:
					t.Errorf("%s imports %s: only %v may", from, i, may)
				}
			}
		}
	}
}

func importers(t *testing.T, p pkg, path string) (out []string) {
	t.Helper()
	for _, f := range p.GoFiles {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if strings.Trim(i.Path.Value, `"`) == path {
				out = append(out, f)
			}
		}
	}
	return out
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && len(strings.Fields(p.Doc)) < 8 {
			t.Errorf("%s has no package doc: what it is, what enters, what leaves, what it refuses", room(p.ImportPath))
		}
	}
}

func TestFilesStayShort(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range append(append(append([]string(nil), p.GoFiles...), p.TestGoFiles...), p.XTestGoFiles...) {
			limit := 500
			if strings.HasSuffix(f, "_test.go") {
				limit = 800
			}
			if n := lines(t, filepath.Join(p.Dir, f)); n > limit {
				t.Errorf("%s/%s has %d lines: split it along a noun (at most %d)", room(p.ImportPath), f, n, limit)
			}
		}
	}
}

func lines(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
	}
	return n
}

// TestTheShopIsToldTheTime keeps time.Now out of what writes times down: it is a field there.
func TestTheShopIsToldTheTime(t *testing.T) {
	for _, dir := range []string{"access", "shop", "overlay", "dashboard", "account"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				s, ok := call.Fun.(*ast.SelectorExpr)
				if ok && strings.HasPrefix(s.Sel.Name, "Set") && strings.HasSuffix(s.Sel.Name, "Deadline") {
					return false // the kernel's clock, not one that is written down
				}
				if !ok || s.Sel.Name != "Now" {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					if !insideDefault(parsed, call.Pos()) {
						t.Errorf("%s calls time.Now: use the injected clock", set.Position(call.Pos()))
					}
				}
				return true
			})
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// insideDefault allows the one place where a nil clock becomes time.Now: a method or function named now.
func insideDefault(f *ast.File, at token.Pos) bool {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Pos() <= at && at < fn.End() {
			return fn.Name.Name == "now"
		}
	}
	return false
}
