package api

import (
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	qrcode "github.com/skip2/go-qrcode"
)

// square is a shop with a channel, its owner and a creator.
type square struct {
	*Server
	log            *lines
	owner, creator []string
	creatorID      string
	shop, channel  string
}

func newSquare(t *testing.T) *square {
	t.Helper()
	q := &square{}
	q.Server, q.log = open(t)
	q.owner, _ = join(t, q.Server, "owner@example.com")
	q.creator, q.creatorID = join(t, q.Server, "creator@example.com")
	q.shop = ask(t, q.Server, 201, "POST", "/v1/shops", object{"name": "Souk", "currency": "EUR", "time_zone": "Europe/Berlin", "locale": "ar"}, q.owner...)["id"].(string)
	q.channel = ask(t, q.Server, 201, "POST", "/v1/shops/"+q.shop+"/channels", object{"name": "Live", "handle": "souk"}, q.owner...)["id"].(string)
	return q
}

func TestGoingLiveWithoutTheStreamKey(t *testing.T) {
	t.Parallel()
	s := newSquare(t)
	path := "/v1/channels/" + s.channel + "/publish-token"
	if w := send(s.Server, "POST", path, "", s.creator...); code(t, w) != "not-found" {
		t.Errorf("a stranger: %s", w.Body)
	}
	ask(t, s.Server, 204, "PUT", "/v1/channels/"+s.channel+"/members/"+s.creatorID, object{"role": "creator"}, s.owner...)
	key := ask(t, s.Server, 201, "POST", "/v1/channels/"+s.channel+"/stream-key", nil, s.owner...)["stream_key"].(string)
	made := ask(t, s.Server, 201, "POST", "/v1/channels/souk/publish-token", nil, s.creator...)
	token := made["token"].(string)
	expires, err := time.Parse(time.RFC3339, made["expires_at"].(string))
	if left := time.Until(expires); err != nil || left > 5*time.Minute || left < 4*time.Minute {
		t.Errorf("it lives for %v, %v", left, err)
	}
	for _, secret := range []string{token, key} {
		if g, err := s.Accounts.AuthorizePublish(t.Context(), secret, ""); err != nil || g.ChannelID != s.channel {
			t.Errorf("%.7s opens %+v, %v", secret, g, err)
		}
	}
	if w := send(s.Server, "GET", "/v1/me", "", "Authorization", "Bearer "+token); code(t, w) != "unauthenticated" {
		t.Errorf("the token opens the API: %s", w.Body)
	}
	ask(t, s.Server, 204, "PUT", "/v1/channels/"+s.channel+"/members/"+s.creatorID, object{"role": "moderator"}, s.owner...)
	if w := send(s.Server, "POST", path, "", s.creator...); code(t, w) != "forbidden" {
		t.Errorf("a moderator: %s", w.Body)
	}
	if strings.Contains(s.log.String(), token) {
		t.Error("the log holds the token")
	}
}

func TestWhereToPublish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		public, host string
		doors        Doors
		rtmp, whip   string
	}{
		"the public URL's host":       {"https://live.example", "10.0.0.7:8080", Doors{RTMPPort: 1935}, "rtmp://live.example:1935/live", "https://live.example/whip"},
		"a port of its own":           {"https://live.example:8443", "", Doors{RTMPPort: 41935}, "rtmp://live.example:41935/live", "https://live.example:8443/whip"},
		"said by the operator":        {"https://live.example", "", Doors{RTMP: "rtmps://in.example:443/live", RTMPPort: 1935}, "rtmps://in.example:443/live", "https://live.example/whip"},
		"no RTMP":                     {"https://live.example", "", Doors{}, "", "https://live.example/whip"},
		"this machine":                {"http://127.0.0.1:8080", "127.0.0.1:8080", Doors{RTMPPort: 1935}, "rtmp://127.0.0.1:1935/live", "http://127.0.0.1:8080/whip"},
		"this machine, from the net":  {"http://127.0.0.1:8080", "192.168.1.5:8080", Doors{RTMPPort: 1935}, "rtmp://192.168.1.5:1935/live", "http://192.168.1.5:8080/whip"},
		"the same, over IPv6":         {"http://127.0.0.1:8080", "[2001:db8::5]:8080", Doors{RTMPPort: 1935}, "rtmp://[2001:db8::5]:1935/live", "http://[2001:db8::5]:8080/whip"},
		"the same, by name":           {"http://localhost:8080", "studio.local:8080", Doors{RTMPPort: 1935}, "rtmp://studio.local:1935/live", "http://studio.local:8080/whip"},
		"an invented host":            {"http://127.0.0.1:8080", "a\"><script>", Doors{RTMPPort: 1935}, "rtmp://127.0.0.1:1935/live", "http://127.0.0.1:8080/whip"},
		"an invented host with a key": {"http://127.0.0.1:8080", "user@evil.example", Doors{RTMPPort: 1935}, "rtmp://127.0.0.1:1935/live", "http://127.0.0.1:8080/whip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t)
			s.PublicURL, s.Doors = c.public, c.doors
			s.build()
			r := httptest.NewRequest("GET", "/v1/ingest", nil)
			r.Host = c.host
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			want := fmt.Sprintf(`"whip":{"url":%q}}`, c.whip)
			if c.rtmp != "" {
				want = fmt.Sprintf(`"rtmp":{"server":%q},`, c.rtmp) + want
			}
			if w.Code != 200 || !strings.HasSuffix(strings.TrimSpace(w.Body.String()), want) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s, not %s", w.Code, w.Body, want)
			}
		})
	}
}

func TestAKeyAsAPicture(t *testing.T) {
	t.Parallel()
	s := newSquare(t)
	s.Doors = Doors{RTMPPort: 1935}
	key := ask(t, s.Server, 201, "POST", "/v1/channels/"+s.channel+"/stream-key", nil, s.owner...)["stream_key"].(string)
	path := "/v1/channels/" + s.channel + "/stream-key/qr"
	draw := func(key string, headers ...string) *httptest.ResponseRecorder {
		return send(s.Server, "POST", path, `{"stream_key":"`+key+`"}`, append(headers, "Content-Type", "application/json")...)
	}
	w := draw(key, s.owner...)
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/svg+xml" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	code1, err := qrcode.New("rtmp://shop.example:1935/live/"+key, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	want := code1.Bitmap() // with the border of four modules that we draw too
	got := bitmap(t, w.Body.Bytes(), len(want))
	for y := range want {
		for x := range want[y] {
			if got[y][x] != want[y][x] {
				t.Fatalf("the module at %d,%d is wrong", x, y)
			}
		}
	}
	if code(t, draw(key, s.creator...)) != "not-found" || code(t, draw(key)) != "unauthenticated" {
		t.Error("somebody else sees it")
	}
	other := ask(t, s.Server, 201, "POST", "/v1/shops/"+s.shop+"/channels", object{"name": "Other", "handle": "other"}, s.owner...)["id"].(string)
	foreign := ask(t, s.Server, 201, "POST", "/v1/channels/"+other+"/stream-key", nil, s.owner...)["stream_key"].(string)
	for _, text := range []string{foreign, "", "hk_key_x", "https://elsewhere.example"} {
		if w := draw(text, s.owner...); w.Code != 422 || code(t, w) != "invalid" {
			t.Errorf("%q: %d %s", text, w.Code, w.Body)
		}
	}
	if strings.Contains(s.log.String(), key) {
		t.Error("the log holds the key")
	}
	s.Doors = Doors{}
	if w := draw(key, s.owner...); code(t, w) != "no-rtmp" {
		t.Errorf("without RTMP: %s", w.Body)
	}
}

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`)

// bitmap reads the dark modules of a picture.
func bitmap(t *testing.T, svg []byte, size int) [][]bool {
	t.Helper()
	var root struct {
		ViewBox string `xml:"viewBox,attr"`
	}
	if err := xml.Unmarshal(svg, &root); err != nil || root.ViewBox != fmt.Sprintf("0 0 %d %d", size, size) {
		t.Fatalf("%v: %s", err, root.ViewBox)
	}
	out := make([][]bool, size)
	for y := range out {
		out[y] = make([]bool, size)
	}
	for _, m := range run.FindAllSubmatch(svg, -1) {
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(string(m[i+1])) // digits
		}
		for x := range n[2] {
			out[n[1]][n[0]+x] = true
		}
	}
	return out
}

func TestAMemberIsFoundByEmail(t *testing.T) {
	t.Parallel()
	s := newSquare(t)
	path := "/v1/channels/" + s.channel + "/members/by-email"
	put := func(email, role string, headers ...string) *httptest.ResponseRecorder {
		return send(s.Server, "PUT", path, `{"email":"`+email+`","role":"`+role+`"}`, append(headers, "Content-Type", "application/json")...)
	}
	// The limits are read when the door is built, which newSquare did.
	s.door.members = newLimiter(4, time.Minute)
	if w := put("creator@example.com", "creator", s.creator...); code(t, w) != "not-found" {
		t.Errorf("a stranger adds himself: %s", w.Body)
	}
	if w := put("Creator@Example.com", "creator", s.owner...); w.Code != 204 {
		t.Fatalf("%s", w.Body)
	}
	if m := ask(t, s.Server, 200, "GET", "/v1/channels/"+s.channel+"/members", nil, s.owner...)["items"].([]any); len(m) != 1 || m[0].(object)["account"] != s.creatorID {
		t.Errorf("the members are %v", m)
	}
	if w := put("owner@example.com", "moderator", s.creator...); code(t, w) != "forbidden" {
		t.Errorf("a creator adds others: %s", w.Body)
	}
	for email, want := range map[string]string{"nobody@example.com": "no-such-person", "nobody": "bad-email"} {
		if w := put(email, "creator", s.owner...); w.Code != 422 || code(t, w) != want {
			t.Errorf("%s: %s", email, w.Body)
		}
	}
	if w := put("creator@example.com", "finance", s.owner...); code(t, w) != "bad-role" {
		t.Errorf("finance of a channel: %s", w.Body)
	}
	if w := put("nobody@example.com", "creator", s.owner...); code(t, w) != "limited" || w.Header().Get("Retry-After") == "" {
		t.Errorf("a fifth question: %s", w.Body)
	}
	if strings.Contains(s.log.String(), "nobody@example.com") {
		t.Error("the log holds an address")
	}
}
