package rtmp

import (
	"net/url"
	"strings"
)

const (
	appName     = "live"
	keyBytesMax = 256
)

// keyParameters are the query parameters in which encoders put the key.
var keyParameters = []string{"key", "streamkey", "stream_key", "pass", "token"}

// streamKey finds the stream key in a publisher's URL: rtmp://host/live/KEY, rtmp://host/live?key=KEY or
// rtmp://host/live/name?key=KEY. It returns the empty string where there is none.
func streamKey(u *url.URL) string {
	if u == nil {
		return ""
	}
	query := u.Query()
	for _, name := range keyParameters {
		if v := query.Get(name); v != "" {
			return bounded(v)
		}
	}
	parts := pathParts(u)
	if len(parts) > 0 && parts[0] == appName {
		parts = parts[1:]
	}
	if len(parts) == 0 {
		return ""
	}
	return bounded(parts[len(parts)-1])
}

// wantsStandby tells whether a publisher asks to stand by (?backup=1).
func wantsStandby(u *url.URL) bool { return u != nil && u.Query().Get("backup") == "1" }

// playTarget finds what a viewer's URL names, and the grant in its query.
func playTarget(u *url.URL) (broadcast, secret string) {
	if u == nil {
		return "", ""
	}
	if parts := pathParts(u); len(parts) > 0 {
		broadcast = bounded(parts[len(parts)-1])
	}
	for _, name := range []string{"grant", "token"} {
		if v := u.Query().Get(name); v != "" {
			return broadcast, bounded(v)
		}
	}
	return broadcast, ""
}

func pathParts(u *url.URL) []string {
	return strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
}

func bounded(s string) string {
	if len(s) > keyBytesMax {
		return ""
	}
	return s
}
