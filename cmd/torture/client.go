package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// client speaks to the servers that are alive, one after the other.
type client struct {
	http    *http.Client
	servers atomic.Pointer[[]*server]
	next    atomic.Int64
}

// use tells which servers there are now.
func (c *client) use(servers ...*server) { c.servers.Store(&servers) }

// at is a server that was not killed yet; where all were, the last one.
func (c *client) at() *server {
	all := *c.servers.Load()
	for range all {
		if s := all[int(c.next.Add(1))%len(all)]; !s.dead.Load() {
			return s
		}
	}
	return all[len(all)-1]
}

func newClient(connections int) *client {
	return &client{http: &http.Client{
		Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// errNoAnswer means that nobody knows what became of the request.
var errNoAnswer = errors.New("no answer")

// problem is a refusal.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// call makes one request with one of the demo's tokens, or with a token of its own; as nobody where who is empty.
func (c *client) call(ctx context.Context, method, path, who, key string, body, into any) error {
	s := c.at()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+cmp.Or(s.demo.Tokens[who], who))
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return errors.Join(errNoAnswer, err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return errors.Join(errNoAnswer, err)
	}
	if resp.StatusCode >= 300 {
		p := &problem{}
		_ = json.Unmarshal(text, p) // a proxy's page has none of this
		p.Status = resp.StatusCode
		return p
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// wish is a purchase that a buyer wants, under one key.
type wish struct {
	Key, Buyer, Variant, Instrument string
	Quantity                        int64
}

// receipt is what was acknowledged.
type receipt struct {
	Order string `json:"order_id"`
	State string `json:"state"`
	Next  *struct {
		URL string `json:"url"`
	} `json:"next"`
}

// buy asks for a wish. The error is a *problem where it was refused; otherwise the outcome is unknown.
func (c *client) buy(ctx context.Context, w wish) (out receipt, err error) {
	err = c.call(ctx, http.MethodPost, "/v1/checkout", "integrator", w.Key, map[string]any{
		"lines": []any{map[string]any{"variant": w.Variant, "quantity": w.Quantity}}, "instrument": w.Instrument, "buyer_ref": w.Buyer,
	}, &out)
	return out, err
}

// decide presses a button on the sandbox's bank page.
func (c *client) decide(ctx context.Context, page, decision string) {
	u, err := url.Parse(page)
	if err != nil {
		return
	}
	// The page's address was printed by a server that may have died since: its port is another one now.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.at().url+u.Path, strings.NewReader("decision="+decision))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := c.http.Do(r); err == nil {
		resp.Body.Close()
	}
}

// stock puts a product on sale and returns its variants, one per number of units.
func (c *client) stock(ctx context.Context, units ...int64) ([]string, error) {
	var variants []any
	for i, n := range units {
		variants = append(variants, map[string]any{"title": fmt.Sprint("Size ", i), "stock": n})
	}
	var made struct {
		Variants []struct {
			ID string `json:"id"`
		} `json:"variants"`
	}
	err := c.call(ctx, http.MethodPost, "/v1/shops/"+c.at().demo.Shop+"/products", "seller", "", map[string]any{
		"title": "Torture", "price": map[string]any{"amount": 2900, "currency": "EUR"}, "variants": variants,
	}, &made)
	if err != nil {
		return nil, fmt.Errorf("put on sale: %w", err)
	}
	var out []string
	for _, v := range made.Variants {
		out = append(out, v.ID)
	}
	return out, nil
}

// listed is an order as the seller's list shows it.
type listed struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func (c *client) list(ctx context.Context, state string) (out []listed, err error) {
	var page struct {
		Items []listed `json:"items"`
	}
	err = c.call(ctx, http.MethodGet, "/v1/shops/"+c.at().demo.Shop+"/orders?state="+state, "seller", "", nil, &page)
	return page.Items, err
}
