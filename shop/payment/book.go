package payment

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// Movement is play money that moved: to the shop, or back to the buyer.
type Movement struct {
	At     time.Time    `json:"at"`
	Kind   MovementKind `json:"kind"`
	Key    string       `json:"key"` // of a refund; the same key is the same refund
	Ref    string       `json:"ref"` // the payment; the same ref is the same charge
	Order  string       `json:"order,omitempty"`
	Amount shop.Money   `json:"amount"`
}

// MovementKind is the direction of a movement.
type MovementKind string

// The kinds of movements.
const (
	MovedCharge MovementKind = "charge"
	MovedRefund MovementKind = "refund"
)

// Book is the sandbox's own account of every movement, as a provider has one: an append-only file beside the
// database, one JSON object per line. A movement stands there before the shop hears of it, and may stand there again
// when it is told again. An audit compares it with the orders. It survives the death of the process, not of the
// machine.
type Book struct {
	file *os.File
	path string
	read sync.Mutex // one search at a time
}

// OpenBook opens a book, or begins one.
func OpenBook(path string) (*Book, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the sandbox's book: %w", err)
	}
	return &Book{file: f, path: path}, nil
}

// Note writes a movement with one write, so that lines of several goroutines and processes never mix. A nil Book
// notes nothing.
func (b *Book) Note(m Movement) error {
	if b == nil {
		return nil
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.file.Write(append(line, '\n'))
	return err
}

// searchLook is how many lines a search reads before it looks whether anybody still waits for it.
const searchLook = 1000

// Charge finds the charge of a ref, whichever process noted it. It reads the whole file: a book is for trials and
// audits, and it is asked for what was lost only. A nil Book knows nothing.
func (b *Book) Charge(ctx context.Context, ref string) (m Movement, found bool, err error) {
	if b == nil {
		return m, false, nil
	}
	b.read.Lock()
	defer b.read.Unlock()
	f, err := os.Open(b.path)
	if err != nil {
		return m, false, fmt.Errorf("search the sandbox's book: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 64<<10)
	for n := 1; ; n++ {
		if n%searchLook == 0 && ctx.Err() != nil {
			return m, false, ctx.Err()
		}
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) { // what has no end is being written
			return Movement{}, false, nil
		}
		if err != nil {
			return m, false, fmt.Errorf("line %d of the sandbox's book: %w", n, err)
		}
		if !bytes.Contains(line, []byte(ref)) {
			continue
		}
		if err := json.Unmarshal(line, &m); err != nil {
			return m, false, fmt.Errorf("line %d of the sandbox's book: %w", n, err)
		}
		if m.Kind == MovedCharge && m.Ref == ref {
			return m, true, nil
		}
	}
}

// Close closes the file.
func (b *Book) Close() error {
	if b == nil {
		return nil
	}
	return b.file.Close()
}

// ReadBook reads a book.
func ReadBook(r io.Reader) (out []Movement, err error) {
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return out, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return out, err
		}
		var m Movement
		if err := json.Unmarshal(line, &m); err != nil {
			return out, fmt.Errorf("line %d of the sandbox's book: %w", n, err)
		}
		out = append(out, m)
	}
}
