package rtsp

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
)

func TestWhatAViewerAsksFor(t *testing.T) {
	t.Parallel()
	basic := base.HeaderValue{"Basic " + base64.StdEncoding.EncodeToString([]byte("viewer:hk_grt_x"))}
	for _, c := range []struct {
		path, query       string
		authorization     base.HeaderValue
		broadcast, secret string
	}{
		{"/live/show", "", nil, "show", ""},
		{"/show", "", nil, "show", ""},
		{"/live/show/", "grant=hk_grt_x/", nil, "show", "hk_grt_x"},
		{"/live/show", "token=hk_view_x", nil, "show", "hk_view_x"},
		{"/live/show", "token=hk_view_x", basic, "show", "hk_grt_x"},
		{"/live/other/show", "", nil, "", ""},
		{"/", "", nil, "", ""},
	} {
		r := &base.Request{Header: base.Header{}}
		if c.authorization != nil {
			r.Header["Authorization"] = c.authorization
		}
		if broadcast, secret := playTarget(r, c.path, c.query); broadcast != c.broadcast || secret != c.secret {
			t.Errorf("%s?%s: %q %q", c.path, c.query, broadcast, secret)
		}
	}
}

// FuzzPlayTarget holds that what a viewer asks for is bounded and has no slash in it.
func FuzzPlayTarget(f *testing.F) {
	f.Add("/live/show", "grant=hk_grt_x", "Basic dmlld2VyOmhrX2dydF94")
	f.Add("//live//", "grant=%zz;token=", "Digest x")
	f.Add(strings.Repeat("a", 300), strings.Repeat("token=a&", 100), "")
	f.Fuzz(func(t *testing.T, path, query, authorization string) {
		r := &base.Request{Header: base.Header{"Authorization": base.HeaderValue{authorization}}}
		broadcast, secret := playTarget(r, path, query)
		if len(broadcast) > keyBytesMax || len(secret) > keyBytesMax || strings.Contains(broadcast, "/") {
			t.Fatalf("%q %q", broadcast, secret)
		}
	})
}
