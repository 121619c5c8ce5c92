// Package deploy_test checks what cannot be tried without Docker or systemd: that the files which start Hawker
// elsewhere name things that exist. What rules and board ask for is checked in cmd/hawker, beside the running program.
package deploy_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hawkerlive/hawker/config"
)

const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ports are the default ports that the world reaches, as port/protocol.
func ports(t *testing.T) (out []string) {
	t.Helper()
	for _, k := range config.Keys() {
		if k.Alias() == "" {
			continue
		}
		host, port, err := net.SplitHostPort(strings.Trim(k.Default, `"`))
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
			continue
		}
		switch k.Name {
		case "srt.listen":
			out = append(out, port+"/udp")
		case "rtsp.listen": // RTP and RTCP over UDP: the port of the same number and the next
			number, err := strconv.Atoi(port)
			if err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			out = append(out, port+"/tcp", port+"/udp", strconv.Itoa(number+1)+"/udp")
		case "webrtc.listen", "webrtc_ingest.listen":
			out = append(out, port+"/tcp", port+"/udp")
		default:
			out = append(out, port+"/tcp")
		}
	}
	slices.Sort(out)
	return out
}

// settings tells whether a variable or a flag exists.
func settings() (variables, flags map[string]bool) {
	variables, flags = map[string]bool{"HAWKER_CONFIG": true}, map[string]bool{"config": true}
	for _, k := range config.Keys() {
		variables[k.Variable()], flags[k.Flag()] = true, true
		if k.Alias() != "" {
			flags[k.Alias()] = true
		}
	}
	return variables, flags
}

// instruction is one of a Dockerfile, its continued lines joined.
type instruction struct{ name, rest string }

func dockerfile(t *testing.T) (out []instruction) {
	t.Helper()
	text := strings.ReplaceAll(read(t, "docker/Dockerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		out = append(out, instruction{name, strings.TrimSpace(rest)})
	}
	return out
}

func TestTheDockerfileCopiesWhatIsThere(t *testing.T) {
	t.Parallel()
	stages, ignored := map[string]bool{}, dockerignored(t)
	for _, i := range dockerfile(t) {
		switch i.name {
		case "FROM":
			if f := strings.Fields(i.rest); len(f) == 3 && strings.EqualFold(f[1], "as") {
				stages[f[2]] = true
			}
		case "COPY":
			from, sources := "", strings.Fields(i.rest)
			for strings.HasPrefix(sources[0], "--") {
				if stage, ok := strings.CutPrefix(sources[0], "--from="); ok {
					from = stage
				}
				sources = sources[1:]
			}
			if from != "" {
				if !stages[from] {
					t.Errorf("COPY %s: there is no stage %s above it", i.rest, from)
				}
				continue
			}
			for _, s := range sources[:len(sources)-1] {
				if _, err := os.Stat(filepath.Join(root, s)); err != nil {
					t.Errorf("COPY %s: %v", i.rest, err)
				}
				if ignored[filepath.Clean(s)] {
					t.Errorf("COPY %s: .dockerignore leaves it out", i.rest)
				}
			}
		}
	}
	for _, secret := range []string{".git", "data", "bin", "web/node_modules"} {
		if !ignored[secret] {
			t.Errorf(".dockerignore lets %s into the image's context", secret)
		}
	}
}

func dockerignored(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for line := range strings.Lines(read(t, filepath.Join(root, ".dockerignore"))) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out[filepath.Clean(line)] = true
		}
	}
	return out
}

func TestTheImageRunsAsNobodyOnTheDefaultPorts(t *testing.T) {
	t.Parallel()
	variables, _ := settings()
	var user, entrypoint, command, goVersion string
	var exposed []string
	for _, i := range dockerfile(t) {
		switch i.name {
		case "FROM": // what follows is of another stage
			user, entrypoint, command, exposed = "", "", "", nil
			if v := regexp.MustCompile(`^golang:(\d+\.\d+)`).FindStringSubmatch(i.rest); v != nil {
				goVersion = v[1]
			}
		case "USER":
			user = i.rest
		case "ENTRYPOINT":
			entrypoint = i.rest
		case "CMD":
			command = i.rest
		case "EXPOSE":
			exposed = append(exposed, strings.Fields(i.rest)...)
		case "ENV":
			if name, _, _ := strings.Cut(i.rest, "="); strings.HasPrefix(name, "HAWKER_") && !variables[name] {
				t.Errorf("ENV %s: there is no such setting", i.rest)
			}
		}
	}
	if user == "" || user == "root" || user == "0" {
		t.Errorf("it runs as %q", user)
	}
	if entrypoint != `["/hawker"]` || command != `["serve"]` {
		t.Errorf("it starts %s %s", entrypoint, command)
	}
	slices.Sort(exposed)
	if want := ports(t); !slices.Equal(exposed, want) {
		t.Errorf("it exposes %v, the reference configuration listens on %v", exposed, want)
	}
	if m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, filepath.Join(root, "go.mod"))); m == nil || m[1] != goVersion {
		t.Errorf("it builds with Go %s, go.mod says %v", goVersion, m)
	}
}

func TestComposeStartsTheImageWithSettingsThatExist(t *testing.T) {
	t.Parallel()
	var file struct {
		Services map[string]struct {
			Build struct {
				Context, Dockerfile string
			}
			Environment     map[string]string
			Ports, Volumes  []string
			StopGracePeriod string `yaml:"stop_grace_period"`
			Restart         string
		}
		Volumes map[string]any
	}
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "docker/compose.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	s, ok := file.Services["hawker"]
	if !ok {
		t.Fatal("there is no service hawker")
	}
	if _, err := os.Stat(filepath.Join("docker", s.Build.Context, s.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	variables, _ := settings()
	for name := range s.Environment {
		if !variables[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	var published []string
	for _, p := range s.Ports {
		inside := p[strings.LastIndex(p, ":")+1:]
		if !strings.Contains(inside, "/") {
			inside += "/tcp"
		}
		published = append(published, inside)
	}
	slices.Sort(published)
	if want := ports(t); !slices.Equal(published, want) {
		t.Errorf("it publishes %v, not %v", published, want)
	}
	if grace, err := time.ParseDuration(s.StopGracePeriod); err != nil || grace < 6*time.Second {
		t.Errorf("it is killed after %q, and may take 5 s to stop", s.StopGracePeriod)
	}
	for _, v := range s.Volumes {
		name, target, _ := strings.Cut(v, ":")
		if _, ok := file.Volumes[name]; !ok || target != "/data" {
			t.Errorf("volume %s: it must be named and lie at /data", v)
		}
	}
}

// directives are those of systemd that the unit may use; systemd ignores what it does not know, with a warning only.
var directives = map[string][]string{
	"Unit": {"Description", "Documentation", "After", "Wants"},
	"Service": {
		"ExecStart", "DynamicUser", "StateDirectory", "ConfigurationDirectory", "Restart", "RestartSec", "KillSignal", "TimeoutStopSec",
		"LimitNOFILE", "AmbientCapabilities", "CapabilityBoundingSet", "NoNewPrivileges", "UMask", "ProtectSystem", "ProtectHome", "PrivateTmp",
		"PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups", "RestrictAddressFamilies", "RestrictNamespaces",
		"LockPersonality", "MemoryDenyWriteExecute", "SystemCallFilter", "SystemCallErrorNumber",
	},
	"Install": {"WantedBy"},
}

func TestTheUnitIsOneThatSystemdKnows(t *testing.T) {
	t.Parallel()
	text := read(t, "systemd/hawker.service")
	values, section := map[string]string{}, ""
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		default:
			name, value, ok := strings.Cut(line, "=")
			if !ok || !slices.Contains(directives[section], name) {
				t.Errorf("[%s] has no %s", section, name)
			}
			values[name] = value
		}
	}
	_, flags := settings()
	start := strings.Fields(values["ExecStart"])
	if len(start) < 2 || filepath.Base(start[0]) != "hawker" || start[1] != "serve" {
		t.Fatalf("it starts %q", values["ExecStart"])
	}
	for _, f := range start[2:] {
		if name, ok := strings.CutPrefix(f, "--"); ok && !flags[name] {
			t.Errorf("%s is no flag", f)
		}
	}
	if stop, err := time.ParseDuration(values["TimeoutStopSec"]); err != nil || stop < 6*time.Second {
		t.Errorf("it is killed after %q, and may take 5 s to stop", values["TimeoutStopSec"])
	}
	if values["KillSignal"] != "SIGTERM" || values["DynamicUser"] != "yes" {
		t.Error("it must stop by SIGTERM and run as nobody")
	}
	// Viewers are told the addresses of this machine, which the kernel tells by netlink.
	for _, family := range []string{"AF_INET", "AF_INET6", "AF_NETLINK"} {
		if !slices.Contains(strings.Fields(values["RestrictAddressFamilies"]), family) {
			t.Errorf("it may not use %s", family)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // the directives were checked above
	}
	// systemd wants the program to be there: this test binary stands in for it.
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "hawker.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, start[0], here)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "hawker.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
