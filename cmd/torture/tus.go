package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// tus speaks of uploads to a server.
type tus struct {
	client *http.Client
	server *server
}

const uploadsBelow = "/v1/uploads/"

func (u tus) ask(r *http.Request) (*http.Response, error) {
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Authorization", "Bearer "+u.server.demo.Tokens["creator"])
	resp, err := u.client.Do(r)
	if err != nil {
		return nil, errors.Join(errNoAnswer, err)
	}
	return resp, resp.Body.Close()
}

// begin opens an upload of so many bytes.
func (u tus) begin(ctx context.Context, size int64) (id string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.server.url+uploadsBelow, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Upload-Length", strconv.FormatInt(size, 10))
	r.Header.Set("Upload-Metadata", "channel "+base64.StdEncoding.EncodeToString([]byte(u.server.demo.Channel)))
	resp, err := u.ask(r)
	if err != nil {
		return "", err
	}
	_, id, found := strings.Cut(resp.Header.Get("Location"), uploadsBelow)
	if resp.StatusCode != http.StatusCreated || !found {
		return "", fmt.Errorf("begin an upload: %s", resp.Status)
	}
	return id, nil
}

// errMoved says that an upload is further than it was: what came over a link that broke was read after we had asked.
var errMoved = errors.New("the upload is at another place")

// add appends to an upload. A connection that breaks is errNoAnswer.
func (u tus) add(ctx context.Context, id string, at int64, body interface {
	Read(p []byte) (int, error)
	Len() int
}) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, u.server.url+uploadsBelow+id, body)
	if err != nil {
		return err
	}
	r.ContentLength = int64(body.Len())
	r.Header.Set("Upload-Offset", strconv.FormatInt(at, 10))
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	resp, err := u.ask(r)
	if err == nil && resp.StatusCode == http.StatusConflict {
		return errMoved
	}
	if err == nil && resp.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("add to an upload at %d: %s", at, resp.Status)
	}
	return err
}

// offset asks how much of an upload is there.
func (u tus) offset(ctx context.Context, id string) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, u.server.url+uploadsBelow+id, nil)
	if err != nil {
		return 0, err
	}
	resp, err := u.ask(r)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("ask for an upload: %s", resp.Status)
	}
	return strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
}
