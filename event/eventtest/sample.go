package eventtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/event"
)

// The owners that the samples tell of.
const (
	SampleBroadcast = "01936a5c-0000-7000-8000-00000000b001"
	SampleShop      = "01936a5c-0000-7000-8000-000000005001"
)

// Sample reads the sample of a kind in its present version, on the topic where the kind is found.
func Sample(t testing.TB, k event.Kind) event.Event {
	t.Helper()
	raw, err := os.ReadFile(SamplePath(k))
	if err != nil {
		t.Fatalf("every kind has a sample: %v", err)
	}
	var e event.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("%s: %v", SamplePath(k), err)
	}
	e.Topic = event.BroadcastTopic(SampleBroadcast)
	switch sort, _, _ := strings.Cut(string(k), "."); sort {
	case "order", "stock", "price", "key":
		e.Topic = event.ShopTopic(SampleShop)
	case "audience":
		e.Topic = "audience/" + SampleBroadcast
	}
	return e
}

// SamplePath is where the sample of a kind lies.
func SamplePath(k event.Kind) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "testdata", fmt.Sprintf("%s.v%d.json", k, k.Version()))
}

// CheckWriter compares the shape of what a writer makes with the sample: every member that one has the other
// has too, with values of one sort. Members that may be missing are named by their path ("pin.until").
func CheckWriter(t testing.TB, k event.Kind, data any, optional ...string) {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	have, want := shape(t, raw), shape(t, Sample(t, k).Data)
	may := map[string]bool{}
	for _, o := range optional {
		may[o] = true
	}
	for path, sort := range want {
		if got, ok := have[path]; !ok && !may[path] {
			t.Errorf("%s: the writer leaves out %s", k, path)
		} else if ok && got != sort && got != "null" && sort != "null" {
			t.Errorf("%s: %s is a %s, in the sample a %s", k, path, got, sort)
		}
	}
	for path := range have {
		if _, ok := want[path]; !ok && !may[path] {
			t.Errorf("%s: the writer adds %s, which the sample does not show", k, path)
		}
	}
}

// CheckReader decodes the sample into the reader's type and fails where a member that the type names stays
// empty: the reader asks for something that the writer does not send.
func CheckReader(t testing.TB, k event.Kind, into any) {
	t.Helper()
	s := Sample(t, k)
	if err := json.Unmarshal(s.Data, into); err != nil {
		t.Fatalf("%s: %v", k, err)
	}
	raw, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	want := shape(t, s.Data)
	for path := range shape(t, raw) {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: the reader asks for %s, which is never written", k, path)
		}
	}
}

// shape lists the paths of a JSON value with the sort of each. Elements of a list share one path.
func shape(t testing.TB, raw []byte) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	walk("", v, out)
	return out
}

func walk(path string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		out[path] = "object"
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			walk(strings.TrimPrefix(path+"."+name, "."), v[name], out)
		}
	case []any:
		out[path] = "list"
		for _, e := range v {
			walk(path, e, out)
		}
		out[path] = "list"
	case string:
		out[path] = "string"
	case float64:
		out[path] = "number"
	case bool:
		out[path] = "bool"
	case nil:
		out[path] = "null"
	}
}
