package rtmp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

const handshakeBytes = 1 + 1536 + 1536 // C0, C1, C2

// anybody lets everybody in.
type anybody struct{}

func (anybody) AuthorizePublish(context.Context, string, string) (ingest.Grant, error) {
	return ingest.Grant{ChannelID: "c"}, nil
}

func (anybody) GoOnAir(context.Context, string) (string, error) { return "b", nil }

func (anybody) MayGoOnAir(context.Context, string) error { return nil }

// recorded is what FFmpeg sent to publish for 0.8 s.
func recorded(t testing.TB) []byte {
	t.Helper()
	out, err := os.ReadFile("testdata/ffmpeg.rtmp")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// speak lets a server hear bytes on a connection, and returns what became of it.
func speak(t testing.TB, hub *streaming.Hub, said []byte) error {
	t.Helper()
	here, there := net.Pipe()
	server := &Server{
		Sessions: &ingest.Sessions{Hub: hub, Authorizer: anybody{}, Broadcasts: anybody{}},
		Config:   Config{Handshake: 5 * time.Second, Idle: 5 * time.Second},
	}
	c := &conn{
		server: server, remote: "pipe", log: slog.New(slog.DiscardHandler),
		net: &deadlineConn{Conn: there, idle: 5 * time.Second}, admitted: func() {},
	}
	done := make(chan error)
	go func() {
		err := c.serve(t.Context())
		_ = there.Close() // it is a pipe
		done <- err
	}()
	go func() {
		_, _ = here.Write(said) // the server may close it at any byte
		_ = here.Close()
	}()
	_, _ = io.Copy(io.Discard, here) // until either side closes it
	return <-done
}

func TestARecordedEncoderIsUnderstood(t *testing.T) {
	t.Parallel()
	hub := &streaming.Hub{}
	defer hub.Close()
	if err := speak(t, hub, recorded(t)); err != nil {
		t.Fatal(err)
	}
	s, err := hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Units; got < 30 {
		t.Errorf("%d units came on air", got)
	}
}

func FuzzSession(f *testing.F) {
	whole := recorded(f)
	f.Add(whole)
	f.Add(whole[:handshakeBytes])
	f.Add(whole[:5000])
	f.Add(append(bytes.Clone(whole[:handshakeBytes]), 3, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, said []byte) {
		hub := &streaming.Hub{}
		defer hub.Close()
		if err := speak(t, hub, said); err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
	})
}

// chunked cuts a message into chunks of a size on a chunk stream.
func chunked(id uint32, kind byte, stamp uint32, body []byte, size int, repeatExtended bool) []byte {
	basic := func(format byte) []byte {
		switch {
		case id < 64:
			return []byte{format<<6 | byte(id)}
		case id < 320:
			return []byte{format << 6, byte(id - 64)}
		default:
			return []byte{format<<6 | 1, byte(id - 64), byte((id - 64) >> 8)}
		}
	}
	out := basic(0)
	field, extended := stamp, []byte(nil)
	if stamp >= 0xffffff {
		field, extended = 0xffffff, []byte{byte(stamp >> 24), byte(stamp >> 16), byte(stamp >> 8), byte(stamp)}
	}
	n := len(body)
	out = append(out, byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), kind, 1, 0, 0, 0)
	out = append(out, extended...)
	for at := 0; at < n; at += size {
		if at > 0 {
			out = append(out, basic(3)...)
			if repeatExtended {
				out = append(out, extended...)
			}
		}
		out = append(out, body[at:min(n, at+size)]...)
	}
	return out
}

func TestChunksAsEncodersSendThem(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789"), 50)
	setSize := func(n uint32) []byte {
		return append([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0}, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for name, c := range map[string]struct {
		said  []byte
		want  int
		stamp uint32
	}{
		"an ID of one byte":                   {chunked(4, 9, 77, body, 128, false), 1, 77},
		"an ID of two bytes":                  {chunked(100, 9, 77, body, 128, false), 1, 77},
		"an ID of three bytes":                {chunked(5000, 9, 77, body, 128, false), 1, 77},
		"an extended stamp, repeated":         {chunked(4, 9, 0x01020304, body, 128, true), 1, 0x01020304},
		"an extended stamp, not repeated":     {chunked(4, 9, 0x01020304, body, 128, false), 1, 0x01020304},
		"a chunk size of 1":                   {append(setSize(1), chunked(4, 9, 7, body, 1, false)...), 1, 7},
		"the largest chunk size":              {append(setSize(1<<31-1), chunked(4, 9, 7, body, 1<<20, false)...), 1, 7},
		"a message given up for another":      {append(chunked(4, 9, 5, body, 128, false)[:140], chunked(4, 9, 7, body, 128, false)...), 1, 7},
		"a message aborted":                   {append(append(chunked(4, 9, 5, body, 128, false)[:140], 2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4), chunked(4, 9, 7, body, 128, false)...), 1, 7},
		"sound between a picture's chunks":    {interleave(chunked(6, 9, 9, body, 128, false), 140, chunked(4, 8, 9, body[:50], 128, false)), 2, 9},
		"a new message without a header":      {append(chunked(4, 9, 7, body[:100], 128, false), append([]byte{0xc4}, body[:100]...)...), 2, 7},
		"a delta of time":                     {append(chunked(4, 9, 7, body[:100], 128, false), append([]byte{0x84, 0, 0, 40}, body[:100]...)...), 2, 47},
		"a delta of time, length and type":    {append(chunked(4, 9, 7, body[:100], 128, false), append([]byte{0x44, 0, 0, 40, 0, 0, 10, 8}, body[:10]...)...), 2, 47},
		"an empty message":                    {chunked(4, 9, 7, nil, 128, false), 1, 7},
		"a delta used again without a header": {append(append(chunked(4, 9, 7, body[:100], 128, false), append([]byte{0x84, 0, 0, 40}, body[:100]...)...), append([]byte{0xc4}, body[:100]...)...), 3, 87},
	} {
		r := newChunkReader(bufio.NewReader(bytes.NewReader(c.said)))
		r.trusted = true
		n, last := 0, packet{}
		for {
			m, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if n++; len(m.body) > 0 && !bytes.HasPrefix(body, m.body) {
				t.Errorf("%s: the body is damaged", name)
			}
			last = m
		}
		if n != c.want || last.stamp != c.stamp {
			t.Errorf("%s: %d messages, the last at %d", name, n, last.stamp)
		}
		if r.held != 0 {
			t.Errorf("%s: %d bytes are still held", name, r.held)
		}
	}
}

// interleave puts a chunk between a message's first and second one.
func interleave(message []byte, at int, between []byte) []byte {
	return append(append(bytes.Clone(message[:at]), between...), message[at:]...)
}

func TestAStrangersMemoryIsBounded(t *testing.T) {
	t.Parallel()
	for name, said := range map[string][]byte{
		"16 MB announced in one message": {3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0},
		"60 KB on every chunk stream": func() (out []byte) {
			out = append([]byte{2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0}, 0, 0, 0xc3, 0x50) // chunks of 50,000
			for id := uint32(3); id < 63; id++ {
				out = append(out, chunked(id, 20, 0, make([]byte, 60_000), 50_000, false)[:12+50_000]...)
			}
			return out
		}(),
	} {
		r := newChunkReader(bufio.NewReader(bytes.NewReader(said)))
		_, err := r.next()
		if !errors.Is(err, errBudget) && !errors.Is(err, errChunk) {
			t.Errorf("%s: %v", name, err)
		}
		total := 0
		for _, s := range r.streams {
			total += cap(s.body)
		}
		if total > strangerBytesMax+strangerMessageMax {
			t.Errorf("%s: %d bytes are held", name, total)
		}
	}
}

func FuzzChunks(f *testing.F) {
	f.Add(recorded(f)[handshakeBytes:], true)
	f.Add(chunked(5000, 9, 0x01020304, make([]byte, 300), 128, true), false)
	f.Fuzz(func(t *testing.T, said []byte, trusted bool) {
		r := newChunkReader(bufio.NewReader(bytes.NewReader(said)))
		r.trusted = trusted
		for {
			m, err := r.next()
			if err != nil {
				break
			}
			if !trusted && len(m.body) > strangerMessageMax {
				t.Fatalf("a message of %d bytes", len(m.body))
			}
		}
		held := 0
		for _, s := range r.streams {
			held += len(s.body)
		}
		if len(r.streams) > chunkStreamsMax || held > len(said)+bodyStep {
			t.Fatalf("%d streams hold %d bytes", len(r.streams), held)
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add([]byte{0x17, 0, 0, 0, 0, 1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68})
	f.Add([]byte{0x17, 1, 0xff, 0xff, 0xfe, 0, 0, 0, 2, 0x65, 1})
	f.Add([]byte("\x90hvc1"))
	f.Add([]byte("\x91av01\x12\x00\x0a\x01\x00"))
	f.Add([]byte("\x96\x00av01\x00\x12\x00"))
	f.Add([]byte("\x97\x02\x00\x00\x00\x01avc1"))
	f.Add([]byte("\x95\x10Opus\x00\x00\x00\x01\x00"))
	f.Add([]byte{0xaf, 0, 0x12, 0x10})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]tag, []byte) ([]tag, error){readVideo, readAudio} {
			tags, _ := read(nil, body) // what could be read counts
			total := 0
			for _, tag := range tags {
				if total += len(tag.data); tag.nanos < 0 || tag.nanos > nanosMax {
					t.Fatalf("an offset of %d ns", tag.nanos)
				}
				checkTag(t, tag)
			}
			if total > len(body) || len(tags) > tracksInMessage {
				t.Fatalf("%d tags of %d bytes came out of %d", len(tags), total, len(body))
			}
		}
		(&intake{}).metadata(body)
	})
}

// Values are read to a depth that the stack bears; what is refused as too deep would have been refused by nobody else.
func FuzzValues(f *testing.F) {
	f.Add([]byte("\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03app\x02\x00\x04live\x00\x00\x09"))
	f.Add(bytes.Repeat([]byte{3, 0, 1, 'a'}, 1000))
	f.Add(bytes.Repeat([]byte{10, 0, 0, 0, 1}, 1000))
	f.Add([]byte{8, 0, 0, 0, 0, 0, 1, 'a', 10, 0, 0, 0, 2, 5, 6, 0, 0, 9})
	var deep func(v any) int
	deep = func(v any) (most int) {
		var inner []any
		switch v := v.(type) {
		case amf0.StrictArray:
			inner = v
		default:
			o, ok := objectOf(v)
			if !ok {
				return 0
			}
			for _, e := range o {
				inner = append(inner, e.Value)
			}
		}
		for _, one := range inner {
			most = max(most, deep(one))
		}
		return most + 1
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		read, err := readValues(body)
		for _, v := range read {
			if deep(v) > valueDepthMax {
				t.Fatalf("values of depth %d", deep(v))
			}
		}
		if err == nil || len(body) > 4096 || shallow(body) {
			return
		}
		whole, bad := amf0.Unmarshal(body)
		if bad != nil {
			return
		}
		most := 0
		for _, v := range whole {
			most = max(most, deep(v))
		}
		if most <= valueDepthMax {
			t.Fatalf("values of depth %d were refused", most)
		}
	})
}

func checkTag(t *testing.T, tag tag) {
	t.Helper()
	if tag.kind == tagConfig {
		_, _, _ = describe(tag, streaming.Video) // any answer will do
	}
	for size := 1; size <= 4; size++ {
		nals, err := splitNALs(tag.data, size)
		total := 0
		for _, n := range nals {
			total += len(n) + size
		}
		if err == nil && total > len(tag.data) {
			t.Fatal("more came out than went in")
		}
	}
	_, _ = splitOBUs(tag.data) // it must come back
}

func TestEnhancedMessages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		video bool
		want  tag
		err   error
		more  []tag // after the first
	}{
		"HEVC with a composition time":   {"\x91hvc1\xff\xff\xd6abcd", true, tag{kind: tagFrame, codec: streaming.H265, cts: -42, data: []byte("abcd")}, nil, nil},
		"HEVC without one":               {"\x93hvc1abcd", true, tag{kind: tagFrame, codec: streaming.H265, data: []byte("abcd")}, nil, nil},
		"AV1":                            {"\x91av01abcd", true, tag{kind: tagFrame, codec: streaming.AV1, data: []byte("abcd")}, nil, nil},
		"a sequence start":               {"\x90av01abcd", true, tag{kind: tagConfig, codec: streaming.AV1, data: []byte("abcd")}, nil, nil},
		"metadata":                       {"\x94hvc1abcd", true, tag{}, nil, nil},
		"a modifier that we do not know": {"\x97\x00a\x11hvc1\x00\x00\x01x", true, tag{kind: tagFrame, codec: streaming.H265, cts: 1, data: []byte("x")}, nil, nil},
		"two modifiers":                  {"\x97\x00a\x17\x02\x00\x01\x00\x03hvc1x", true, tag{kind: tagFrame, codec: streaming.H265, nanos: 256, data: []byte("x")}, nil, nil},
		"a long modifier":                {"\x97\xff\x01\x00" + strings.Repeat("a", 257) + "\x13hvc1x", true, tag{kind: tagFrame, codec: streaming.H265, data: []byte("x")}, nil, nil},
		"a modifier of sound":            {"\x97\x02\x00\x01\x00\x01Opusx", false, tag{kind: tagFrame, codec: streaming.Opus, nanos: 256, data: []byte("x")}, nil, nil},
		"a modifier cut off":             {"\x97\x09abc", true, tag{}, errTag, nil},
		"an end of a track":              {"\x96\x02hvc1\x03", true, tag{kind: tagEnd, codec: streaming.H265, track: 3}, nil, nil},
		"many tracks": {"\x96\x13hvc1\x00\x00\x00\x02ab\x01\x00\x00\x01c", true, tag{kind: tagFrame, codec: streaming.H265, data: []byte("ab")}, nil,
			[]tag{{kind: tagFrame, codec: streaming.H265, track: 1, data: []byte("c")}}},
		"many tracks and codings": {"\x96\x21hvc1\x00\x00\x00\x05\x00\x00\x02abav01\x02\x00\x00\x01c", true, tag{kind: tagFrame, codec: streaming.H265, cts: 2, data: []byte("ab")}, nil,
			[]tag{{kind: tagFrame, codec: streaming.AV1, track: 2, data: []byte("c")}}},
		"one of them is not taken":          {"\x96\x21vvc1\x00\x00\x00\x02abav01\x02\x00\x00\x01c", true, tag{kind: tagFrame, codec: streaming.AV1, track: 2, data: []byte("c")}, errUnsupported, nil},
		"many tracks cut off":               {"\x96\x13hvc1\x00\x00\x00\x02ab\x01\x00\x00\x09c", true, tag{kind: tagFrame, codec: streaming.H265, data: []byte("ab")}, errTag, nil},
		"a multitrack in itself":            {"\x96\x06hvc1\x00x", true, tag{}, errTag, nil},
		"a fourth way of tracks":            {"\x96\x31hvc1\x00x", true, tag{}, errTag, nil},
		"a nanosecond offset":               {"\x97\x02\x07\xa1\x20\x01hvc1\x00\x00\x01x", true, tag{kind: tagFrame, codec: streaming.H265, cts: 1, nanos: 500_000, data: []byte("x")}, nil, nil},
		"a second track":                    {"\x96\x01hvc1\x01\x00\x00\x00x", true, tag{kind: tagFrame, codec: streaming.H265, track: 1, data: []byte("x")}, nil, nil},
		"a command frame":                   {"\xd0hvc1", true, tag{}, nil, nil},
		"Opus":                              {"\x91Opusabc", false, tag{kind: tagFrame, codec: streaming.Opus, data: []byte("abc")}, nil, nil},
		"FLAC":                              {"\x91fLaCabc", false, tag{}, errUnsupported, nil},
		"sound where pictures are":          {"\x91Opusabc", true, tag{}, errUnsupported, nil},
		"MP3":                               {"\x2fabc", false, tag{}, errUnsupported, nil},
		"Sorenson":                          {"\x22abc", true, tag{}, errUnsupported, nil},
		"a truncated one":                   {"\x91hv", true, tag{}, errTag, nil},
		"an end of sequence":                {"\x17\x02\x00\x00\x00", true, tag{codec: streaming.H264, data: []byte{}}, nil, nil},
		"a negative composition time (AVC)": {"\x27\x01\xff\xff\xff\x00", true, tag{kind: tagFrame, codec: streaming.H264, cts: -1, data: []byte{0}}, nil, nil},
	} {
		read := readAudio
		if c.video {
			read = readVideo
		}
		got, err := read(nil, []byte(c.body))
		want := append([]tag{c.want}, c.more...)
		if c.want.kind == tagNone {
			want = nil
			got = slices.DeleteFunc(got, func(t tag) bool { return t.kind == tagNone })
		}
		same := slices.EqualFunc(got, want, func(a, b tag) bool {
			return a.kind == b.kind && a.codec == b.codec && a.cts == b.cts && a.track == b.track && a.nanos == b.nanos && bytes.Equal(a.data, b.data)
		})
		if !errors.Is(err, c.err) || !same {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
