package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/suggest"
)

// arrange puts a command line into the order that urfave/cli reads: flags
// before arguments, everything after them behind "--". That library stops
// looking for flags at the first argument and would ignore --dry-run in
// "submit job.yaml --dry-run" without a word. Unknown flags and missing values
// are refused here; "--" ends the flags.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	args = helpTopic(args)
	flags := builtinFlags("help", "h", "version", "v")
	var path []string
	commands := app.Commands
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[0]) })
		if i < 0 {
			if len(path) > 0 && len(commands) == 0 {
				break
			}
			return nil, unknownCommand(args[0], commands, path)
		}
		path = append(path, args[0])
		flags = append(builtinFlags("help", "h"), commands[i].Flags...)
		commands = commands[i].Subcommands
		args = args[1:]
	}
	var front, rest []string
	help := false
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		if a == "--" {
			rest = append(rest, args...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		dashes := len(a) - len(strings.TrimLeft(a, "-"))
		name, value, hasValue := strings.Cut(a[dashes:], "=")
		f := findFlag(flags, name)
		if f == nil || dashes > 2 {
			return nil, unknownFlag(a, flags, path)
		}
		help = help || name == "h" || name == "help"
		switch {
		case !takesValue(f):
			front = append(front, a)
		case hasValue && value != "":
			front = append(front, "--"+name+"="+value)
		case hasValue || len(args) == 0 || strings.HasPrefix(args[0], "-") && args[0] != "-":
			// A value that begins with a dash has to come behind =, else the
			// flag would swallow the next one.
			flag := a[:dashes] + name
			return nil, fault.New(fmt.Sprintf("flag %s needs a value", flag), "write "+flag+"=VALUE")
		default:
			front = append(front, "--"+name+"="+args[0])
			args = args[1:]
		}
	}
	if help {
		rest = nil // else the library looks for a help topic of that name
	}
	out := append(path, front...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

func builtinFlags(names ...string) []cli.Flag {
	var out []cli.Flag
	for _, n := range names {
		out = append(out, &cli.BoolFlag{Name: n})
	}
	return out
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownFlag(given string, flags []cli.Flag, path []string) error {
	word, _, _ := strings.Cut(strings.TrimLeft(given, "-"), "=")
	var names []string
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	hint := "nixbatch " + strings.Join(append(path, "--help"), " ") + " lists the flags"
	if n := suggest.Nearest(word, names); n != "" {
		hint = "did you mean --" + n + "?"
	}
	dashes := given[:len(given)-len(strings.TrimLeft(given, "-"))]
	return fault.New(fmt.Sprintf("unknown flag %s%s", dashes, word), hint)
}

func unknownCommand(given string, commands []*cli.Command, path []string) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Names()...)
	}
	hint := "nixbatch " + strings.Join(append(path, "--help"), " ") + " lists the commands"
	if n := suggest.Nearest(given, names); n != "" {
		hint = "did you mean " + strings.Join(append(slices.Clone(path), n), " ") + "?"
	}
	return fault.New(fmt.Sprintf("unknown command %q", given), hint)
}

// durationWay is how a time is written on the command line.
const durationWay = "write a time with its unit: 30s, 2m, 1h30m"

// badValue is what the library says of a flag's value, in fewer words, with the
// form that the flag takes.
func badValue(c *cli.Command, err error) error {
	way := "nixbatch " + c.Name + " --help"
	m := invalidValue.FindStringSubmatch(err.Error())
	if m == nil {
		return fault.New(err.Error(), way)
	}
	if _, ok := findFlag(c.Flags, m[2]).(*cli.DurationFlag); ok {
		way = durationWay
	}
	return fault.New(fmt.Sprintf("flag --%s cannot take %s", m[2], m[1]), way)
}

// invalidValue is urfave/cli's (and flag's) complaint about a value.
var invalidValue = lazyre.New(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-+([a-z-]+)`)

// helpTopic turns "help COMMAND" into "COMMAND --help".
func helpTopic(args []string) []string {
	if len(args) == 0 || args[0] != "help" {
		return args
	}
	return append(slices.Clone(args[1:]), "--help")
}

// plainFlags is how the library prints a flag in a help text.
var plainFlags = cli.FlagStringer

// shortFlags leaves the defaults that say nothing out of the help.
func shortFlags() {
	cli.FlagStringer = func(f cli.Flag) string {
		return strings.NewReplacer(" (default: false)", "", " (default: 0s)", "", " (default: 0)", "").Replace(plainFlags(f))
	}
}
