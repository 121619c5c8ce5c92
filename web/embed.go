// Package web holds the pages: what a browser loads from Hawker, built by Vite into dist and embedded here.
//
// In: GET and HEAD for a page or one of its files. Out: hashed files with a year of cache, compressed where the build
// made them so; pages with a strict content security policy and the links that let the browser fetch a page's own
// code at once. It refuses every other method, and knows nothing of the API: the pages call that themselves. Only
// cmd imports it. Without a build it serves a page that says how to make one.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// contentSecurityPolicy allows what the pages need: their own files and addresses, media from memory (MSE) and
// pictures that are chosen before they are uploaded. There is no inline script or style in any page.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob: data:; connect-src 'self'; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// page is an address that the pages answer, and the module that the build names for it.
type page struct {
	prefix string // first segment of the path; empty: the root
	module string
	light  bool // theme until the reader chooses: the seller's pages are light
}

var pages = []page{
	{prefix: "", module: "src/pages/feed/index.tsx"},
	{prefix: "b", module: "src/pages/broadcast/index.tsx"},
	{prefix: "c", module: "src/pages/channel/index.tsx"},
	{prefix: "studio", module: "src/pages/studio/index.tsx"},
	{prefix: "seller", module: "src/pages/seller/index.tsx", light: true},
	{prefix: "orders", module: "src/pages/orders/index.tsx"},
	{prefix: "sign-in", module: "src/pages/account/index.tsx"},
}

// Handler serves the embedded pages.
func Handler() (http.Handler, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open the embedded pages: %w", err)
	}
	return newHandler(files)
}

// Built says whether the pages are in this binary.
func Built() bool {
	_, err := fs.Stat(dist, "dist/index.html")
	return err == nil
}

type handler struct {
	files   fs.FS
	shells  map[string]shell // by prefix
	library string           // file name of the player for other people's pages
	missing shell            // any other path: the same page, which says that there is nothing here
}

// shell is the HTML that starts a page, ready to send.
type shell struct {
	body []byte
	etag string
}

func newHandler(files fs.FS) (http.Handler, error) {
	index, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return placeholder(files)
	}
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	manifest, err := readManifest(files)
	if err != nil {
		return nil, err
	}
	h := &handler{files: files, shells: map[string]shell{}, library: findLibrary(files), missing: newShell(index)}
	for _, p := range pages {
		html := bytes.Replace(index, []byte("</head>"), []byte(manifest.links(p.module)+"</head>"), 1)
		if p.light {
			html = bytes.Replace(html, []byte(`data-theme="dark"`), []byte(`data-theme="light"`), 1)
		}
		h.shells[p.prefix] = newShell(html)
	}
	return h, nil
}

func newShell(html []byte) shell {
	sum := sha256.Sum256(html)
	return shell{body: html, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

func placeholder(files fs.FS) (http.Handler, error) {
	html, err := fs.ReadFile(files, "placeholder.html")
	if err != nil {
		return nil, fmt.Errorf("read the placeholder: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readOnly(w, r) {
			return
		}
		setPageHeaders(w.Header())
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(html) // the browser may have gone
	}), nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if strings.HasPrefix(name, "assets/") {
		h.serveAsset(w, r, name)
		return
	}
	if file, ok := strings.CutPrefix(name, libraryPath); ok {
		h.serveLibrary(w, r, file)
		return
	}
	prefix, _, _ := strings.Cut(name, "/")
	shell, known := h.shells[prefix]
	if prefix == "" && name != "" {
		known = false
	}
	if !known {
		shell = h.missing
	}
	h.serveShell(w, r, shell, known)
}

func (h *handler) serveShell(w http.ResponseWriter, r *http.Request, s shell, known bool) {
	setPageHeaders(w.Header())
	w.Header().Set("ETag", s.etag)
	if !known {
		w.WriteHeader(http.StatusNotFound)
	} else if r.Header.Get("If-None-Match") == s.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(s.body) // the browser may have gone
	}
}

// encodings in the order of preference: the build writes name.br and name.gz beside a file.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// serveAsset sends a file whose name holds the hash of its content, so it may be kept for ever.
func (h *handler) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	body, err := fs.ReadFile(h.files, name)
	if err != nil {
		w.Header().Set("Cache-Control", "no-store") // a page of an older build asks; a later one may have it again
		http.Error(w, "no such file in this build", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentType(name))
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	body = h.compressed(header, r, name, body)
	header.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the browser may have gone
	}
}

// compressed is a file's body as small as the request takes it.
func (h *handler) compressed(header http.Header, r *http.Request, name string, body []byte) []byte {
	accepted := acceptedEncodings(r.Header.Get("Accept-Encoding"))
	for _, encoding := range encodings {
		if !slices.Contains(accepted, encoding.name) {
			continue
		}
		if smaller, err := fs.ReadFile(h.files, name+encoding.suffix); err == nil {
			header.Set("Content-Encoding", encoding.name)
			return smaller
		}
	}
	return body
}

// acceptedEncodings lists what a request takes. Quality values only matter where they refuse.
func acceptedEncodings(header string) []string {
	var out []string
	for part := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		quality = strings.ReplaceAll(quality, " ", "")
		if quality == "q=0" || strings.HasPrefix(quality, "q=0.0") && strings.Trim(quality[4:], "0") == "" {
			continue
		}
		out = append(out, strings.ToLower(strings.TrimSpace(name)))
	}
	return out
}

func contentType(name string) string {
	switch path.Ext(name) { // the machine's own tables differ
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func setPageHeaders(header http.Header) {
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	header.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()")
}

func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	return false
}

// manifest is Vite's list of what each module needs.
type manifest map[string]struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
	IsEntry bool     `json:"isEntry"`
}

func readManifest(files fs.FS) (manifest, error) {
	raw, err := fs.ReadFile(files, ".vite/manifest.json")
	if err != nil {
		return nil, fmt.Errorf("read the manifest of the pages: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read the manifest of the pages: %w", err)
	}
	return m, nil
}

// links lets the browser fetch the code and style of a page while it still reads the entry that asks for them.
func (m manifest) links(module string) string {
	var out strings.Builder
	seen := map[string]bool{}
	var add func(string)
	add = func(name string) {
		chunk, ok := m[name]
		if !ok || seen[name] || chunk.IsEntry { // index.html names the entry itself
			return
		}
		seen[name] = true
		for _, imported := range chunk.Imports {
			add(imported)
		}
		for _, css := range chunk.CSS {
			fmt.Fprintf(&out, `<link rel="stylesheet" crossorigin href="/%s">`, css)
		}
		fmt.Fprintf(&out, `<link rel="modulepreload" crossorigin href="/%s">`, chunk.File)
	}
	add(module)
	return out.String()
}
