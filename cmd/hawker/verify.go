package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accountsql"
	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
)

type verifyCommand struct {
	Checkpoint string `help:"A checkpoint that an earlier run printed: tell whether anything is missing since."`
	Deep       bool   `help:"Read every blob of a recording and compare its SHA-256, not only its length."`
}

// Errors of verify. Each ends the program with status 1.
var (
	errLedger     = errors.New("the books do not hold")
	errCheckpoint = errors.New("the checkpoint is not one that this installation signed, or its key has expired")
	errCutShort   = errors.New("the books are not those of the checkpoint: something was taken out of them")
)

// Run audits the stock ledger. It prints what it found and, where the books hold, a signed checkpoint to keep
// elsewhere. Its exit status is 0 only if every balance could be derived.
func (v verifyCommand) Run(env *environment) error {
	c, err := env.load(false)
	if err != nil {
		return err
	}
	if c.Database == "" {
		if _, err := os.Stat(filepath.Join(c.Data, string(store.Hawker)+".db")); err != nil {
			return fmt.Errorf("there is no database in %s", c.Data)
		}
	}
	db, err := store.Open(env.ctx, store.Config{Database: c.Database, Dir: c.Data}, store.Hawker)
	if err != nil {
		return err
	}
	defer db.Close()
	audit, err := (&shopsql.Store{DB: db}).Verify(env.ctx)
	if err != nil {
		return err
	}
	writeAudit(env.stdout, audit)
	if len(audit.Breaks) > 0 {
		return errLedger
	}
	if err := verifyBlobs(env, c, db, v.Deep); err != nil {
		return err
	}
	ring, err := ringOf(env, c, db)
	if err != nil {
		return fmt.Errorf("sign a checkpoint: %w", err)
	}
	if v.Checkpoint != "" {
		then, err := readCheckpoint(ring, v.Checkpoint)
		if err != nil {
			return err
		}
		if !then.within(audit) {
			return errCutShort
		}
		fmt.Fprintf(env.stdout, "\nNothing is missing since the checkpoint of %s.\n", then.At.Format(time.RFC3339))
	}
	fmt.Fprintf(env.stdout, "\nCheckpoint, to be kept on another machine and given to verify --checkpoint within 60 days:\n%s\n", checkpointOf(ring, audit, time.Now()))
	return nil
}

// writeAudit is the readable report.
func writeAudit(w io.Writer, a shop.Audit) {
	fmt.Fprintf(w, "Stock ledger\n\n  Variants  %10d\n  Entries   %10d\n  Orders    %10d\n  Head      %s\n\n", a.Variants, a.Entries, a.Orders, a.Head)
	if len(a.Breaks) == 0 {
		fmt.Fprintln(w, "The books hold: each balance follows from its entries, what is reserved is held by open orders, what was sold was bought.")
		return
	}
	fmt.Fprintf(w, "The books DO NOT hold, in %d places:\n", len(a.Breaks))
	for _, b := range a.Breaks {
		switch {
		case b.VariantID == "":
			fmt.Fprintf(w, "  %s\n", b.What)
		case b.Number == 0:
			fmt.Fprintf(w, "  variant %s: %s\n", b.VariantID, b.What)
		default:
			fmt.Fprintf(w, "  variant %s, entry %d: %s\n", b.VariantID, b.Number, b.What)
		}
	}
}

// ringOf opens the installation's signing keys. A folder without its secret_key gets no new one: it would not fit.
func ringOf(env *environment, c config.Config, db *store.DB) (*account.Ring, error) {
	path := filepath.Join(c.Data, "secret_key")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no secret_key in %s", c.Data)
	}
	secret, err := account.SecretKey(path)
	if err != nil {
		return nil, err
	}
	sealer, err := account.NewSealer(secret)
	if err != nil {
		return nil, err
	}
	ring := &account.Ring{Store: &accountsql.Store{DB: db}, Sealer: sealer, Log: slog.New(slog.DiscardHandler)}
	return ring, ring.Load(env.ctx)
}

// checkpoint is what the books were at one time.
type checkpoint struct {
	At       time.Time `json:"at"`
	Variants int64     `json:"variants"`
	Entries  int64     `json:"entries"`
	Orders   int64     `json:"orders"`
	Head     string    `json:"head"`
}

const checkpointPrefix = "hawker-checkpoint-1"

// checkpointOf signs what an audit found: "hawker-checkpoint-1.<payload>.<key>.<mac>".
func checkpointOf(ring *account.Ring, a shop.Audit, at time.Time) string {
	payload, err := json.Marshal(checkpoint{at.UTC().Truncate(time.Second), a.Variants, a.Entries, a.Orders, a.Head})
	if err != nil {
		panic(fmt.Sprintf("encode a checkpoint: %v", err)) // numbers and texts always encode
	}
	signed := checkpointPrefix + "." + base64.RawURLEncoding.EncodeToString(payload)
	key, mac := ring.Sign(account.PurposeCheckpoint, []byte(signed))
	return signed + "." + key + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// readCheckpoint reads a checkpoint that is ours.
func readCheckpoint(ring *account.Ring, text string) (out checkpoint, err error) {
	parts := strings.Split(strings.TrimSpace(text), ".")
	if len(parts) != 4 || parts[0] != checkpointPrefix {
		return out, errCheckpoint
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return out, errCheckpoint
	}
	mac, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil || !ring.Verify(account.PurposeCheckpoint, parts[2], []byte(parts[0]+"."+parts[1]), mac) {
		return out, errCheckpoint
	}
	if err := json.Unmarshal(payload, &out); err != nil {
		return out, errCheckpoint
	}
	return out, nil
}

// within tells whether the audit can have grown from the checkpoint. Rows are never taken out; where none was added,
// the heads must be the same.
func (c checkpoint) within(a shop.Audit) bool {
	if a.Variants < c.Variants || a.Entries < c.Entries || a.Orders < c.Orders {
		return false
	}
	return a.Entries > c.Entries || a.Head == c.Head
}
