package captions_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/captions"
)

const sec = time.Second

func TestWhatAFileSays(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		file string
		want []captions.Cue
		err  error
	}{
		"plain": {"WEBVTT\n\n00:01.000 --> 00:02.500\nIs it linen?\n", []captions.Cue{{From: sec, Until: 2500 * time.Millisecond, Text: "Is it linen?"}}, nil},
		"all that there is": {
			"\ufeffWEBVTT - a title\r\nKind: captions\r\n\r\nSTYLE\r\n::cue { background: url(https://evil.example/) }\r\n\r\nNOTE hello\r\n\r\nREGION\r\nid:a\r\n\r\nfirst\r\n01:00:00.000 --> 01:00:01.000 align:start line:0% region:a evil:<b>\r\n<v Mina>Yes</v>, <c.loud>it</c> <00:00:01.000>is\r\nlinen & <script>alert(1)</script>\r\n",
			[]captions.Cue{{From: time.Hour, Until: time.Hour + sec, Settings: "align:start line:0%", Text: "<v Mina>Yes</v>, <c>it</c> is\nlinen &amp; alert(1)"}}, nil,
		},
		"out of order":          {"WEBVTT\n\n00:05.000 --> 00:06.000\nb\n\n00:01.000 --> 00:09.000\na", []captions.Cue{{From: sec, Until: 9 * sec, Text: "a"}, {From: 5 * sec, Until: 6 * sec, Text: "b"}}, nil},
		"SubRip":                {"1\n00:00:01,000 --> 00:00:02,000\n<font color=red>Hello</font>\n\n2\n00:00:03,000 --> 00:00:04,000 X1:0\nworld\n", []captions.Cue{{From: sec, Until: 2 * sec, Text: "Hello"}, {From: 3 * sec, Until: 4 * sec, Text: "world"}}, nil},
		"an arrow in the text":  {"WEBVTT\n\n00:01.000 --> 00:02.000\na > b < c\n", []captions.Cue{{From: sec, Until: 2 * sec, Text: "a &gt; b &lt; c"}}, nil},
		"nothing":               {"WEBVTT\n", nil, captions.ErrEmpty},
		"a picture":             {"\x89PNG\r\n", nil, captions.ErrFormat},
		"a page":                {"<html><body>hello</body></html>", nil, captions.ErrFormat},
		"no end":                {"WEBVTT\n\n00:01.000 -->\na", nil, captions.ErrCue},
		"backwards":             {"WEBVTT\n\n00:03.000 --> 00:02.000\na", nil, captions.ErrCue},
		"a minute of 75":        {"WEBVTT\n\n00:75.000 --> 01:20.000\na", nil, captions.ErrCue},
		"larger than it may be": {"WEBVTT\n\n" + strings.Repeat("x", captions.BytesMax), nil, captions.ErrTooLarge},
		"too many":              {"WEBVTT\n\n" + strings.Repeat("00:01.000 --> 00:02.000\na\n\n", captions.CuesMax+1), nil, captions.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := captions.Parse([]byte(one.file))
			if !errors.Is(err, one.err) || !reflect.DeepEqual(got, one.want) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestASliceBeginsAnew(t *testing.T) {
	t.Parallel()
	cues := []captions.Cue{{From: 0, Until: 4 * sec, Text: "a"}, {From: 4 * sec, Until: 6 * sec, Text: "b"}, {From: 9 * sec, Until: 20 * sec, Text: "c"}, {From: 12 * sec, Until: 13 * sec, Text: "d"}}
	got := captions.Write(captions.Slice(cues, 5*sec, 12*sec))
	if want := "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nb\n\n00:00:04.000 --> 00:00:07.000\nc\n"; got != want {
		t.Errorf("%s", got)
	}
}

// FuzzParse wants what is read to be text that reads the same again, without a tag that is not known.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"WEBVTT\n\n00:01.000 --> 00:02.000\n<v A&B>x</v> <b>y</b> & &lt; <i", "1\n00:00:01,000 --> 00:00:02,000\n<font>a</font>\n", "WEBVTT\n\n00:00.000 --> 00:00.001 align:end\na\nb-->c",
		"WEBVTT\n00:01.000 --> 00:02.000\na", "WEBVTT\n\nSTYLE\n::cue{}\n\n00:01.000 --> 00:02.000\n<c.a.b></c>x<lang en>y", "\ufeffWEBVTT\t\n\n\n\n99:59:59.999 --> 99:59:59.999\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		cues, err := captions.Parse(file)
		if err != nil {
			return
		}
		for _, c := range cues {
			if c.From < 0 || c.Until <= c.From || c.Text == "" || strings.Contains(c.Text, "-->") || strings.Contains(c.Text, "\n\n") || strings.Contains(c.Text, "<s") {
				t.Fatalf("%+v", c)
			}
		}
		again, err := captions.Parse([]byte(captions.Write(cues)))
		if err != nil && !errors.Is(err, captions.ErrTooLarge) || err == nil && !reflect.DeepEqual(again, cues) {
			t.Fatalf("%+v became %+v, %v", cues, again, err)
		}
	})
}
