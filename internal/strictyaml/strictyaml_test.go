package strictyaml_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

func reader() *strictyaml.Reader {
	return &strictyaml.Reader{What: "recipe", IfEmpty: "write one", IfSecond: "part them", MaxSize: 1 << 16, TooLarge: "part it"}
}

// problems reads a text and returns what is wrong as line:column: message.
func problems(text string) (out []string) {
	d := reader()
	d.Read([]byte(text))
	for _, p := range d.Problems() {
		out = append(out, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message))
	}
	return out
}

// What readers of YAML disagree on is refused, at its place, in the words of the
// file.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "1:1: the file is empty",
		"# nothing\n":                  "1:1: the file is empty",
		"a: 1\n---\nb: 2\n":            "2:1: a second YAML document begins here: a recipe has one",
		"a: 1\na: 2\n":                 `2:1: duplicate key "a", first at line 1`,
		"a: &x 1\nb: *x\n":             `1:4: the anchor "&x": recipes have no anchors` + "\n" + `2:4: the alias "*x": recipes have no aliases`,
		"b:\n  <<: {c: 1}\n":           "2:3: the merge key <<: recipes have none",
		"a: !!str 1\n":                 `1:4: the tag "str": recipes have no tags`,
		"[a, b]: 1\n":                  "1:1: a key has to be text, found a list",
		"a: [1\nb: 2\n":                "this is not YAML",
		"a:\n\t- b\n":                  "2:1: this is not YAML",
		"a: 'x\n":                      "1:1: this is not YAML",
		"a: \x00b\n":                   "1:4: the file has a NUL character here",
		"a: \xff\n":                    "1:4: the file has a byte that is not UTF-8 here",
		"ä: é\x1b\n":                   "1:5: the file has the control character U+001B here",
		"a: 1\rb: 2\n":                 "1:5: the file has a carriage return that ends no line here",
		"a: \u2028b\n":                 "1:4: the file has the line separator U+2028 here",
		"\xff\xfea\x00":                "1:1: the file is UTF-16",
		strings.Repeat("x", 1<<16+1):   "1:1: the file is larger than 0 MiB",
		strings.Repeat("[", 70) + "\n": "this is not YAML",
		"a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70): "nested deeper than 64 levels",
	} {
		got := strings.Join(problems(text), "\n")
		if !strings.Contains(got, want) {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
	for _, fine := range []string{"a: 1\r\nb: 2\r\n", "\ufeffa: 1\n", "{\"a\": [1, \"b\"]}", "a: |\n  x\n"} {
		if got := problems(fine); len(got) > 0 {
			t.Errorf("%q: %v", fine, got)
		}
	}
}

// Values are kept as they are written; what could be read in two ways is asked
// for.
func TestTextIsKept(t *testing.T) {
	for written, want := range map[string]string{
		"1:30:00": "1:30:00", "1.10": "1.10", "1e3": "1e3", "0x1F": "0x1F", "yes": "yes", "True": "True", "'010'": "010", "2027-01-20": "2027-01-20",
		"0.5": "0.5", "0": "0", `"a\tb"`: "a\tb",
	} {
		d := reader()
		got, ok := d.Text("time", d.Read([]byte("time: " + written)).Keys[0].Value, "a time")
		if !ok || got != want || d.Count() > 0 {
			t.Errorf("%s: %q, %v, %v", written, got, ok, d.Problems())
		}
	}
	for written, want := range map[string]string{
		"010": "time: 010 can be read as octal, as decimal or as text", "''": "time: expected a time, found empty text",
		"": "time: expected a time, found nothing", "~": "time: expected a time, found nothing", "[a]": "time: expected a time, found a list",
		"{a: b}": "time: expected a time, found a map of names and values",
	} {
		d := reader()
		got, ok := d.Text("time", d.Read([]byte("time: " + written)).Keys[0].Value, "a time")
		if ps := d.Problems(); ok && written != "010" || len(ps) != 1 || ps[0].Message != want {
			t.Errorf("%q: %q, %v", written, got, ps)
		}
	}
}

// All problems are told at once, in the order of the file, with a way out.
func TestBlock(t *testing.T) {
	d := reader()
	doc := strictyaml.NewDoc(d, []byte("tmie: 5\nwhere: sout\nwords: {a: 1, b: [x]}\n"))
	var read []string
	doc.Root().Block([]strictyaml.Key{
		{Name: "time", Read: func(v strictyaml.Value) { t.Error("time was read") }},
		{Name: "words", Read: func(v strictyaml.Value) {
			v.Each(func(name string, key, value strictyaml.Value) {
				if s, ok := value.Text("a word"); ok {
					read = append(read, fmt.Sprint(name, "=", s, " in line ", key.Pos().Line))
				}
			})
		}},
		{Name: "where", Read: func(v strictyaml.Value) {
			if w, ok := v.Choice("south", "east"); ok {
				t.Errorf("took %s", w)
			}
		}},
	}, map[string]string{"spoon": "there is none"})
	if !slices.Equal(read, []string{"a=1 in line 3"}) {
		t.Errorf("read %q", read)
	}
	var got []string
	for _, p := range doc.Problems() {
		got = append(got, fmt.Sprintf("%d:%d: %s (%s)", p.Line, p.Column, p.Message, p.Hint))
	}
	want := []string{
		`1:1: unknown key "tmie" (did you mean time?)`,
		`2:8: where: expected one of south, east, found "sout" (did you mean south?)`,
		"3:18: words.b: expected a word, found a list ()",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestRequiredAndTexts(t *testing.T) {
	d := reader()
	n := d.Read([]byte("names: [a, b, a, '', 07]\n"))
	got, ok := d.Block("", n, []strictyaml.Field{{Name: "names"}, {Name: "run", Required: true, Doc: "what to run"}}, nil)
	if !ok {
		t.Fatal(d.Problems())
	}
	names := d.Texts("names", "name", got["names"].Value, func(s string) (string, string) {
		if s == "b" {
			return "is no name", "another"
		}
		return "", ""
	})
	var all []string
	for _, p := range d.Problems() {
		all = append(all, p.Message)
	}
	want := []string{"run is missing", `names: "b" is no name`, `names: "a" is there twice, first at line 1`, "names: expected a name, found empty text",
		"names: 07 can be read as octal, as decimal or as text"}
	if !slices.Equal(all, want) || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%q, %q", names, all)
	}
}

// A hostile file can neither flood a terminal nor steer it.
func TestProblemsAreBounded(t *testing.T) {
	d := reader()
	for i := range 1001 {
		d.Add(strictyaml.Pos{Line: 1001 - i, Column: 1}, "hint\x1b[2J", "problem %d\n%s", i, strings.Repeat("x", 1000))
	}
	ps := d.Problems()
	if len(ps) != strictyaml.MaxProblems+1 || ps[0].Line != 1 || ps[len(ps)-1].Message != "and 901 more problems from here on" || !d.Swamped() {
		t.Errorf("%d problems, %+v", len(ps), ps[len(ps)-1])
	}
	if p := ps[0]; strings.ContainsAny(p.Message+p.Hint, "\n\x1b") || len([]rune(p.Message)) > 510 {
		t.Errorf("%q, %q", p.Message, p.Hint)
	}
	if s := strictyaml.Shown(strings.Repeat("é", 100)); len([]rune(s)) != 63 {
		t.Errorf("%s", s)
	}
}

func TestRootMapping(t *testing.T) {
	n, ok := strictyaml.RootMapping([]byte("a: 1\nb: {c: *x}\nb: 2\n"))
	if ok {
		t.Errorf("an alias of nothing: %+v", n)
	}
	if n, ok = strictyaml.RootMapping([]byte("a: 010\nb: [x]\nb: 2\n")); !ok || len(n.Keys) != 3 || n.Keys[0].Value.Value != "010" || n.Keys[2].Key.Pos.Line != 3 {
		t.Errorf("%+v", n)
	}
	for _, no := range []string{"- a\n", "a: 1\n---\nb: 1\n", "", "a: ["} {
		if _, ok := strictyaml.RootMapping([]byte(no)); ok {
			t.Errorf("%q is a mapping", no)
		}
	}
}
