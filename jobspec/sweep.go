package jobspec

import (
	"regexp"
	"slices"
	"strconv"
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

var sweepFields = block{
	{"matrix", false, "names, each with a list of values: every combination is a task", schema{"type": "object",
		"additionalProperties": listSchema(schema{"type": single}, 1), "propertyNames": schema{"pattern": envRE.String()}}},
	{"rows", false, "tasks written out, each a map of names and values", rowsSchema()},
	{"csv", false, "file with a line of names, then a line for each task", textSchema(nil)},
	{"exclude", false, "combinations to leave out, each a map of names and values", rowsSchema()},
	{"max-running", false, "how many tasks may run at once", countSchema()},
}

func rowsSchema() schema {
	return schema{"type": "array", "items": mapSchema(envRE), "minItems": 1}
}

func sweepSchema() schema {
	s := objectSchema(sweepFields)
	s["anyOf"] = []any{schema{"required": []any{"matrix"}}, schema{"required": []any{"rows"}}, schema{"required": []any{"csv"}}}
	s["not"] = schema{"required": []any{"rows", "csv"}}
	return s
}

func (d *decoder) sweep(n *node) *Sweep {
	const where = "sweep"
	got, ok := d.block(where, n, sweepFields, map[string]string{
		"include": "did you mean rows?", "table": "did you mean csv?", "file": "did you mean csv?", "limit": "did you mean max-running?",
		"throttle": "did you mean max-running?"})
	if !ok {
		return nil
	}
	s := &Sweep{Pos: n.pos}
	if p, ok := got["matrix"]; ok {
		s.Matrix = d.matrix(dot(where, "matrix"), p.value)
	}
	if p, ok := got["rows"]; ok {
		s.Rows = d.rows(dot(where, "rows"), p.value)
		for i, r := range s.Rows {
			if !sameNames(r, s.Rows[0]) && i < len(p.value.items) {
				d.add(p.value.items[i].pos, "give each row the same names", "%s: this row has other names than the first", dot(where, "rows"))
			}
		}
		for _, a := range s.Matrix {
			if _, twice := s.firstRow().Get(a.Name); twice {
				d.add(p.value.pos, "keep one of them", "%s: %s is in matrix, too", dot(where, "rows"), a.Name)
			}
		}
	}
	if p, ok := got["csv"]; ok {
		if f, ok := d.text(dot(where, "csv"), p.value, "a file name"); ok {
			if problem, hint := checkInput(f); problem != "" {
				d.add(p.value.pos, hint, "%s: %s %s", dot(where, "csv"), shown(f), problem)
			}
			s.CSV = f
		}
		if _, both := got["rows"]; both {
			d.add(p.key.pos, "keep one of them", "sweep: rows and csv exclude each other")
		}
	}
	if p, ok := got["exclude"]; ok {
		s.Exclude = d.rows(dot(where, "exclude"), p.value)
	}
	if p, ok := got["max-running"]; ok {
		at := dot(where, "max-running")
		if t, ok := d.text(at, p.value, "a number of tasks"); ok {
			i, err := strconv.Atoi(t)
			if err != nil || i < 1 || t[0] == '+' || t[0] == '0' {
				d.add(p.value.pos, "", "%s: expected a number of tasks, found %s", at, shown(t))
			}
			s.MaxRunning = i
		}
	}
	if got["matrix"].value == nil && got["rows"].value == nil && got["csv"].value == nil {
		d.add(n.pos, "matrix: {name: [value, …]} is the usual one", "sweep: expected one of matrix, rows and csv")
	}
	return s
}

func (s *Sweep) firstRow() Row {
	if len(s.Rows) == 0 {
		return nil
	}
	return s.Rows[0]
}

func (d *decoder) matrix(where string, n *node) []Axis {
	if !d.isMapping(where, n) {
		return nil
	}
	var out []Axis
	for _, p := range n.keys {
		name := p.key.value
		if !d.sweepName(where, p.key) {
			continue
		}
		at := dot(where, name)
		if p.value.kind != list {
			hint := ""
			if p.value.single() && p.value.kind != nothing {
				hint = "write [" + written(p.value.value) + "]"
			}
			d.expected(at, "a list of values", p.value, hint)
			continue
		}
		if len(p.value.items) == 0 {
			d.add(p.value.pos, "name at least one value, or remove it", "%s: the list is empty", at)
		}
		a := Axis{Name: name}
		for _, item := range p.value.items {
			v, ok := d.anyText(at, item, "a value")
			if !ok {
				continue
			}
			if slices.Contains(a.Values, v) {
				d.add(item.pos, "remove one of them", "%s: %s is there twice", at, shown(v))
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
	if n.kind != list {
		d.expected(where, "a list of maps", n, "write - in front of each entry")
		return nil
	}
	if len(n.items) == 0 {
		d.add(n.pos, "remove it", "%s: the list is empty", where)
	}
	var out []Row
	for _, item := range n.items {
		if !d.isMapping(where, item) {
			continue
		}
		r := Row{}
		for _, p := range item.keys {
			if !d.sweepName(where, p.key) {
				continue
			}
			if v, ok := d.anyText(dot(where, p.key.value), p.value, "a value"); ok {
				r = append(r, EnvVar{p.key.value, v})
			}
		}
		out = append(out, r)
	}
	return out
}

// sweepName checks a name of the sweep, which becomes a variable's.
func (d *decoder) sweepName(where string, n *node) bool {
	problem, hint := checkSweepName(n.value)
	if problem != "" {
		d.add(n.pos, hint, "%s: %s %s", where, shown(n.value), problem)
	}
	return problem == ""
}

func checkSweepName(name string) (problem, hint string) {
	if !envRE.MatchString(name) {
		return "cannot be the name of a variable", "use letters, digits and _, the first not a digit"
	}
	if i := slices.IndexFunc(reserved, func(r reservedName) bool { return r.matches(name) }); i >= 0 {
		return "cannot be set here: " + reserved[i].reason, reserved[i].hint
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
			d.add(got["env"].value.pos, "env is the same for all tasks: remove it there, or rename the sweep's", "env: %s is a name of the sweep", e.Name)
		}
	}
	if s.Sweep.CSV != "" { // its names are not known yet: Tasks tells
		return
	}
	for _, e := range s.Sweep.Exclude {
		for _, v := range e {
			if !slices.Contains(names, v.Name) {
				d.add(got["sweep"].value.pos, didYouMean(v.Name, names), "sweep.exclude: the sweep has no name %s", shown(v.Name))
			}
		}
	}
	for _, key := range []string{"inputs", "outputs"} {
		p, ok := got[key]
		if !ok || p.value.kind != list {
			continue
		}
		for _, item := range p.value.items {
			for _, m := range placeRE.FindAllStringSubmatch(item.value, -1) {
				if !slices.Contains(names, m[1]) {
					d.add(item.pos, didYouMean(m[1], names), "%s: the sweep has no name %s", key, shown(m[1]))
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
var placeRE = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)
