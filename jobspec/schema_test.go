package jobspec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("job.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("job.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plainValue is a node as a JSON reader would see it.
func plainValue(n *node) any {
	switch n.Kind {
	case mapping:
		m := map[string]any{}
		for _, p := range n.Keys {
			m[p.Key.Value] = plainValue(p.Value)
		}
		return m
	case list:
		l := []any{}
		for _, item := range n.Items {
			l = append(l, plainValue(item))
		}
		return l
	case boolean:
		return strings.EqualFold(n.Value, "true")
	case number:
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
		return json.Number("0")
	case nothing:
		return nil
	}
	return n.Value
}

func readPlain(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder(file)
	root := d.Read(data)
	if root == nil {
		t.Fatalf("%v", d.Problems())
	}
	return plainValue(root)
}

func TestSchemaAcceptsTheValid(t *testing.T) {
	s := compiled(t)
	for _, file := range files(t, "testdata/valid-*.yaml") {
		if err := s.Validate(readPlain(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// These are wrong in what a schema can tell.
func TestSchemaRefusesTheInvalid(t *testing.T) {
	s := compiled(t)
	for _, name := range []string{"arch-empty", "arch-list", "hashes", "missing", "nothing", "null", "pins", "slurm", "ten-mistakes",
		"text", "types", "unknown-keys", "unpinned", "values"} {
		file := filepath.Join("testdata", "invalid-"+name+".yaml")
		if err := s.Validate(readPlain(t, file)); err == nil {
			t.Errorf("%s: valid for the schema", file)
		}
	}
}

// One wrong place each, so that no rule of the schema is idle.
func TestSchemaRules(t *testing.T) {
	s := compiled(t)
	pin := func(p string) string { return "environment: {nixpkgs: " + p + ", packages: [hello]}" }
	for _, line := range []string{
		"name: a b", "name: []", pin("<nixpkgs>"), pin("{path: ./x, rev: " + testRev + "}"), pin("{github: a/b, rev: " + testRev + "}"),
		pin("{github: a/b, hash: " + testHash + "}"), pin("{github: a/b, rev: main, hash: " + testHash + "}"), pin("{url: 'https://x/y'}"),
		pin("{url: 'https://x/y', path: ./x, hash: " + testHash + "}"), pin("{path: ./x, file: x}"),
		"environment: {nixpkgs: {path: ./x}, packages: []}", "environment: {packages: [a]}", "optimize: {arch: nonsense}",
		"optimize: {strategy: other}", "slurm: {requeue: false}", "slurm: {wibble: 1}", "slurm: {job-name: x}", "slurm: {time: [1]}",
		"threads: {per-task: 0}", "threads: {bind: all}", "launcher: mpiexec", "env: {A-B: 1}", "env: {A: [1]}", "inputs: a", "outputs: ['']", "run: ''", "sweep: 1", "sweep: {max-running: 3}", "sweep: {rows: [{a: 1}], csv: x}",
		"sweep: {matrix: {a: []}}", "sweep: {matrix: {1a: [1]}}", "after: [a b]", "checkpoint: {signal: KILL}", "checkpoint: {before: 5}", "scratch: {}",
		"scratch: {dir: x}", "numbers: [{file: a}]", "numbers: [{pattern: x}]", "numbers: [{log: 1, pattern: x}]", "numbers: [{file: a, json: 'a..b'}]",
		"numbers: [{log: true, column: 1, line: -1}]", "numbers: [{log: true, pattern: x, which: some}]", "numbers: [{log: true, pattern: x, header: 1}]",
		"numbers: [{log: true, column: 1, separator: dash}]", "numbers: [{log: true, pattern: x, abs: -1}]", "compare: [{log: true}]",
	} {
		key, _, _ := strings.Cut(line, ":")
		d := newDecoder("x")
		root := d.Read([]byte(job(key, line)))
		if root == nil || d.Count() > 0 {
			t.Fatalf("%s: %v", line, d.Problems())
		}
		if err := s.Validate(plainValue(root)); err == nil {
			t.Errorf("valid for the schema: %s", line)
		}
		if _, err := Parse("x", []byte(job(key, line))); err == nil {
			t.Errorf("valid for Parse: %s", line)
		}
	}
}

// The file that editors read is what the tables say.
func TestSchemaFile(t *testing.T) {
	golden(t, "schema.json", string(Schema()))
	if !bytes.Equal(Schema(), Schema()) {
		t.Error("two calls differ")
	}
}
