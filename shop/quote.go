package shop

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

const (
	quotePrefix = "hq1"
	quoteMax    = 1024 // characters
)

// Signer signs what must come back unaltered, and names the key that it used, so that keys can be rotated.
type Signer interface {
	Sign(payload []byte) (keyID string, mac []byte, err error)
	// Verify tells whether the key with that id signed the payload, in constant time. An unknown or retired
	// key signed nothing.
	Verify(keyID string, payload, mac []byte) bool
}

// Quote is a price as it was seen. Checkout honours it until it expires, whatever the viewer's delay.
type Quote struct {
	Variant   string    `json:"v"`
	Price     Money     `json:"p"`
	Deal      string    `json:"d,omitempty"`
	Fair      bool      `json:"f,omitempty"` // the deal's units are drawn
	Opens     int64     `json:"o,omitempty"` // Unix ms: a deal's price is not taken before
	Broadcast string    `json:"b,omitempty"` // where it may be used; empty: anywhere
	MediaTime int64     `json:"m,omitempty"` // µs: the frame from which it was shown
	Expires   time.Time `json:"-"`
	ExpiresMS int64     `json:"e"`
}

// Quotes signs and reads quotes.
type Quotes struct {
	Signer Signer
	Now    func() time.Time
}

// Issue writes a signed quote: hq1.<payload>.<key id>.<mac>.
func (q *Quotes) Issue(quote Quote) (string, error) {
	quote.ExpiresMS = quote.Expires.UnixMilli()
	payload, err := json.Marshal(quote)
	if err != nil {
		return "", err
	}
	head := quotePrefix + "." + base64.RawURLEncoding.EncodeToString(payload)
	keyID, mac, err := q.Signer.Sign([]byte(head))
	if err != nil {
		return "", err
	}
	return head + "." + keyID + "." + base64.RawURLEncoding.EncodeToString(mac), nil
}

// Read verifies a quote for a variant bought in a broadcast, now. It returns ErrQuoteInvalid, ErrQuoteExpired
// or ErrQuoteForeign.
func (q *Quotes) Read(text, variant, broadcast string) (Quote, error) {
	if len(text) > quoteMax {
		return Quote{}, ErrQuoteInvalid
	}
	parts := strings.Split(text, ".")
	if len(parts) != 4 || parts[0] != quotePrefix {
		return Quote{}, ErrQuoteInvalid
	}
	mac, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || !q.Signer.Verify(parts[2], []byte(parts[0]+"."+parts[1]), mac) {
		return Quote{}, ErrQuoteInvalid
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Quote{}, ErrQuoteInvalid
	}
	var quote Quote
	if err := json.Unmarshal(payload, &quote); err != nil || quote.Price.Validate() != nil {
		return Quote{}, ErrQuoteInvalid
	}
	quote.Expires = time.UnixMilli(quote.ExpiresMS).UTC()
	switch {
	case quote.Variant != variant || (quote.Broadcast != "" && quote.Broadcast != broadcast):
		return Quote{}, ErrQuoteForeign
	case !q.Now().Before(quote.Expires):
		return quote, ErrQuoteExpired
	}
	return quote, nil
}
