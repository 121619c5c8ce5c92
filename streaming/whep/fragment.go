package whep

import (
	"fmt"
	"strings"
)

// fragment is a trickle-ice-sdpfrag (RFC 8840) as far as we use it. A viewer's candidates are of no interest: we
// answer whoever passes a check.
type fragment struct {
	ufrag, pwd string
}

// parseFragment reads a fragment. Lines that we do not know are left out, as the RFC demands.
func parseFragment(body []byte) (*fragment, *problem) {
	f := &fragment{}
	for line := range strings.SplitSeq(string(body), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, refuse(400, "bad-fragment", "The body is not a valid SDP fragment.")
		}
		for name, to := range map[string]*string{"a=ice-ufrag:": &f.ufrag, "a=ice-pwd:": &f.pwd} {
			value, ok := strings.CutPrefix(line, name)
			if !ok {
				continue
			}
			if *to != "" && *to != value {
				return nil, refuse(400, "bad-fragment", "The fragment names different ICE credentials.")
			}
			*to = value
		}
	}
	if f.ufrag != "" && !iceChars(f.ufrag, 4, 256) || f.pwd != "" && !iceChars(f.pwd, 22, 256) {
		return nil, refuse(400, "bad-fragment", "The fragment's ICE credentials are not valid.")
	}
	return f, nil
}

// restarted is our answer to an ICE restart.
func restarted(c credentials, candidates []string, o *offer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", c.ufrag, c.pwd)
	m := o.media[0]
	fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\n", m.kind)
	if m.mid != "" {
		fmt.Fprintf(&b, "a=mid:%s\r\n", m.mid)
	}
	for _, line := range candidates {
		fmt.Fprintf(&b, "a=%s\r\n", line)
	}
	b.WriteString("a=end-of-candidates\r\n")
	return b.String()
}
