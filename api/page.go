package api

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrBadCursor is returned for a cursor that we did not make.
var ErrBadCursor = errors.New("api: the cursor is not one of ours")

const cursorMax = 512 // characters

// PageIn is embedded in the input of a list.
type PageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The next of the page before."`
}

// Page is the body of a list.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Give it as cursor for the next page; absent on the last."`
}

// pageOut is the output of a list.
type pageOut[T any] struct{ Body Page[T] }

// page makes the answer of a list from limit+1 items: the one too many tells that there is a next page, whose
// cursor is made from the last item shown.
func page[T any](items []T, limit int, cursor func(T) string) *pageOut[T] {
	out := &pageOut[T]{}
	if len(items) > limit {
		items = items[:limit]
		out.Body.Next = cursor(items[limit-1])
	}
	if items == nil {
		items = []T{}
	}
	out.Body.Items = items
	return out
}

// makeCursor packs the sort key of the last item of a page. The parts hold no NUL.
func makeCursor(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

// parseCursor reads what makeCursor wrote; n is the number of parts. An empty cursor, the first page, is nil.
func parseCursor(s string, n int) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > cursorMax || strings.ContainsAny(s, "\r\n") { // the decoder would skip line breaks
		return nil, ErrBadCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || !utf8.Valid(b) {
		return nil, ErrBadCursor
	}
	parts := strings.Split(string(b), "\x00")
	if len(parts) != n {
		return nil, ErrBadCursor
	}
	return parts, nil
}
