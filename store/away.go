package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrAway is wrapped around errors of a database that does not answer, is starting or stopping, or has no room on its
// disk: nothing is wrong with the question, and asking again later may help.
var ErrAway = errors.New("store: the database does not answer")

// marked wraps ErrAway around an error that means it.
func marked(err error) error {
	if err == nil || errors.Is(err, ErrAway) || !away(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

func away(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	var state interface{ SQLState() string }
	var code interface{ Code() int }
	switch {
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.As(err, &connect), errors.As(err, &network):
		return true
	case errors.As(err, &state): // PostgreSQL: connection, out of resources, operator intervention
		class := state.SQLState()
		return strings.HasPrefix(class, "08") || strings.HasPrefix(class, "53") || strings.HasPrefix(class, "57P")
	case errors.As(err, &code): // SQLite: busy, input/output, full, cannot open
		switch code.Code() & 0xff {
		case 5, 10, 13, 14:
			return true
		}
	}
	return false
}
