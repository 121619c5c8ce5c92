package event_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
)

func TestEveryKindHasASample(t *testing.T) {
	t.Parallel()
	for _, k := range event.Kinds() {
		e := eventtest.Sample(t, k)
		if e.Kind != k || e.V != k.Version() || e.At == 0 {
			t.Errorf("%s: the sample is of kind %q, version %d, at %d", k, e.Kind, e.V, e.At)
		}
		if _, err := uuid.Parse(e.ID); err != nil {
			t.Errorf("%s: id %q: %v", k, e.ID, err)
		}
		if k.Class() == event.Value && e.ValueKey() == "" {
			t.Errorf("%s: a value needs a key", k)
		}
		raw, err := os.ReadFile(eventtest.SamplePath(k))
		if err != nil {
			t.Fatal(err)
		}
		var compact, again bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		enc := json.NewEncoder(&again)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(again.String()); got != compact.String() {
			t.Errorf("%s does not survive reading and writing:\n%s\n%s", k, compact.String(), got)
		}
	}
}

func TestEverySampleIsReadable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < len(event.Kinds()) {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil || !strings.HasPrefix(filepath.Base(name), string(e.Kind)+".v") {
			t.Errorf("%s: kind %q, %v", name, e.Kind, err)
		}
	}
}

func TestValuesAreToldApartByTheirKey(t *testing.T) {
	t.Parallel()
	stock := func(variant string) event.Event {
		return event.Event{ID: "1", Kind: event.StockChanged, Data: json.RawMessage(`{"variant":"` + variant + `","available":1}`)}
	}
	if first, again := stock("a").ValueKey(), stock("a").ValueKey(); first != again || first == stock("b").ValueKey() {
		t.Error("stock is keyed by variant")
	}
	if k := (event.Event{Kind: event.ViewersChanged, Data: json.RawMessage(`{"viewers":1}`)}).ValueKey(); k == "" {
		t.Error("viewers have one key")
	}
	for _, kind := range []event.Kind{event.PinPlaced, "x.mine", "future.kind"} {
		if k := (event.Event{Kind: kind, Data: json.RawMessage(`{}`)}).ValueKey(); k != "" {
			t.Errorf("%s is merged under %q", kind, k)
		}
	}
}
