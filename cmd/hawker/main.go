// Command hawker is the live-shopping server: one binary that takes a creator's stream, fans it out to viewers, pins
// products on its frames, sells them, and shows the seller what was sold. It enters with flags, variables and a file
// (package config), leaves nothing running behind, and wires every package in app.go and nowhere else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/hawkerlive/hawker/config"
)

// version is set by the linker.
var version = "dev"

type cli struct {
	ConfigFile string `name:"config" short:"c" type:"path" env:"HAWKER_CONFIG" help:"Configuration file. Every key of it is a flag as well: see hawker config."`

	Serve   serveCommand   `cmd:"" help:"Start the server."`
	Demo    demoCommand    `cmd:"" help:"Start the server with demo data and a demo broadcast, on loopback unless told otherwise."`
	Config  configCommand  `cmd:"" help:"Print the commented reference configuration."`
	Migrate migrateCommand `cmd:"" help:"Bring the databases up to this version and stop."`
	Verify  verifyCommand  `cmd:"" help:"Re-derive every stock balance from the ledger and say where it breaks."`
	Backup  backupCommand  `cmd:"" help:"Copy both databases and the blobs to a folder, while the server runs or not."`
	Restore restoreCommand `cmd:"" help:"Bring a backup back into an installation that holds nothing."`
	Receipt receiptCommand `cmd:"" name:"verify-receipt" help:"Check a video receipt against published keys, without a server."`
	Revoke  revokeCommand  `cmd:"" name:"revoke-key" help:"Revoke a signing key: what it signed is not believed any more."`
	OpenAPI openapiCommand `cmd:"" name:"openapi" help:"Print the OpenAPI document of the API."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// environment is what a command needs of the process.
type environment struct {
	ctx    context.Context
	stdout io.Writer
	load   func(demo bool) (config.Config, error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var c cli
	keys := config.Keys()
	flags := reflect.New(flagStruct(keys))
	parser, err := kong.New(&c, kong.Name("hawker"), kong.Description("Live shopping in one binary."), kong.UsageOnError(),
		kong.Embed(flags.Interface()), kong.Writers(stdout, stderr), kong.Exit(func(int) {}))
	if err != nil {
		fmt.Fprintln(stderr, "hawker:", err)
		return 2
	}
	for _, a := range args {
		if a == "--help" || a == "-h" {
			_, _ = parser.Parse(args) // prints the help
			return 0
		}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "hawker:", err)
		return 2
	}
	env := &environment{ctx: ctx, stdout: stdout, load: func(demo bool) (config.Config, error) {
		given := flagValues(keys, flags.Elem())
		if demo {
			for _, k := range keys {
				if k.Alias() != "" && given[k.Name] == "" {
					given[k.Name] = loopback(k.Default)
				}
			}
		}
		return config.Load(config.Source{File: c.ConfigFile, Flags: given, Environ: environ})
	}}
	if err := command.Run(env); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "hawker:", err)
		return 1
	}
	return 0
}

// flagStruct makes a struct with one field per key, and one per short name, for the command line's parser.
func flagStruct(keys []config.Key) reflect.Type {
	var fields []reflect.StructField
	add := func(name, help string) {
		help = strings.NewReplacer(`"`, "'", "`", "'", "\n", " ", "$", "").Replace(help)
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("F%d", len(fields)), Type: reflect.TypeFor[*string](),
			Tag: reflect.StructTag(fmt.Sprintf(`name:%q help:%q placeholder:"VALUE" group:"Settings"`, name, help)),
		})
	}
	for _, k := range keys {
		if a := k.Alias(); a != "" {
			add(a, "Short for --"+k.Flag()+".")
		}
		add(k.Flag(), k.Help)
	}
	return reflect.StructOf(fields)
}

func flagValues(keys []config.Key, v reflect.Value) map[string]string {
	out := map[string]string{}
	i := 0
	take := func(name string) {
		if p, ok := v.Field(i).Interface().(*string); ok && p != nil {
			out[name] = *p
		}
		i++
	}
	for _, k := range keys {
		if k.Alias() != "" {
			take(k.Name)
		}
		take(k.Name)
	}
	return out
}

// loopback is a default listening address, moved to loopback: the demo's passwords are public.
func loopback(address string) string {
	address = strings.Trim(address, `"`)
	if strings.HasPrefix(address, ":") {
		return "127.0.0.1" + address
	}
	return address
}
