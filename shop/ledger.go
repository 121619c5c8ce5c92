package shop

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"time"
)

// ledgerLayout is the version of the bytes that an entry's hash covers.
const ledgerLayout = 1

// Entry is one line of a variant's stock ledger: all that one batch did to it. Entries are never changed; each
// holds the hash of the one before, and the stock row holds the newest, so that nothing can be taken out,
// put in or altered without Verify seeing it.
type Entry struct {
	VariantID string    `json:"variant"`
	Number    int64     `json:"number"`   // 1 and up without a hole
	Held      int64     `json:"held"`     // promised to orders
	Sold      int64     `json:"sold"`     // promised units that were paid for: they left
	Released  int64     `json:"released"` // promised units that are free again
	Adjusted  int64     `json:"adjusted"` // put in or taken out by hand, by opening stock or by a restock
	OnHand    int64     `json:"on_hand"`  // after the entry
	Reserved  int64     `json:"reserved"` // after the entry
	Reason    string    `json:"reason"`
	By        string    `json:"by"` // account, order, refund or empty for a batch
	At        time.Time `json:"at"` // to the millisecond
	Hash      string    `json:"hash"`
}

// Moves is what a batch does to one variant.
type Moves struct{ Held, Sold, Released, Adjusted int64 }

// OnHand is the change of what is there.
func (m Moves) OnHand() int64 { return m.Adjusted - m.Sold }

// Reserved is the change of what is promised.
func (m Moves) Reserved() int64 { return m.Held - m.Sold - m.Released }

// Next is the entry that follows the stock's newest one.
func (s Stock) Next(variant string, m Moves, reason, by string, at time.Time) Entry {
	e := Entry{
		VariantID: variant, Number: s.Number + 1, Held: m.Held, Sold: m.Sold, Released: m.Released, Adjusted: m.Adjusted,
		OnHand: s.OnHand + m.OnHand(), Reserved: s.Reserved + m.Reserved(), Reason: reason, By: by, At: at.UTC().Truncate(time.Millisecond),
	}
	e.Hash = e.Sum(s.Hash)
	return e
}

// After is the stock that the entry leaves.
func (e Entry) After() Stock {
	return Stock{OnHand: e.OnHand, Reserved: e.Reserved, Number: e.Number, Hash: e.Hash}
}

// Sum is the entry's hash, given that of the entry before it (empty before the first). Layout 1: the byte 1,
// then the previous hash, variant, reason and by, each with a 4-byte length before it, then number, held, sold,
// released, adjusted, on hand, reserved and Unix milliseconds as 8 bytes each; integers big-endian.
func (e Entry) Sum(previous string) string {
	b := make([]byte, 0, 320)
	b = append(b, ledgerLayout)
	for _, s := range []string{previous, e.VariantID, e.Reason, e.By} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	for _, n := range []int64{e.Number, e.Held, e.Sold, e.Released, e.Adjusted, e.OnHand, e.Reserved, e.At.UnixMilli()} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Check tells what is wrong with the entry as the successor of before, or nil.
func (e Entry) Check(before Stock) error {
	m := Moves{e.Held, e.Sold, e.Released, e.Adjusted}
	switch {
	case e.Number != before.Number+1:
		return fmt.Errorf("entry %d follows entry %d", e.Number, before.Number)
	case e.OnHand != before.OnHand+m.OnHand() || e.Reserved != before.Reserved+m.Reserved():
		return fmt.Errorf("entry %d: the balances do not follow from the entry before", e.Number)
	case e.Reserved < 0 || e.Reserved > e.OnHand:
		return fmt.Errorf("entry %d: %d reserved of %d on hand", e.Number, e.Reserved, e.OnHand)
	case e.Sum(before.Hash) != e.Hash:
		return fmt.Errorf("entry %d: the hash does not cover its content", e.Number)
	}
	return nil
}

// Break is a place where ledger, stock and orders disagree.
type Break struct {
	VariantID string `json:"variant"`
	Number    int64  `json:"number"` // the entry, or 0: the stock row or the orders
	What      string `json:"what"`
}

// Audit is what Verify found.
type Audit struct {
	Variants int64   `json:"variants"`
	Entries  int64   `json:"entries"`
	Orders   int64   `json:"orders"`
	Head     string  `json:"head"` // over the newest entry of every variant: signed and kept elsewhere, it shows a ledger cut short
	Breaks   []Break `json:"breaks"`
}

// HeadOf sums the newest entries of all variants, given in the order of their ids.
func HeadOf(each iter.Seq2[string, Stock]) string {
	h := sha256.New()
	for variant, s := range each {
		fmt.Fprintf(h, "%s %d %s\n", variant, s.Number, s.Hash)
	}
	return hex.EncodeToString(h.Sum(nil))
}
