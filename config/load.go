package config

import (
	_ "embed" // reference.yaml
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

//go:embed reference.yaml
var reference []byte

// Reference is the commented reference file, which is also the default configuration.
func Reference() []byte { return append([]byte(nil), reference...) }

const fileBytesMax = 1 << 20

// Key is one setting: its dotted name, its default as written, and the comment above it.
type Key struct {
	Name, Default, Help string
	list                bool
}

// Flag is the key's name on the command line.
func (k Key) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Alias is the short flag of a key that says where to listen: --http for http.listen. Empty for others.
func (k Key) Alias() string {
	section, ok := strings.CutSuffix(k.Name, ".listen")
	if !ok {
		return ""
	}
	return strings.ReplaceAll(section, "_", "-")
}

// Variable is the key's name in the environment.
func (k Key) Variable() string {
	return "HAWKER_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Keys lists every setting, in the order of the reference file.
func Keys() []Key {
	file, err := parser.ParseBytes(reference, parser.ParseComments)
	if err != nil {
		panic(fmt.Sprintf("config: reference.yaml: %v", err))
	}
	var out []Key
	collect(file.Docs[0].Body, "", &out)
	return out
}

func collect(n ast.Node, prefix string, out *[]Key) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return
	}
	for _, pair := range m.Values {
		name := prefix + pair.Key.String()
		switch v := pair.Value.(type) {
		case *ast.MappingNode:
			collect(v, name+".", out)
		default:
			_, list := v.(*ast.SequenceNode)
			help := ""
			if c := pair.GetComment(); c != nil {
				for _, line := range strings.Split(c.String(), "\n") {
					help += strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")) + " "
				}
			}
			*out = append(*out, Key{Name: name, Default: strings.TrimSpace(v.String()), Help: strings.TrimSpace(help), list: list})
		}
	}
}

// Source gives the values that a file does not: flags by key name, and the environment.
type Source struct {
	// File is the path of a configuration file. Empty: only the defaults.
	File string
	// Flags holds the values of the command line by key name.
	Flags map[string]string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
}

// Load reads the configuration: defaults, then the file, then the environment, then flags. It returns an error that
// names the file and line, the variable or the flag of what is wrong.
func Load(s Source) (Config, error) {
	var c Config
	if err := decode(reference, &c); err != nil {
		return c, fmt.Errorf("config: reference.yaml: %w", err)
	}
	if s.File != "" {
		info, err := os.Stat(s.File)
		if err != nil {
			return c, fmt.Errorf("config: %w", err)
		}
		if info.Size() > fileBytesMax {
			return c, fmt.Errorf("config: %s is larger than %d bytes", s.File, fileBytesMax)
		}
		text, err := os.ReadFile(s.File)
		if err != nil {
			return c, fmt.Errorf("config: %w", err)
		}
		if err := decode(text, &c); err != nil {
			return c, fmt.Errorf("%s:%w", s.File, err)
		}
	}
	env := map[string]string{}
	for _, e := range s.Environ {
		if name, value, ok := strings.Cut(e, "="); ok && strings.HasPrefix(name, "HAWKER_") {
			env[name] = value
		}
	}
	for _, k := range Keys() {
		if value, ok := env[k.Variable()]; ok {
			if err := set(&c, k, value); err != nil {
				return c, fmt.Errorf("%s: %w", k.Variable(), err)
			}
			delete(env, k.Variable())
		}
		if value, ok := s.Flags[k.Name]; ok {
			if err := set(&c, k, value); err != nil {
				return c, fmt.Errorf("--%s: %w", k.Flag(), err)
			}
		}
	}
	delete(env, "HAWKER_CONFIG") // names the file
	for name := range env {
		if strings.HasPrefix(name, "HAWKER_TEST_") {
			delete(env, name)
		}
	}
	if len(env) > 0 {
		names := make([]string, 0, len(env))
		for name := range env {
			names = append(names, name)
		}
		sort.Strings(names)
		return c, fmt.Errorf("unknown variable %s", strings.Join(names, ", "))
	}
	return c, c.check()
}

// decode reads YAML over what c holds already. Its error starts with the line.
func decode(text []byte, c *Config) error {
	err := yaml.UnmarshalWithOptions(text, c, yaml.Strict())
	var e yaml.Error
	if errors.As(err, &e) {
		if t := e.GetToken(); t != nil && t.Position != nil {
			return fmt.Errorf("%d: %s", t.Position.Line, e.GetMessage())
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%d: %w", lineOf(text, err), err)
	}
	return nil
}

// lineOf finds the line of a value that a type's own parser refused: that error carries no place.
func lineOf(text []byte, cause error) int {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return 1
	}
	line := 1
	for _, doc := range file.Docs {
		ast.Walk(visit(func(n ast.Node) {
			if s, ok := n.(*ast.StringNode); ok && strings.Contains(cause.Error(), strconv.Quote(s.Value)) {
				line = s.Token.Position.Line
			}
		}), doc.Body)
	}
	return line
}

type visit func(n ast.Node)

func (v visit) Visit(n ast.Node) ast.Visitor { v(n); return v }

func set(c *Config, k Key, value string) error {
	parts := strings.Split(k.Name, ".")
	var b strings.Builder
	for i, p := range parts {
		b.WriteString(strings.Repeat("  ", i) + p + ":")
		if i < len(parts)-1 {
			b.WriteByte('\n')
		}
	}
	if k.list {
		b.WriteString(" [")
		for i, item := range strings.Split(value, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(item))
		}
		b.WriteString("]\n")
	} else if strings.HasPrefix(k.Default, `"`) || isWord(k.Default) {
		b.WriteString(" " + quote(value) + "\n")
	} else {
		b.WriteString(" " + strings.NewReplacer("\n", " ", "#", " ").Replace(value) + "\n")
	}
	err := decode([]byte(b.String()), c)
	if err != nil {
		_, message, _ := strings.Cut(err.Error(), ": ")
		return errors.New(message)
	}
	return nil
}

// isWord tells whether a default is a plain string: what replaces it is quoted, so that no value of the command
// line is read as a number, a list or a null.
func isWord(s string) bool {
	var v any
	if err := yaml.Unmarshal([]byte(s), &v); err != nil {
		return true
	}
	text, ok := v.(string)
	return ok && (text == "" || text[0] < '0' || text[0] > '9')
}

func quote(s string) string {
	out, err := yaml.MarshalWithOptions(s, yaml.JSON())
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(string(out))
}
