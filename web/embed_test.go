package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func built() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"placeholder.html":              file("make build"),
		"index.html":                    file(`<html data-theme="dark"><head></head><body></body></html>`),
		"assets/index-1a.js":            file("plain"),
		"assets/index-1a.js.br":         file("brotli"),
		"assets/index-1a.js.gz":         file("gzip"),
		"player/hawker-player-9z.js":    file("library"),
		"player/hawker-player-9z.js.gz": file("gzipped library"),
		".vite/manifest.json": file(`{
			"index.html": {"file": "assets/index-1a.js", "isEntry": true},
			"_ui.js": {"file": "assets/ui-2b.js", "css": ["assets/ui-2b.css"], "imports": ["index.html"]},
			"src/pages/broadcast/index.tsx": {"file": "assets/b-3c.js", "css": ["assets/b-3c.css"], "imports": ["_ui.js"]}
		}`),
	}
}

func get(t *testing.T, files fstest.MapFS, method, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	h, err := newHandler(files)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestPagesHaveTheStrictPolicyAndTheirOwnLinks(t *testing.T) {
	t.Parallel()
	res, body := get(t, built(), "GET", "/b/0193")
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Content-Security-Policy"), "script-src 'self';") {
		t.Fatalf("%d, policy %q", res.StatusCode, res.Header.Get("Content-Security-Policy"))
	}
	for _, want := range []string{
		`<link rel="modulepreload" crossorigin href="/assets/b-3c.js">`,
		`<link rel="stylesheet" crossorigin href="/assets/ui-2b.css">`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	if strings.Contains(body, "index-1a.js") {
		t.Error("the entry is named twice")
	}
	if again, _ := get(t, built(), "GET", "/b/0193", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("an unchanged page answers %d", again.StatusCode)
	}
}

func TestAnswersByPath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method, target string
		status               int
		contains             string
	}{
		{"the feed", "GET", "/", 200, `data-theme="dark"`},
		{"a storefront", "GET", "/c/noor/live", 200, ""},
		{"the seller's pages are light", "GET", "/seller/x/y", 200, `data-theme="light"`},
		{"the studio", "HEAD", "/studio", 200, ""},
		{"an unknown path shows the page that says so", "GET", "/nothing", 404, "<html"},
		{"a path that climbs", "GET", "/assets/../../embed.go", 404, ""},
		{"a file of another build", "GET", "/assets/old-9z.js", 404, ""},
		{"the manifest is not served", "GET", "/.vite/manifest.json", 404, "<html"},
		{"a method that writes", "POST", "/", 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res, body := get(t, built(), tt.method, tt.target)
			if res.StatusCode != tt.status || !strings.Contains(body, tt.contains) {
				t.Errorf("%d %s", res.StatusCode, body)
			}
		})
	}
}

func TestAssetsAreKeptForAYearAndComeCompressed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ accept, encoding, body string }{
		{"gzip, deflate, br, zstd", "br", "brotli"},
		{"gzip", "gzip", "gzip"},
		{"br;q=0, gzip", "gzip", "gzip"},
		{"br;q=0.000", "", "plain"},
		{"", "", "plain"},
	} {
		res, body := get(t, built(), "GET", "/assets/index-1a.js", "Accept-Encoding", tt.accept)
		if body != tt.body || res.Header.Get("Content-Encoding") != tt.encoding {
			t.Errorf("%q: %q %q", tt.accept, res.Header.Get("Content-Encoding"), body)
		}
		if res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("cache: %q", res.Header.Get("Cache-Control"))
		}
	}
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	files := built()
	delete(files, "index.html")
	res, body := get(t, files, "GET", "/studio")
	if res.StatusCode != 503 || !strings.Contains(body, "make build") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestTheEmbeddedPagesOpen(t *testing.T) {
	t.Parallel()
	if _, err := Handler(); err != nil {
		t.Fatal(err)
	}
}

func TestThePlayerIsForEverybodysPages(t *testing.T) {
	t.Parallel()
	res, body := get(t, built(), "GET", "/player/v1/hawker-player.js", "Accept-Encoding", "gzip", "Origin", "https://shop.example")
	header := res.Header
	if res.StatusCode != 200 || body != "gzipped library" || header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Fatalf("%d %q, %v", res.StatusCode, body, header)
	}
	if got := header.Get("Cache-Control"); !strings.Contains(got, "max-age=3600") {
		t.Errorf("the newest player is kept by %q", got)
	}
	res, _ = get(t, built(), "GET", "/player/v1/hawker-player.js", "If-None-Match", header.Get("ETag"))
	if res.StatusCode != 304 {
		t.Errorf("the same player again: %d", res.StatusCode)
	}
	res, body = get(t, built(), "GET", "/player/v1/hawker-player-9z.js")
	if res.StatusCode != 200 || body != "library" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %q, kept by %q", res.StatusCode, body, res.Header.Get("Cache-Control"))
	}
	for _, path := range []string{"/player/v1/hawker-player-00.js", "/player/v1/", "/player/v1/../../index.html.js", "/player/v1/a/b.js"} {
		if res, _ = get(t, built(), "GET", path); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}
