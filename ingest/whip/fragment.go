package whip

import (
	"net/http"
	"strings"
)

// fragment is the body of a PATCH (RFC 8840, RFC 9725 section 4.3).
type fragment struct {
	ufrag, pwd string
	candidates int
}

const fragmentCandidatesMax = 64

// readFragment reads the lines that matter to an ICE-lite agent. Candidates are only counted: the publisher's checks
// tell us where it is.
func readFragment(text string) (fragment, error) {
	var out fragment
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return fragment{}, refuse(http.StatusBadRequest, "malformed", "The body is not an SDP fragment.")
		}
		value, isAttribute := strings.CutPrefix(line, "a=")
		if !isAttribute {
			continue
		}
		switch key, v, _ := strings.Cut(value, ":"); key {
		case "ice-ufrag":
			out.ufrag = v
		case "ice-pwd":
			out.pwd = v
		case "candidate":
			if out.candidates++; out.candidates > fragmentCandidatesMax {
				return fragment{}, refuse(http.StatusUnprocessableEntity, "candidates", "Too many candidates.")
			}
		}
	}
	if !credential(out.ufrag, 4) || !credential(out.pwd, 22) {
		return fragment{}, refuse(http.StatusBadRequest, "malformed", "The fragment's ICE credentials are malformed.")
	}
	return out, nil
}

// credential tells whether an ICE user fragment or password is absent, or well formed (RFC 8839, 5.4).
func credential(v string, lengthMin int) bool {
	if v == "" {
		return true
	}
	if len(v) < lengthMin || len(v) > 256 {
		return false
	}
	for _, c := range []byte(v) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}

// restarted is an offer with new ICE credentials and no candidates.
func restarted(offer string, f fragment) string {
	var out strings.Builder
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			out.WriteString("a=ice-ufrag:" + f.ufrag + "\r\n")
		case strings.HasPrefix(line, "a=ice-pwd:"):
			out.WriteString("a=ice-pwd:" + f.pwd + "\r\n")
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
		default:
			out.WriteString(line)
		}
	}
	return out.String()
}

// answerFragment is the part of an answer that an ICE restart changes: credentials and candidates of the first
// media section, which carries the bundle.
func answerFragment(answer string) string {
	var session, media strings.Builder
	sections := 0
	for line := range strings.Lines(answer) {
		switch {
		case strings.HasPrefix(line, "m="):
			if sections++; sections == 1 {
				media.WriteString(line)
			}
		case sections == 0 && (strings.HasPrefix(line, "a=ice-lite") || strings.HasPrefix(line, "a=group:")):
			session.WriteString(line)
		case sections == 1 && (strings.HasPrefix(line, "a=mid:") || strings.HasPrefix(line, "a=ice-ufrag:") ||
			strings.HasPrefix(line, "a=ice-pwd:") || strings.HasPrefix(line, "a=candidate:") ||
			strings.HasPrefix(line, "a=end-of-candidates")):
			media.WriteString(line)
		}
	}
	return session.String() + media.String()
}
