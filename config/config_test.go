package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/config"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hawker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheReferenceFileIsTheDefault(t *testing.T) {
	t.Parallel()
	defaults, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := config.Load(config.Source{File: file(t, string(config.Reference()))})
	if err != nil || !reflect.DeepEqual(defaults, again) {
		t.Fatalf("%+v\n%+v\n%v", defaults, again, err)
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	t.Parallel()
	keys := config.Keys()
	if len(keys) < 10 {
		t.Fatalf("only %d keys were found", len(keys))
	}
	for _, k := range keys {
		if k.Help == "" && k.Alias() == "" {
			t.Errorf("%s has no comment", k.Name)
		}
	}
}

func TestEveryFieldHasItsKeyInTheReference(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, k := range config.Keys() {
		known[k.Name] = true
	}
	var walk func(typ reflect.Type, prefix string)
	walk = func(typ reflect.Type, prefix string) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := f.Tag.Get("yaml")
			if name == "" || name == "-" {
				continue
			}
			if name == ",inline" {
				walk(f.Type, prefix)
			} else if f.Type.Kind() == reflect.Struct {
				walk(f.Type, prefix+name+".")
			} else if !known[prefix+name] {
				t.Errorf("%s%s is not in reference.yaml", prefix, name)
			}
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
}

func TestFlagsWinOverTheEnvironmentOverTheFile(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{
		File:    file(t, "data: from-file\nbroadcast:\n  grace: 5s\nhttp:\n  listen: \":1\"\n"),
		Environ: []string{"HAWKER_BROADCAST_GRACE=6s", "HAWKER_HTTP_LISTEN=:2", "PATH=/bin", "HAWKER_TRUSTED_PROXIES=10.0.0.0/8, 192.168.1.1"},
		Flags:   map[string]string{"http.listen": "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "from-file" || c.Broadcast.Grace != 6*time.Second || c.HTTP.Listen != "127.0.0.1:0" || len(c.Proxies()) != 2 || c.Broadcast.Silence != time.Second {
		t.Fatalf("%+v", c)
	}
}

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"data: x\nunknown: 1\n":               `hawker.yaml:2: unknown field "unknown"`,
		"http:\n  port: 80\n":                 `hawker.yaml:2: unknown field "port"`,
		"broadcast:\n  grace: soon\n":         `hawker.yaml:2: `,
		"data: [\n":                           `hawker.yaml:1: `,
		"broadcast:\n  grace: 0s\n":           `broadcast.grace: must be between`,
		"broadcast:\n  rest: 11m\n":           `broadcast.rest: must be between`,
		"broadcast:\n  lease: 1s\n":           `broadcast.lease: must be between`,
		"rtmp:\n  public: live.example\n":     `rtmp.public: must read`,
		"rtmp:\n  public: rtmp://a/live/k\n":  `rtmp.public: must read`,
		"rtmp:\n  public: rtmp://:1935\n":     `rtmp.public: must read`,
		"public_url: ftp://x\n":               `public_url: must read`,
		"trusted_proxies: [nowhere]\n":        `"nowhere" is neither`,
		"log:\n  level: loud\n":               `log.level: must be`,
		"database: mysql://x\n":               `database: must be`,
		"streaming:\n  ring_bytes: -1\n":      `streaming.ring_bytes: must be`,
		"rtmp:\n  listen: here\n":             `rtmp.listen: "here" is not`,
		"data: x\ndata: y\n":                  `hawker.yaml:2: `,
		"tls:\n  certificate: c.pem\n":        `tls.certificate: needs tls.key`,
		"tls:\n  domains: ['[a.example]']\n":  `tls.domains: "[a.example]" is not`,
		"tls:\n  directory: http://x\n":       `tls.directory: must be`,
		"tls:\n  redirect: ':80'\n":           `tls.redirect: needs`,
		"transcode:\n  ladder: 720\n":         `transcode: `,
		"uploads:\n  bytes_max: 5\n":          `uploads.bytes_max: must be between`,
		"uploads:\n  open_bytes: 5\n":         `uploads.open_bytes: must be between 2147483648`,
		"uploads:\n  length_max: 0s\n":        `uploads.length_max: must be between`,
		"uploads:\n  jobs: -1\n":              `uploads.jobs: must be between`,
		"streaming:\n  ring_bytes: 1.5e300\n": `hawker.yaml:2: `,
		"data: " + strings.Repeat("x", 1<<20): `larger than`,
	} {
		_, err := config.Load(config.Source{File: file(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
	if _, err := config.Load(config.Source{Environ: []string{"HAWKER_HTPP_LISTEN=:80"}}); err == nil || !strings.Contains(err.Error(), "unknown variable HAWKER_HTPP_LISTEN") {
		t.Errorf("a misspelt variable: %v", err)
	}
	if _, err := config.Load(config.Source{Flags: map[string]string{"broadcast.grace": "soon"}}); err == nil || !strings.HasPrefix(err.Error(), "--broadcast.grace: ") {
		t.Errorf("a wrong flag: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(string(config.Reference()))
	f.Add("data: [a, {b: c}]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = config.Load(config.Source{File: path}) // it must not panic
	})
}
