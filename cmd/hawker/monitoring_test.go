package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
)

const deployDir = "../../deploy"

// query is a PromQL expression and where it stands.
type query struct{ where, expr string }

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (out []alert) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) < 20 {
		t.Fatalf("only %d rules were read", len(out))
	}
	return out
}

type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ H, W, X, Y int }
	Targets []struct{ Expr, RefID string }
}

func board(t *testing.T) (panels []panel, queries []query) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, "grafana", "hawker.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		UID, Title string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.UID == "" || file.Title == "" {
		t.Error("the board has no uid or title")
	}
	for _, v := range file.Templating.List {
		if v.Type == "query" {
			queries = append(queries, query{"variable " + v.Name, v.Definition})
		}
	}
	for _, p := range file.Panels {
		for _, target := range p.Targets {
			queries = append(queries, query{"panel " + p.Title, target.Expr})
		}
	}
	return file.Panels, queries
}

func TestEachAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchor := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		headings[regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(anchor, "")] = true
	}
	seen := map[string]bool{}
	for _, a := range alerts(t) {
		if a.Alert == "" || seen[a.Alert] {
			t.Errorf("an alert without a name of its own: %+v", a)
		}
		seen[a.Alert] = true
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		if a.For != "" {
			if _, err := time.ParseDuration(a.For); err != nil {
				t.Errorf("%s: %v", a.Alert, err)
			}
		}
		if a.Annotations["summary"] == "" {
			t.Errorf("%s has no summary", a.Alert)
		}
		page, anchor, _ := strings.Cut(a.Annotations["runbook"], "#")
		if page != "docs/operators.md" || !headings[anchor] {
			t.Errorf("%s: there is no %s#%s", a.Alert, page, anchor)
		}
	}
}

func TestTheBoardsPanelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	panels, _ := board(t)
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range panels {
		if ids[p.ID] || p.Title == "" || (p.Type != "row" && len(p.Targets) == 0) {
			t.Errorf("panel %d %q has no id of its own, no title or no target", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q lies on %q or off the board", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// What rules, board and the operators' page ask for is there: each name and each label, in what the running program
// really serves. Counters that nothing has counted yet are looked up among those that are registered.
func TestRulesAndBoardAskForWhatIsThere(t *testing.T) {
	a, _ := server(t)
	exercise(t, a)
	known := scrape(t, a)
	served := len(known)
	for name, labels := range registered(a.registry) {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			if known[name+suffix] == nil {
				known[name+suffix] = map[string]bool{}
			}
			for _, l := range labels {
				known[name+suffix][l] = true
			}
			if suffix == "_bucket" {
				known[name+suffix]["le"] = true
			}
		}
	}
	known["up"] = map[string]bool{}
	t.Logf("%d names served, %d known", served, len(known))

	_, queries := board(t)
	for _, r := range alerts(t) {
		queries = append(queries, query{"alert " + r.Alert, r.Expr})
	}
	for _, q := range queries {
		for _, fault := range unsound(q.expr, known) {
			t.Errorf("%s: %s in %s", q.where, fault, q.expr)
		}
	}
	page, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`(hawker_[a-z0-9_]+)").FindAllStringSubmatch(string(page), -1) {
		if known[name[1]] == nil && !prefixOf(known, name[1]) {
			t.Errorf("docs/operators.md names %s, which there is not", name[1])
		}
	}
}

// prefixOf accepts names of families: hawker_ingest_.
func prefixOf(known map[string]map[string]bool, name string) bool {
	if !strings.HasSuffix(name, "_") {
		return false
	}
	for k := range known {
		if strings.HasPrefix(k, name) {
			return true
		}
	}
	return false
}

// exercise makes the program count what it counts in an ordinary minute.
func exercise(t *testing.T, a *app) {
	t.Helper()
	d := a.demoData
	call(t, "POST", "/v1/checkout", "viewer", map[string]any{
		"lines": []any{map[string]any{"variant": d.Variant, "quantity": 1}}, "broadcast": d.Broadcast, "instrument": d.Instrument,
	}, 201, nil)
	for path, status := range map[string]int{
		"/hls/" + d.Broadcast + "/index.m3u8": 200, "/hls/" + d.Broadcast + "/nothing.mp4": 404, "/v1/broadcasts/" + d.Broadcast + "/feed": 426,
	} {
		resp, err := http.Get("http://" + a.addresses["http"] + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("GET %s: %s, want %d", path, resp.Status, status)
		}
	}
	resp, err := http.Post("http://"+a.addresses["http"]+"/whep/"+d.Broadcast, "application/sdp", strings.NewReader("v=0"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// registered lists what a registry describes, with its labels.
func registered(r *prometheus.Registry) map[string][]string {
	descs := make(chan *prometheus.Desc)
	go func() { r.Describe(descs); close(descs) }()
	shape := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	out := map[string][]string{}
	for d := range descs {
		if m := shape.FindStringSubmatch(d.String()); m != nil {
			out[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return out
}

var (
	promToken = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\$[a-z_]+|[a-zA-Z_:][a-zA-Z0-9_:]*|[0-9.]+[smhdwy]*|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],]`)
	promWords = strings.Fields(`by without on ignoring group_left group_right and or unless bool offset
		sum min max avg count topk bottomk quantile abs rate increase irate changes predict_linear histogram_quantile vector
		clamp_min clamp_max delta deriv time label_values`)
	everywhere = []string{"job", "instance"} // labels that Prometheus adds
)

// unsound says what is wrong with an expression: brackets that do not close, words that are neither functions nor
// names that are served, labels that a name does not have.
func unsound(expr string, known map[string]map[string]bool) (faults []string) {
	var open []string
	var name string // of the selector that a { belongs to
	var grouping []string
	var names []string
	closes := map[string]string{")": "(", "}": "{", "]": "["}
	tokens := promToken.FindAllString(expr, -1)
	if rest := strings.TrimSpace(promToken.ReplaceAllString(expr, "")); strings.TrimSpace(rest) != "" {
		faults = append(faults, fmt.Sprintf("%q cannot be read", rest))
	}
	list := false // inside by (…) or on (…)
	for i, token := range tokens {
		word := regexp.MustCompile(`^[a-zA-Z_:]`).MatchString(token)
		top := ""
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		switch {
		case token == "(" || token == "{" || token == "[":
			open = append(open, token)
			list = token == "(" && i > 0 && slices.Contains([]string{"by", "on", "without", "ignoring"}, tokens[i-1])
		case closes[token] != "":
			if top != closes[token] {
				return append(faults, "brackets do not match")
			}
			open, list = open[:len(open)-1], false
		case !word || top == "[":
		case top == "{":
			if i+1 < len(tokens) && strings.ContainsAny(tokens[i+1], "=!") && !has(known, name, token) {
				faults = append(faults, name+" has no label "+token)
			}
		case list:
			grouping = append(grouping, token)
		case slices.Contains(promWords, token):
		case known[token] != nil:
			name, names = token, append(names, token)
		case slices.Contains(tokens[:i], "label_values"): // its second argument is a label
			grouping = append(grouping, token)
		default:
			faults = append(faults, token+" is neither a function nor served")
		}
	}
	if len(open) > 0 {
		faults = append(faults, "brackets do not close")
	}
	for _, label := range grouping {
		if !slices.ContainsFunc(names, func(n string) bool { return has(known, n, label) }) {
			faults = append(faults, "nothing in it has a label "+label)
		}
	}
	return faults
}

func has(known map[string]map[string]bool, name, label string) bool {
	return slices.Contains(everywhere, label) || known[name][label]
}

func TestUnsoundExpressionsAreFound(t *testing.T) {
	t.Parallel()
	known := map[string]map[string]bool{"a_total": {"outcome": true}, "b_bucket": {"le": true}}
	for expr, fault := range map[string]string{
		`sum by (outcome) (rate(a_total{outcome="x"}[5m])) > 0`:            "",
		`histogram_quantile(0.99, sum by (le) (rate(b_bucket[1m]))) > 0.5`: "",
		`label_values(a_total, outcome)`:                                   "",
		`sum(rate(a_total[5m])`:                                            "brackets",
		`sum(rate(a_total[5m)])`:                                           "brackets",
		`rat(a_total[5m])`:                                                 "rat is neither",
		`rate(gone_total[5m])`:                                             "gone_total is neither",
		`a_total{color="x"} > 1`:                                           "no label color",
		`sum by (color) (a_total)`:                                         "label color",
		`a_total & 1`:                                                      "cannot be read",
	} {
		got := strings.Join(unsound(expr, known), "; ")
		if (fault == "") != (got == "") || !strings.Contains(got, fault) {
			t.Errorf("%s: %q, want %q", expr, got, fault)
		}
	}
}
