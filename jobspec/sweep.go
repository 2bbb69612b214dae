package jobspec

import (
	"slices"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/paths"
	"github.com/nixbatch/nixbatch/internal/suggest"
	"github.com/nixbatch/nixbatch/internal/variables"
)

// Sweep describes many tasks of one job: every row, combined with every
// combination of the matrix. See Tasks.
type Sweep struct {
	Matrix     []Axis
	Rows       []Row  // or CSV, not both
	CSV        string // file name, relative to the job file or absolute
	Exclude    []Row  // each names some of the values
	MaxRunning int    // tasks at once; 0 is no limit of its own
	Pos        Pos
}

// Axis is one name of a matrix and its values, in the order of the file.
type Axis struct {
	Name   string
	Values []string
}

// Row is the values of one task, in the order of the file.
type Row []EnvVar

// Get is the value of a name, and whether it is there.
func (r Row) Get(name string) (string, bool) {
	for _, v := range r {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

func sweepBlock() block[Sweep] {
	return block[Sweep]{[]key[Sweep]{
		{"matrix", optional, "names, each with a list of values: every combination is a task", matrixMap,
			func(d *decoder, at string, p pair, s *Sweep) { s.Matrix = d.matrix(at, p.Value) }},
		{"rows", optional, "tasks written out, each a map of names and values", rowsList,
			func(d *decoder, at string, p pair, s *Sweep) { d.taskRows(at, p.Value, s) }},
		{"csv", optional, "file with a line of names, then a line for each task", textOf(nil),
			into((*decoder).csvFile, func(s *Sweep) *string { return &s.CSV })},
		{"exclude", optional, "combinations to leave out, each a map of names and values", rowsList,
			func(d *decoder, at string, p pair, s *Sweep) { s.Exclude = d.rows(at, p.Value) }},
		{"max-running", optional, "how many tasks may run at once", countOf,
			into((*decoder).maxRunning, func(s *Sweep) *int { return &s.MaxRunning })},
	}, map[string]string{
		"include": "did you mean rows?", "table": "did you mean csv?", "file": "did you mean csv?", "limit": "did you mean max-running?",
		"throttle": "did you mean max-running?",
	}}
}

func matrixMap() schema {
	return schema{"type": "object", "additionalProperties": listOf(func() schema { return schema{"type": single} }, 1)(),
		"propertyNames": schema{"pattern": envRE.String()}}
}

func rowsList() schema {
	return schema{"type": "array", "items": namesTo(envRE)(), "minItems": 1}
}

func sweepMap() schema {
	s := objectSchema(sweepBlock())
	s["anyOf"] = []any{schema{"required": []any{"matrix"}}, schema{"required": []any{"rows"}}, schema{"required": []any{"csv"}}}
	s["not"] = schema{"required": []any{"rows", "csv"}}
	return s
}

func (d *decoder) sweep(at string, n *node) *Sweep {
	s := &Sweep{Pos: Pos(n.Pos)}
	got, ok := sweepBlock().read(d, at, n, s)
	if !ok {
		return nil
	}
	matrix, rows, csv := got["matrix"].Value, got["rows"].Value, got["csv"]
	if rows != nil && csv.Value != nil {
		d.Add(csv.Key.Pos, "keep one of them", "%s: rows and csv exclude each other", at)
	}
	if matrix == nil && rows == nil && csv.Value == nil {
		d.Add(n.Pos, "matrix: {name: [value, …]} is the usual one", "%s: expected one of matrix, rows and csv", at)
	}
	return s
}

// taskRows reads rows; the matrix was read before.
func (d *decoder) taskRows(at string, n *node, s *Sweep) {
	s.Rows = d.rows(at, n)
	for i, r := range s.Rows {
		if !sameNames(r, s.Rows[0]) && i < len(n.Items) {
			d.Add(n.Items[i].Pos, "give each row the same names", "%s: this row has other names than the first", at)
		}
	}
	for _, a := range s.Matrix {
		if _, twice := s.firstRow().Get(a.Name); twice {
			d.Add(n.Pos, "keep one of them", "%s: %s is in matrix, too", at, a.Name)
		}
	}
}

func (d *decoder) csvFile(at string, n *node) (string, bool) {
	f, ok := d.Text(at, n, "a file name")
	if ok {
		if problem, hint := paths.File(f); problem != "" {
			d.Add(n.Pos, hint, "%s: %s %s", at, shown(f), problem)
		}
	}
	return f, ok
}

func (d *decoder) maxRunning(at string, n *node) (int, bool) {
	t, ok := d.Text(at, n, "a number of tasks")
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(t)
	if err != nil || i < 1 || t[0] == '+' || t[0] == '0' {
		d.Add(n.Pos, "", "%s: expected a number of tasks, found %s", at, shown(t))
	}
	return i, true
}

func (s *Sweep) firstRow() Row {
	if len(s.Rows) == 0 {
		return nil
	}
	return s.Rows[0]
}

func (d *decoder) matrix(where string, n *node) []Axis {
	if !d.IsMapping(where, n) {
		return nil
	}
	var out []Axis
	for _, p := range n.Keys {
		name := p.Key.Value
		if !d.sweepName(where, p.Key) {
			continue
		}
		at := dot(where, name)
		if p.Value.Kind != list {
			hint := ""
			if p.Value.Single() && p.Value.Kind != nothing {
				hint = "write [" + written(p.Value.Value) + "]"
			}
			d.Expected(at, "a list of values", p.Value, hint)
			continue
		}
		if len(p.Value.Items) == 0 {
			d.Add(p.Value.Pos, "name at least one value, or remove it", "%s: the list is empty", at)
		}
		a := Axis{Name: name}
		for _, item := range p.Value.Items {
			v, ok := d.AnyText(at, item, "a value")
			if !ok {
				continue
			}
			if slices.Contains(a.Values, v) {
				d.Add(item.Pos, "remove one of them", "%s: %s is there twice", at, shown(v))
				continue
			}
			a.Values = append(a.Values, v)
		}
		out = append(out, a)
	}
	return out
}

// rows reads a list of maps of names and values.
func (d *decoder) rows(where string, n *node) []Row {
	if n.Kind != list {
		d.Expected(where, "a list of maps", n, "write - in front of each entry")
		return nil
	}
	if len(n.Items) == 0 {
		d.Add(n.Pos, "remove it", "%s: the list is empty", where)
	}
	var out []Row
	for _, item := range n.Items {
		if !d.IsMapping(where, item) {
			continue
		}
		r := Row{}
		for _, p := range item.Keys {
			if !d.sweepName(where, p.Key) {
				continue
			}
			if v, ok := d.AnyText(dot(where, p.Key.Value), p.Value, "a value"); ok {
				r = append(r, EnvVar{p.Key.Value, v})
			}
		}
		out = append(out, r)
	}
	return out
}

// sweepName checks a name of the sweep, which becomes a variable's.
func (d *decoder) sweepName(where string, n *node) bool {
	problem, hint := checkSweepName(n.Value)
	if problem != "" {
		d.Add(n.Pos, hint, "%s: %s %s", where, shown(n.Value), problem)
	}
	return problem == ""
}

func checkSweepName(name string) (problem, hint string) {
	if !envRE.MatchString(name) {
		return "cannot be the name of a variable", "use letters, digits and _, the first not a digit"
	}
	if i := slices.IndexFunc(variables.Reserved, func(r variables.Family) bool { return r.Matches(name) }); i >= 0 {
		return "cannot be set here: " + variables.Reserved[i].Reason, variables.Reserved[i].Hint
	}
	return "", ""
}

func sameNames(a, b Row) bool {
	if len(a) != len(b) {
		return false
	}
	for _, v := range a {
		if _, ok := b.Get(v.Name); !ok {
			return false
		}
	}
	return true
}

// sweepUse checks what the rest of the file says of the sweep's names.
func (d *decoder) sweepUse(s *Spec, got map[string]pair) {
	names := s.Sweep.names()
	for _, e := range s.Env {
		if slices.Contains(names, e.Name) {
			d.Add(got["env"].Value.Pos, "env is the same for all tasks: remove it there, or rename the sweep's", "env: %s is a name of the sweep", e.Name)
		}
	}
	if s.Sweep.CSV != "" { // its names are not known yet: Tasks tells
		return
	}
	for _, e := range s.Sweep.Exclude {
		for _, v := range e {
			if !slices.Contains(names, v.Name) {
				d.Add(got["sweep"].Value.Pos, suggest.DidYouMean(v.Name, names), "sweep.exclude: the sweep has no name %s", shown(v.Name))
			}
		}
	}
	for _, key := range []string{"inputs", "outputs"} {
		p, ok := got[key]
		if !ok || p.Value.Kind != list {
			continue
		}
		for _, item := range p.Value.Items {
			for _, m := range placeRE.FindAllStringSubmatch(item.Value, -1) {
				if !slices.Contains(names, m[1]) {
					d.Add(item.Pos, suggest.DidYouMean(m[1], names), "%s: the sweep has no name %s", key, shown(m[1]))
				}
			}
		}
	}
}

func (s *Sweep) names() []string {
	var out []string
	for _, v := range s.firstRow() {
		out = append(out, v.Name)
	}
	for _, a := range s.Matrix {
		out = append(out, a.Name)
	}
	return out
}

// placeRE is where a value of the sweep stands in a file's name.
var placeRE = lazyre.New(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)
