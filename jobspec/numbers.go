package jobspec

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/locate"
	"github.com/nixbatch/nixbatch/internal/paths"
	"github.com/nixbatch/nixbatch/internal/suggest"
)

// Number names a number that a task leaves, in an output or in what it prints, or
// a row of them: they are kept in the record, shown as results, and two runs are
// compared by them. Two numbers agree if they differ by no more than Abs, or than
// Rel times the larger of them.
type Number struct {
	Name      string  // "": it has none
	Unit      string  // for people; "" for none
	File      string  // one of outputs, or a name or pattern that one of them matches; "" with Log
	Log       bool    // look into what the task prints
	Pattern   string  // regular expression (RE2); its first group, or all of it, is the number, or it finds the line
	JSON      string  // dotted path into a JSON file: scf.energies[0], list[*].Value
	Column    string  // heading of a column of a table, or its number from 1
	Separator string  // between columns: "comma", "semicolon", "tab", "blank"; "": by the file's name
	Header    string  // whether a table's first line names the columns: "yes", "no", or "": see the reference
	Section   string  // pattern of the lines after which numbers are looked for; "": everywhere
	Until     string  // pattern of the line before which a section ends
	Line      int     // lines after the one that Pattern finds; of a table, lines to pass over
	Which     string  // "first" or "last" of them; "": all
	Abs       float64 // absolute tolerance
	Rel       float64 // relative tolerance
}

// maxLine is further than anybody counts lines.
const maxLine = 100_000

func numberBlock() block[Number] {
	return block[Number]{[]key[Number]{
		{"name", optional, "what the number is called in results, such as energy", textOf(nil),
			into(checked("a name", locate.Name), func(n *Number) *string { return &n.Name })},
		{"unit", optional, "its unit, such as Eh; for people, nothing is converted", textOf(nil),
			into(checked("a unit", locate.Name), func(n *Number) *string { return &n.Unit })},
		{"file", optional, "the output that holds it, or a pattern for several; {NAME} is a value of the sweep", textOf(nil),
			into(checked("a file name", paths.Output), func(n *Number) *string { return &n.File })},
		{"log", optional, "true: look into what the task prints, not into a file", func() schema { return schema{"type": "boolean"} },
			into((*decoder).yesOrNo, func(n *Number) *bool { return &n.Log })},
		{"pattern", optional, "regular expression (RE2), searched in each line; its first group is the number", textOf(nil),
			into(checked("text", locate.Pattern), func(n *Number) *string { return &n.Pattern })},
		{"json", optional, "path of the number in a JSON file, such as scf.energy or steps[0].energy", textOf(locate.JSONPathRE),
			into(checked("text", locate.JSONPath), func(n *Number) *string { return &n.JSON })},
		{"column", optional, "column of a table, by its heading or its number from 1; with pattern, a blank-separated field of the line", textOf(nil),
			into(checked("a column", locate.Column), func(n *Number) *string { return &n.Column })},
		{"separator", optional, "between columns: comma, semicolon, tab or blank; default by the file's name: .csv, .tsv, else blank", enumOf(locate.Separators),
			into(oneOf(locate.Separators), func(n *Number) *string { return &n.Separator })},
		{"header", optional, "whether the first line of the table names the columns; default: it does if the column is named, or if what it has there is no number", func() schema { return schema{"type": "boolean"} },
			into((*decoder).header, func(n *Number) *string { return &n.Header })},
		{"section", optional, "pattern of the lines after which it is looked for; default everywhere", textOf(nil),
			into(checked("text", locate.Pattern), func(n *Number) *string { return &n.Section })},
		{"until", optional, "pattern of the line before which a section ends; default the end of the file, of a table the next blank line", textOf(nil),
			into(checked("text", locate.Pattern), func(n *Number) *string { return &n.Until })},
		{"line", optional, "how many lines below the one that pattern finds; of a table, lines to pass over before it; default 0", countFromZero,
			into((*decoder).line, func(n *Number) *int { return &n.Line })},
		{"which", optional, "of several: all, first or last; default all", enumOf(locate.Which),
			into((*decoder).which, func(n *Number) *string { return &n.Which })},
		{"abs", optional, "absolute tolerance of a comparison; default 0", toleranceOf,
			into((*decoder).tolerance, func(n *Number) *float64 { return &n.Abs })},
		{"rel", optional, "relative tolerance of a comparison; default 0", toleranceOf,
			into((*decoder).tolerance, func(n *Number) *float64 { return &n.Rel })},
	}, map[string]string{
		"path": "did you mean file, or json?", "regex": "did you mean pattern?", "tolerance": "write abs or rel", "tol": "write abs or rel",
		"csv": "write file and column", "table": "write file and column", "units": "did you mean unit?", "stdout": "did you mean log: true?",
	}}
}

func toleranceOf() schema {
	return schema{"anyOf": []any{schema{"type": "number", "minimum": 0}, schema{"type": "string", "pattern": `^[0-9.]+([eE][-+]?[0-9]+)?$`}}}
}

func countFromZero() schema {
	return schema{"anyOf": []any{schema{"type": "integer", "minimum": 0}, schema{"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}}}
}

func numberList() schema {
	s := objectSchema(numberBlock())
	need := func(name string) any { return schema{"required": []any{name}} }
	s["oneOf"] = []any{need("file"), schema{"required": []any{"log"}, "properties": schema{"log": schema{"const": true}}}}
	s["anyOf"] = []any{need("pattern"), need("json"), need("column")}
	return schema{"type": "array", "items": s}
}

// numbers reads the list of numbers to keep; outputs were read before.
func (d *decoder) numbers(at string, n *node, outputs []string) []Number {
	if n.Kind != list {
		d.Expected(at, "a list", n, "write - in front of each entry")
		return nil
	}
	var out []Number
	seen := map[string]bool{}
	for _, item := range n.Items {
		before := d.Count()
		var x Number
		got, ok := numberBlock().read(d, at, item, &x)
		if ok {
			locate.Together(&d.Reader, at, item, got, x.Column, x.Log, x.Header)
		}
		if p := got["name"]; x.Name != "" && seen[x.Name] {
			d.Add(p.Value.Pos, "give each its own", "%s: two numbers have the name %s", at, shown(x.Name))
		}
		seen[x.Name] = true
		if d.Count() == before {
			if x.File != "" && !paths.Among(unplaced(outputs), unplaced([]string{x.File})[0]) {
				d.Add(got["file"].Value.Pos, "add it to outputs", "%s: %s is not one of outputs", at, shown(x.File))
			}
			out = append(out, x)
		}
	}
	return out
}

// checked reads text that a function looks at.
func checked(want string, check func(string) (problem, hint string)) func(*decoder, string, *node) (string, bool) {
	return func(d *decoder, at string, n *node) (string, bool) {
		s, ok := d.Text(at, n, want)
		if ok {
			if problem, hint := check(s); problem != "" {
				d.Add(n.Pos, hint, "%s: %s %s", at, shown(s), problem)
			}
		}
		return s, ok
	}
}

func (d *decoder) header(at string, n *node) (string, bool) {
	yes, ok := d.yesOrNo(at, n)
	if yes {
		return "yes", ok
	}
	return "no", ok
}

func (d *decoder) which(at string, n *node) (string, bool) {
	s, ok := d.Choice(at, n, locate.Which)
	return strings.TrimSuffix(s, "all"), ok
}

func (d *decoder) line(at string, n *node) (int, bool) {
	s, ok := d.Text(at, n, "a number of lines")
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < 0 || i > maxLine || s[0] == '+' || len(s) > 1 && s[0] == '0' {
		d.Add(n.Pos, "", "%s: expected a number of lines from 0 to %d, found %s", at, maxLine, shown(s))
	}
	return i, true
}

func (d *decoder) tolerance(at string, n *node) (float64, bool) {
	s, ok := d.Text(at, n, "a number")
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		d.Add(n.Pos, "such as 1e-9", "%s: expected a number that is not negative, found %s", at, shown(s))
		return 0, false
	}
	return f, true
}

// unplaced are names without the braces around names of the sweep, which would be
// alternatives of a pattern.
func unplaced(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = placeRE.ReplaceAllString(n, "<$1>")
	}
	return out
}

// numberUse checks what the sweep, which was read after the numbers, has to do
// with them.
func (d *decoder) numberUse(s *Spec, p pair) {
	if p.Value == nil || p.Value.Kind != list || s.Sweep != nil && s.Sweep.CSV != "" {
		return // the names of a CSV file are not known yet: CheckNumbers tells
	}
	var names []string
	if s.Sweep != nil {
		names = s.Sweep.names()
	}
	for _, item := range p.Value.Items {
		for _, k := range item.Keys {
			switch {
			case k.Key.Value == "file":
				for _, name := range Places(k.Value.Value) {
					if !slices.Contains(names, name) {
						d.Add(k.Value.Pos, suggest.DidYouMean(name, names), "%s.file: %s", p.Key.Value, noName(name, names))
					}
				}
			case k.Key.Value == "name" && slices.Contains(names, k.Value.Value):
				d.Add(k.Value.Pos, "give the number another", "%s.name: %s is a name of the sweep", p.Key.Value, shown(k.Value.Value))
			}
		}
	}
}

func noName(name string, names []string) string {
	if len(names) == 0 {
		return "there is no sweep that has a name " + shown(name)
	}
	return "the sweep has no name " + shown(name)
}

// CheckNumbers tells whether the numbers' files have places for names of the sweep
// alone, whose tasks are given, and share no name with it.
func CheckNumbers(s *Spec, tasks []Row) error {
	if len(tasks) == 0 {
		return nil
	}
	for _, x := range s.Numbers {
		for _, name := range Places(x.File) {
			if _, ok := tasks[0].Get(name); !ok {
				names := tasks[0].namesOf()
				return &SweepError{"numbers: " + x.File + ": " + noName(name, names), suggest.DidYouMean(name, names)}
			}
		}
		if _, twice := tasks[0].Get(x.Name); x.Name != "" && twice {
			return &SweepError{"numbers: " + shown(x.Name) + " is a name of the sweep", "give the number another"}
		}
	}
	return nil
}
