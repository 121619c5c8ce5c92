// Package webhook tells other people's servers of facts, signed as Standard Webhooks say.
//
// What enters are a secret, an address, the id of a message and its JSON; what leaves is one POST. The id stays the same
// when a message is sent again, so that its receiver can tell. It refuses to follow redirects, to read long answers, and
// addresses that are not https; who dials decides which networks may be reached. cmd wires it.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	answerMax    = 4 << 10
)

var (
	// ErrAddress is returned for an address that is not https.
	ErrAddress = errors.New("webhook: the address is not an https one")
	// ErrGone is returned where the receiver says that it is not there any more (410).
	ErrGone = errors.New("webhook: the receiver is gone")
	// ErrAnswer is returned for an answer that is no success: the message is to be sent again.
	ErrAnswer = errors.New("webhook: the receiver did not take it")
)

// NewSecret makes a secret: whsec_ and 256 random bits.
func NewSecret() string {
	var b [secretBytes]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // there is no going on without randomness
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Sign is the webhook-signature of a message.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", fmt.Errorf("read a webhook's secret: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// CheckAddress tells whether an address could be told anything.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > 500 {
		return ErrAddress
	}
	return nil
}

// Send posts one message. Any error but ErrGone and ErrAddress is worth another try.
func Send(ctx context.Context, client *http.Client, address, secret, id string, at time.Time, body []byte) error {
	if err := CheckAddress(address); err != nil {
		return err
	}
	signature, err := Sign(secret, id, at, body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a webhook's request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Hawker")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", signature)
	straight := *client
	straight.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := straight.Do(r)
	if err != nil {
		return fmt.Errorf("send a webhook: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMax)) // the connection may serve again
	switch {
	case answer.StatusCode == http.StatusGone:
		return ErrGone
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("%w: %d", ErrAnswer, answer.StatusCode)
	}
	return nil
}
