package checkout

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
)

// lost tells whether an error leaves it open whether the transaction was committed, or comes from a database that
// does not answer at all. Such a batch is read back and tried again as it is; halving it would only add load.
func lost(err error) bool {
	var network net.Error
	var state interface{ SQLState() string }
	var code interface{ Code() int }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, driver.ErrBadConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &network):
		return true
	case errors.As(err, &state): // PostgreSQL: connection, out of resources, operator intervention
		class := state.SQLState()
		return strings.HasPrefix(class, "08") || strings.HasPrefix(class, "53") || strings.HasPrefix(class, "57")
	case errors.As(err, &code): // SQLite: busy, input/output, full
		switch code.Code() & 0xff {
		case 5, 10, 13:
			return true
		}
	}
	return false
}
