package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// The player for other people's pages is a library of its own, in dist/player. /player/v1/hawker-player.js is always the
// one of this build and is asked for again after an hour; the names with a hash in them stay as they are, for pages that
// want to choose when they change.
const (
	libraryPath  = "player/v1/"
	libraryEntry = "hawker-player.js"
)

// findLibrary names the entry of the library in this build; empty without one.
func findLibrary(files fs.FS) string {
	found, err := fs.Glob(files, "player/hawker-player-*.js")
	if err != nil || len(found) == 0 {
		return ""
	}
	return path.Base(found[0])
}

// LibraryName is the file name of the player in this build; empty without one.
func LibraryName() string {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return ""
	}
	return findLibrary(files)
}

// Library hands out the files of the player, for who puts them elsewhere.
func Library(one func(name string, body []byte) error) error {
	files, err := fs.Glob(dist, "dist/player/*.js")
	if err != nil {
		return err
	}
	for _, name := range files {
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		if err := one(path.Base(name), body); err != nil {
			return err
		}
	}
	return nil
}

// serveLibrary sends the library to whatever page asks: it is no secret, and no cookie is looked at.
func (h *handler) serveLibrary(w http.ResponseWriter, r *http.Request, name string) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	cache := "public, max-age=31536000, immutable"
	if name == libraryEntry {
		name, cache = h.library, "public, max-age=3600, stale-while-revalidate=86400"
	}
	body, err := fs.ReadFile(h.files, "player/"+name)
	if err != nil || name == "" || strings.Contains(name, "/") {
		header.Set("Cache-Control", "no-store") // a page of an older build asks; a later one may have it again
		http.Error(w, "no such file in this build", http.StatusNotFound)
		return
	}
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:12]) + `"`
	header.Set("Content-Type", contentType(name))
	header.Set("Cache-Control", cache)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	header.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body = h.compressed(header, r, "player/"+name, body)
	header.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the browser may have gone
	}
}
