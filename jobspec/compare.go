package jobspec

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/paths"
)

// Compare names numbers in an output by which two runs of the job are compared.
// Two numbers agree if they differ by no more than Abs, or than Rel times the
// larger of them.
type Compare struct {
	File    string  // one of outputs, or a name that one of them matches
	Pattern string  // regular expression (RE2); its first group, or all of it, is the number
	JSON    string  // dotted path into a JSON file: scf.energies[0], list[*].Value
	Abs     float64 // absolute tolerance
	Rel     float64 // relative tolerance
}

var jsonPathRE = lazyre.New(`^[^.\[\]]+(\[([0-9]+|\*)\])*(\.[^.\[\]]+(\[([0-9]+|\*)\])*)*$`)

func compareBlock() block[Compare] {
	return block[Compare]{[]key[Compare]{
		{"file", required, "the output that holds the number", textOf(nil),
			into((*decoder).comparedFile, func(c *Compare) *string { return &c.File })},
		{"pattern", optional, "regular expression; its first group is the number", textOf(nil),
			into((*decoder).pattern, func(c *Compare) *string { return &c.Pattern })},
		{"json", optional, "path of the number in a JSON file, such as scf.energy or steps[0].energy", textOf(jsonPathRE),
			into((*decoder).jsonPath, func(c *Compare) *string { return &c.JSON })},
		{"abs", optional, "absolute tolerance; default 0", toleranceOf,
			into((*decoder).tolerance, func(c *Compare) *float64 { return &c.Abs })},
		{"rel", optional, "relative tolerance; default 0", toleranceOf,
			into((*decoder).tolerance, func(c *Compare) *float64 { return &c.Rel })},
	}, map[string]string{
		"path": "did you mean file, or json?", "regex": "did you mean pattern?", "tolerance": "write abs or rel", "tol": "write abs or rel",
	}}
}

func toleranceOf() schema {
	return schema{"anyOf": []any{schema{"type": "number", "minimum": 0}, schema{"type": "string", "pattern": `^[0-9.]+([eE][-+]?[0-9]+)?$`}}}
}

func compareList() schema {
	s := objectSchema(compareBlock())
	s["oneOf"] = []any{schema{"required": []any{"pattern"}}, schema{"required": []any{"json"}}}
	return schema{"type": "array", "items": s}
}

// compare reads the list of numbers to compare.
func (d *decoder) compare(at string, n *node) []Compare {
	if n.Kind != list {
		d.Expected(at, "a list", n, "write - in front of each entry")
		return nil
	}
	var out []Compare
	for _, item := range n.Items {
		before := d.Count()
		var c Compare
		got, ok := compareBlock().read(d, at, item, &c)
		if ok && (got["pattern"].Value == nil) == (got["json"].Value == nil) {
			d.Add(item.Pos, "pattern is for text, json for JSON files", "%s: expected one of pattern and json", at)
		}
		if d.Count() == before {
			out = append(out, c)
		}
	}
	return out
}

func (d *decoder) comparedFile(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "text")
	if ok {
		if problem, hint := paths.Output(s); problem != "" {
			d.Add(n.Pos, hint, "%s: %s %s", at, shown(s), problem)
		}
	}
	return s, ok
}

func (d *decoder) pattern(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "text")
	if !ok {
		return "", false
	}
	re, err := regexp.Compile(s)
	switch {
	case err != nil:
		_, why, _ := strings.Cut(err.Error(), "error parsing regexp: ")
		d.Add(n.Pos, "patterns are RE2's; put it between single quotes", "%s: %s is not a pattern: %s", at, shown(s), why)
	case re.MatchString(""):
		d.Add(n.Pos, `write what stands before the number, such as 'energy *= *(\S+)'`, "%s: %s fits anything", at, shown(s))
	}
	return s, true
}

func (d *decoder) jsonPath(at string, n *node) (string, bool) {
	s, ok := d.Text(at, n, "text")
	if ok && !jsonPathRE.MatchString(s) {
		d.Add(n.Pos, "write names with dots between them, and [0] or [*] behind a list", "%s: %s is not a path", at, shown(s))
	}
	return s, ok
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

// comparedFiles checks that what is compared is an output.
func (d *decoder) comparedFiles(at string, n *node, compare []Compare, outputs []string) {
	for _, c := range compare {
		found := false
		for _, o := range outputs {
			ok, err := doublestar.Match(o, c.File)
			found = found || o == c.File || ok && err == nil
		}
		if !found {
			d.Add(n.Pos, "add it to outputs", "%s: %s is not one of outputs", at, shown(c.File))
		}
	}
}
