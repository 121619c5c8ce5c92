package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const film = "../hawker/demo/clip.flv"

// listener is an RTMP server that counts what it hears, and puts a publisher out by its name.
type listener struct {
	t    *testing.T
	net  net.Listener
	seen chan int // messages of a publisher that has gone
}

func listen(t *testing.T) *listener {
	t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t, n, make(chan int, 16)}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = n.Close()
		<-done
	})
	go func() {
		defer close(done)
		var all []chan struct{}
		for {
			conn, err := n.Accept()
			if err != nil {
				break
			}
			one := make(chan struct{})
			all = append(all, one)
			go func() {
				defer close(one)
				defer conn.Close()
				l.seen <- l.hear(conn)
			}()
		}
		for _, one := range all {
			<-one
		}
	}()
	return l
}

// hear reads a publisher with a library that is not ours.
func (l *listener) hear(conn net.Conn) (n int) {
	c := &gortmplib.ServerConn{RW: conn}
	if err := c.Initialize(); err != nil {
		return -1
	}
	if err := c.AcceptConn(); err != nil {
		return -1
	}
	if err := c.AcceptAction(); err != nil {
		return -1
	}
	if strings.Contains(c.URL.String(), "unwanted") {
		return -1
	}
	for ; ; n++ {
		if _, err := c.Read(); err != nil {
			return n
		}
	}
}

func (l *listener) run(names string, count int, lasts time.Duration) figures {
	l.t.Helper()
	file := ""
	if names != "" {
		file = filepath.Join(l.t.TempDir(), "names")
		if err := os.WriteFile(file, []byte(names), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
	var out strings.Builder
	c := settings{clip: film, url: "rtmp://" + l.net.Addr().String() + "/live/%KEY%", names: file, count: count, lasts: lasts}
	if err := run(l.t.Context(), c, &out); err != nil {
		l.t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal([]byte(out.String()), &f); err != nil {
		l.t.Fatal(err)
	}
	return f
}

func TestACrowdPublishes(t *testing.T) {
	t.Parallel()
	l := listen(t)
	f := l.run("", 3, 2*time.Second)
	if f.Publishers != 3 || f.Lost != 0 || f.ClipPictures != 480 || f.ClipSeconds != 16 || f.BitsEach < 400_000 || f.Pictures < 3 || f.Why != "" {
		t.Errorf("%+v", f)
	}
	heard := 0
	for range 3 {
		heard += <-l.seen
	}
	if int64(heard) < f.Messages { // and the configurations, and the chunk sizes
		t.Errorf("%d messages were sent and %d heard", f.Messages, heard)
	}
}

func TestWhoIsPutOutIsLost(t *testing.T) {
	t.Parallel()
	f := listen(t).run("wanted\nunwanted\n", 2, 3*time.Second)
	if f.Publishers != 2 || f.Lost != 1 || f.Why == "" {
		t.Errorf("%+v", f)
	}
}

func TestRunsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]settings{
		"too long":       {clip: film, url: "rtmp://h/live/%KEY%", count: 1, lasts: time.Hour},
		"too many":       {clip: film, url: "rtmp://h/live/%KEY%", count: 1 << 20, lasts: time.Second},
		"no time":        {clip: film, url: "rtmp://h/live/%KEY%", count: 1},
		"another scheme": {clip: film, url: "http://h/live/%KEY%", count: 1, lasts: time.Second},
		"no place":       {clip: film, url: "rtmp://h/live", count: 1, lasts: time.Second},
		"no film":        {clip: "main.go", url: "rtmp://h/live/%KEY%", count: 1, lasts: time.Second},
		"too few names":  {clip: film, url: "rtmp://h/live/%KEY%", names: os.DevNull, count: 1, lasts: time.Second},
	} {
		if err := run(t.Context(), c, io.Discard); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
