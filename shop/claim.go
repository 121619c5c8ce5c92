package shop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Limits of one checkout.
const (
	LinesMax    = 100    // lines of a claim
	QuantityMax = 10_000 // units of a line
	keyMax      = 255    // characters of an idempotency key
)

// Claim is a buyer's wish to have units at a price. All of it is granted, or none.
type Claim struct {
	PurchaseID  string      `json:"purchase"`
	Key         string      `json:"key"`         // KeyHash; never empty in a batch
	Fingerprint string      `json:"fingerprint"` // of the request
	Buyer       string      `json:"buyer"`
	Shop        string      `json:"shop"` // if set, variants of other shops are refused
	Lines       []ClaimLine `json:"lines"`
	Provider    string      `json:"provider"`
	Instrument  string      `json:"instrument"`
	Contact     string      `json:"contact"` // snapshot of where to send it, JSON; empty: none. Personal: kept apart
	Source      Source      `json:"source"`
	HoldUntil   time.Time   `json:"hold_until"`

	// Drawn says that the claim's turn in a draw has come: it was claimed before, under the same id.
	Drawn bool `json:"-"`
	// Fresh says that the key is new as far as memory knows: it need not be looked up first. The unique key decides.
	Fresh bool `json:"-"`
}

// ClaimLine asks for units of a variant, at the price of a verified quote or else at today's.
type ClaimLine struct {
	Variant  string `json:"variant"`
	Quantity int64  `json:"quantity"`
	Price    *Money `json:"price,omitempty"`
	Deal     string `json:"deal,omitempty"`
}

// Validate checks what can be known without looking anything up.
func (c *Claim) Validate() error {
	if len(c.Lines) == 0 {
		return invalid("lines", ErrNoLines)
	}
	if len(c.Lines) > LinesMax {
		return invalid("lines", ErrTooManyLines)
	}
	for i, l := range c.Lines {
		field := "lines[" + strconv.Itoa(i) + "]."
		if l.Quantity < 1 || l.Quantity > QuantityMax {
			return invalid(field+"quantity", ErrQuantity)
		}
		if l.Variant == "" || len(l.Variant) > 64 {
			return invalid(field+"variant", ErrVariantUnknown)
		}
		if l.Price != nil {
			if err := l.Price.Validate(); err != nil {
				return invalid(field+"quote", err)
			}
		}
	}
	return nil
}

// Wants sums the claim per variant: an item that stands on two lines is counted once, with both quantities.
func (c *Claim) Wants() map[string]int64 {
	out := make(map[string]int64, len(c.Lines))
	for _, l := range c.Lines {
		out[l.Variant] += l.Quantity
	}
	return out
}

// KeyHash scopes an idempotency key to who sends it and for whom. It is what is stored.
func KeyHash(principal, buyer, key string) (string, error) {
	if key == "" || len(key) > keyMax {
		return "", ErrKeyInvalid
	}
	for i := range len(key) {
		if key[i] < 0x20 || key[i] > 0x7e {
			return "", ErrKeyInvalid
		}
	}
	h := sha256.New()
	for _, s := range []string{principal, buyer, key} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18]), nil
}

// Fingerprint is the hash of a decoded request, for telling a retry from another request with the same key.
func Fingerprint(request any) string {
	b, err := json.Marshal(request)
	if err != nil {
		panic(fmt.Sprintf("shop: fingerprint: %v", err))
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// PartID derives a further id from one of ours: the same for the same label, as old as the first. An order of
// a purchase across shops and a refund of money that came too late are named this way, so that trying again
// makes no second one.
func PartID(id, label string) string {
	first, err := uuid.Parse(id)
	if err != nil {
		first = uuid.NewSHA1(uuid.Nil, []byte(id))
	}
	sum := sha256.Sum256([]byte(id + "\n" + label))
	out := first
	copy(out[6:], sum[:10])
	out[6] = out[6]&0x0f | 0x70
	out[8] = out[8]&0x3f | 0x80
	return out.String()
}
