package feed

import (
	"crypto/sha256"
	"encoding/base64"
)

const (
	cursorVersion = 1
	markBytes     = 5
	// seenMax is how many items a cursor remembers. When it is full the oldest is forgotten, and may be shown again
	// after so many others.
	seenMax = 400
	// CursorMax is how long a cursor is at most, in characters.
	CursorMax = (1 + seenMax*markBytes + 2) / 3 * 4
)

// mark stands for an item. Two of the same mark are one in a million million: the second would not be shown.
type mark [markBytes]byte

func markOf(id string) (m mark) {
	sum := sha256.Sum256([]byte(id))
	copy(m[:], sum[:])
	return m
}

// seen is what somebody has seen in a session, in order. It travels with the viewer: no server keeps it, any node goes
// on with it, and a restart loses nothing.
type seen struct {
	order []mark
	has   map[mark]bool
}

// parseSeen reads a cursor; "" is the beginning of a session.
func parseSeen(cursor string) (*seen, error) {
	s := &seen{has: map[mark]bool{}}
	if cursor == "" {
		return s, nil
	}
	if len(cursor) > CursorMax {
		return nil, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1 || b[0] != cursorVersion || (len(b)-1)%markBytes != 0 || base64.RawURLEncoding.EncodeToString(b) != cursor {
		return nil, ErrCursor
	}
	for rest := b[1:]; len(rest) > 0; rest = rest[markBytes:] {
		m := mark(rest[:markBytes])
		if s.has[m] {
			return nil, ErrCursor
		}
		s.note(m)
	}
	return s, nil
}

// note remembers that an item was shown.
func (s *seen) note(m mark) {
	if s.has[m] {
		return
	}
	if len(s.order) == seenMax {
		delete(s.has, s.order[0])
		s.order = s.order[1:]
	}
	s.order, s.has[m] = append(s.order, m), true
}

func (s *seen) cursor() string {
	b := make([]byte, 1, 1+len(s.order)*markBytes)
	b[0] = cursorVersion
	for _, m := range s.order {
		b = append(b, m[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
