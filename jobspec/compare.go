package jobspec

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Compare names numbers in an output by which two runs of the job are compared.
// Two numbers agree if they differ by no more than Abs, or than Rel times the
// larger of them.
type Compare struct {
	File    string  // one of outputs, or a name that one of them matches
	Pattern string  // regular expression (RE2); its first group, or all of it, is the number
	JSON    string  // dotted path into a JSON file: scf.energies[0], list[*].value
	Abs     float64 // absolute tolerance
	Rel     float64 // relative tolerance
}

var jsonPathRE = regexp.MustCompile(`^[^.\[\]]+(\[([0-9]+|\*)\])*(\.[^.\[\]]+(\[([0-9]+|\*)\])*)*$`)

var compareFields = block{
	{"file", true, "the output that holds the number", textSchema(nil)},
	{"pattern", false, "regular expression; its first group is the number", textSchema(nil)},
	{"json", false, "path of the number in a JSON file, such as scf.energy or steps[0].energy", textSchema(jsonPathRE)},
	{"abs", false, "absolute tolerance; default 0", toleranceSchema()},
	{"rel", false, "relative tolerance; default 0", toleranceSchema()},
}

func toleranceSchema() schema {
	return schema{"anyOf": []any{schema{"type": "number", "minimum": 0}, schema{"type": "string", "pattern": `^[0-9.]+([eE][-+]?[0-9]+)?$`}}}
}

func compareSchema() schema {
	s := objectSchema(compareFields)
	s["oneOf"] = []any{schema{"required": []any{"pattern"}}, schema{"required": []any{"json"}}}
	return schema{"type": "array", "items": s}
}

// compare reads the list of numbers to compare.
func (d *decoder) compare(n *node) []Compare {
	if n.kind != list {
		d.expected("compare", "a list", n, "write - in front of each entry")
		return nil
	}
	var out []Compare
	for _, item := range n.items {
		if c, ok := d.oneCompare(item); ok {
			out = append(out, c)
		}
	}
	return out
}

func (d *decoder) oneCompare(n *node) (c Compare, good bool) {
	const where = "compare"
	before := len(d.problems)
	got, ok := d.block(where, n, compareFields, map[string]string{
		"path": "did you mean file, or json?", "regex": "did you mean pattern?", "tolerance": "write abs or rel", "tol": "write abs or rel"})
	if !ok {
		return c, false
	}
	for name, to := range map[string]*string{"file": &c.File, "pattern": &c.Pattern, "json": &c.JSON} {
		if p, ok := got[name]; ok {
			*to, _ = d.text(dot(where, name), p.value, "text")
		}
	}
	for name, to := range map[string]*float64{"abs": &c.Abs, "rel": &c.Rel} {
		if p, ok := got[name]; ok {
			*to = d.tolerance(dot(where, name), p.value)
		}
	}
	if p := got["file"].value; p != nil && c.File != "" {
		if problem, hint := checkOutput(c.File); problem != "" {
			d.add(p.pos, hint, "%s: %s %s", dot(where, "file"), shown(c.File), problem)
		}
	}
	if p := got["pattern"].value; p != nil && c.Pattern != "" {
		re, err := regexp.Compile(c.Pattern)
		switch {
		case err != nil:
			_, why, _ := strings.Cut(err.Error(), "error parsing regexp: ")
			d.add(p.pos, "patterns are RE2's; put it between single quotes", "%s: %s is not a pattern: %s", dot(where, "pattern"), shown(c.Pattern), why)
		case re.MatchString(""):
			d.add(p.pos, `write what stands before the number, such as 'energy *= *(\S+)'`, "%s: %s fits anything", dot(where, "pattern"), shown(c.Pattern))
		}
	}
	if p := got["json"].value; p != nil && c.JSON != "" && !jsonPathRE.MatchString(c.JSON) {
		d.add(p.pos, "write names with dots between them, and [0] or [*] behind a list", "%s: %s is not a path", dot(where, "json"), shown(c.JSON))
	}
	if (got["pattern"].value == nil) == (got["json"].value == nil) {
		d.add(n.pos, "pattern is for text, json for JSON files", "%s: expected one of pattern and json", where)
	}
	return c, len(d.problems) == before
}

func (d *decoder) tolerance(where string, n *node) float64 {
	s, ok := d.text(where, n, "a number")
	if !ok {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		d.add(n.pos, "such as 1e-9", "%s: expected a number that is not negative, found %s", where, shown(s))
		return 0
	}
	return f
}

// comparedFiles checks that what is compared is an output.
func (d *decoder) comparedFiles(n *node, compare []Compare, outputs []string) {
	for _, c := range compare {
		found := false
		for _, o := range outputs {
			ok, err := doublestar.Match(o, c.File)
			found = found || o == c.File || ok && err == nil
		}
		if !found {
			d.add(n.pos, "add it to outputs", "compare: %s is not one of outputs", shown(c.File))
		}
	}
}
