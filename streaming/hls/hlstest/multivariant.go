package hlstest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Multivariant judges a multivariant playlist: what players choose by must be there, and audio groups must exist.
func Multivariant(text string) error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	bad(lines[0] == "#EXTM3U", "the first line is %q", lines[0])
	groups, uris := map[string]bool{}, map[string]bool{}
	var pending map[string]string
	pictures, sounds := 0, 0
	for _, line := range lines[1:] {
		tag, value, _ := strings.Cut(line, ":")
		a, err := Attributes(value)
		switch tag {
		case "#EXT-X-VERSION", "#EXT-X-INDEPENDENT-SEGMENTS":
			continue
		case "#EXT-X-MEDIA":
			bad(err == nil && a["GROUP-ID"] != "" && a["NAME"] != "", "%s: %v", line, err)
			switch a["TYPE"] {
			case "AUDIO":
				sounds++
				bad(a["URI"] != "", "%s: no address", line)
			case "SUBTITLES":
				bad(a["URI"] != "" && a["LANGUAGE"] != "", "%s: no address or language", line)
			case "CLOSED-CAPTIONS":
				bad(a["URI"] == "" && a["INSTREAM-ID"] != "", "%s: they lie in the pictures", line)
			default:
				bad(false, "%s: no such type", line)
			}
			groups[a["GROUP-ID"]] = true
		case "#EXT-X-STREAM-INF":
			bad(err == nil && pending == nil, "%s: %v", line, err)
			pending = a
		default:
			bad(!strings.HasPrefix(line, "#") && pending != nil, "%q is not expected", line)
			if pending == nil {
				continue
			}
			errs = append(errs, variant(pending, line)...)
			for _, kind := range []string{"SUBTITLES", "CLOSED-CAPTIONS"} {
				bad(pending[kind] == "" || groups[pending[kind]], "%s: no group %s", line, pending[kind])
			}
			bad(pending["AUDIO"] == "" || groups[pending["AUDIO"]], "%s: no group %s", line, pending["AUDIO"])
			bad(!uris[line], "%s stands twice", line)
			if pending["RESOLUTION"] != "" {
				pictures++
			}
			uris[line], pending = true, nil
		}
	}
	bad(pending == nil && len(uris) > 0, "no variant at the end")
	bad(pictures < 3 || sounds > 0 || len(uris) == pictures, "%d pictures without a group", pictures)
	return errors.Join(errs...)
}

func variant(a map[string]string, uri string) (errs []error) {
	peak, err := strconv.Atoi(a["BANDWIDTH"])
	average, err2 := strconv.Atoi(a["AVERAGE-BANDWIDTH"])
	if err != nil || err2 != nil || peak < average || average <= 0 {
		errs = append(errs, fmt.Errorf("%s: BANDWIDTH %s, AVERAGE-BANDWIDTH %s", uri, a["BANDWIDTH"], a["AVERAGE-BANDWIDTH"]))
	}
	if a["CODECS"] == "" {
		errs = append(errs, fmt.Errorf("%s: no CODECS", uri))
	}
	video := strings.Contains(a["CODECS"], "avc1") || strings.Contains(a["CODECS"], "hvc1") || strings.Contains(a["CODECS"], "av01")
	if video != (a["RESOLUTION"] != "") || video != (a["FRAME-RATE"] != "") {
		errs = append(errs, fmt.Errorf("%s: CODECS %s, RESOLUTION %s, FRAME-RATE %s", uri, a["CODECS"], a["RESOLUTION"], a["FRAME-RATE"]))
	}
	return errs
}
