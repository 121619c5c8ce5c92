package views

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// signal is a message that a player sends up.
type signal struct {
	Kind      string `json:"kind"`
	Transport string `json:"transport"`
	MediaTime number `json:"media_time"`
	LagMS     number `json:"lag_ms"`
	Playing   bool   `json:"playing"`
	Pin       string `json:"pin"`
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	MS        number `json:"ms"`
	Frames    number `json:"frames"`
	Exact     number `json:"exact"`
}

// number is a JSON number, rounded: clocks in browsers count in fractions.
type number int64

func (n *number) UnmarshalJSON(raw []byte) error {
	var f float64
	if err := json.Unmarshal(raw, &f); err != nil {
		return err
	}
	if math.Abs(f) > mediaTimeMax {
		return ErrMessage
	}
	*n = number(math.Round(f))
	return nil
}

const (
	mediaTimeMax = 1 << 53 // JavaScript's integers end here
	lagMax       = number(24 * time.Hour / time.Millisecond)
	framesMax    = 1 << 31
	exactMax     = 100 // cards on their frame between two heartbeats
)

// parseSignal reads a message and refuses what cannot be. Fields that it does not know are ignored.
func parseSignal(raw []byte) (signal, error) {
	var s signal
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, ErrMessage
	}
	if s.MediaTime < 0 || s.MediaTime > mediaTimeMax || !known(s.Transport) || !isID(s.Pin) || !isID(s.Product) || !isID(s.Variant) {
		return s, ErrMessage
	}
	switch s.Kind {
	case "heartbeat":
		if s.LagMS < 0 || s.LagMS > lagMax || s.Exact < 0 || s.Exact > exactMax {
			return s, ErrMessage
		}
	case "impression", "click":
		if s.Product == "" {
			return s, ErrMessage
		}
	case "lateness":
		if s.MS < -lagMax || s.MS > lagMax || s.Frames < -framesMax || s.Frames > framesMax {
			return s, ErrMessage
		}
	default:
		return s, ErrMessage
	}
	return s, nil
}

func known(transport string) bool {
	return transport == "" || transport == "whep" || transport == "hls"
}

// isID tells whether s may be one of our ids, or empty.
func isID(s string) bool {
	if len(s) > 64 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// isText tells whether s is a short line without control characters.
func isText(s string) bool {
	return len(s) <= textMax && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) < 0
}
