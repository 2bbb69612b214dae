package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

func open(t testing.TB, path string) *load.Record {
	t.Helper()
	r, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// write exports and returns where to, and the list.
func write(t testing.TB, run recordtest.Run, o export.Options) (string, *load.Contents) {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "out")
	}
	c, err := export.Write(t.Context(), open(t, run.Dir), o)
	if err != nil {
		t.Fatal(err)
	}
	return o.Out, c
}

func sealed(t testing.TB, o recordtest.Options) recordtest.Run {
	t.Helper()
	run := recordtest.Make(t, t.TempDir(), o)
	run.Seal(t)
	return run
}

func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var data []byte
			data, err = os.ReadFile(filepath.Join(dir, name))
			out[name] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNothingIsReplaced(t *testing.T) {
	run := sealed(t, recordtest.Options{})
	for _, out := range []string{"x", "x.zip"} {
		dir := t.TempDir()
		file := filepath.Join(dir, out)
		if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := export.Write(t.Context(), open(t, run.Dir), export.Options{Format: "json", Out: file})
		var ee *fault.Error
		if data, _ := os.ReadFile(file); !errors.As(err, &ee) || string(data) != "mine" {
			t.Errorf("%s: %v, %q", out, err, data)
		}
		if names, _ := os.ReadDir(dir); len(names) != 1 {
			t.Errorf("left behind: %v", names)
		}
	}
}

func TestNotSealed(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	dir := t.TempDir()
	_, err := export.Write(t.Context(), open(t, run.Dir), export.Options{Format: "ro-crate", Out: filepath.Join(dir, "x")})
	if names, _ := os.ReadDir(dir); err == nil || len(names) != 0 {
		t.Errorf("%v, %v", err, names)
	}
}

// The same record gives the same bytes.
func TestDeterministic(t *testing.T) {
	run := sealed(t, recordtest.Options{Tasks: 3})
	for _, format := range export.Formats {
		a, _ := write(t, run, export.Options{Format: format, Out: filepath.Join(t.TempDir(), "a.zip")})
		b, _ := write(t, run, export.Options{Format: format, Out: filepath.Join(t.TempDir(), "b.zip")})
		x, err := os.ReadFile(a)
		y, err2 := os.ReadFile(b)
		if err != nil || err2 != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs (%v, %v)", format, err, err2)
		}
	}
}

// An export of an export is the same export.
func TestExportOfExport(t *testing.T) {
	run := sealed(t, recordtest.Options{Tasks: 2})
	first, _ := write(t, run, export.Options{Format: "json"})
	again := filepath.Join(t.TempDir(), "again")
	if _, err := export.Write(t.Context(), open(t, first), export.Options{Format: "json", Out: again}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files(t, first), files(t, again)); diff != "" {
		t.Error(diff)
	}
	// What is private in it is known where the run is, and nowhere else.
	later := filepath.Join(t.TempDir(), "later")
	var ee *fault.Error
	if _, err := export.Write(t.Context(), open(t, first), export.Options{Format: "json", Out: later, Redact: true}); !errors.As(err, &ee) || !strings.Contains(ee.Way, "where it was made") {
		t.Error(err)
	}
	direct, _ := write(t, run, export.Options{Format: "json", Redact: true})
	if _, err := export.Write(t.Context(), open(t, direct), export.Options{Format: "json", Out: later, Redact: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files(t, direct), files(t, later)); diff != "" {
		t.Error(diff)
	}
}

// A redacted export has no private value, neither in clear nor as a hash that
// anybody could try out; what is equal stays equal.
func TestRedact(t *testing.T) {
	run := sealed(t, recordtest.Options{Tasks: 2})
	script, err := os.ReadFile(filepath.Join(run.Dir, "batch.sh"))
	if err != nil {
		t.Fatal(err)
	}
	job, err := os.ReadFile(filepath.Join(run.Dir, "job.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	hidden := []string{recordtest.User, recordtest.Host, recordtest.Account, recordtest.Node, "n016", run.WorkDir, run.Project,
		digest.Bytes(script), digest.Bytes(job)}
	for _, format := range []string{"json", "ro-crate"} {
		dir, list := write(t, run, export.Options{Format: format, Redact: true})
		all := files(t, dir)
		for name, text := range all {
			for _, p := range hidden {
				if strings.Contains(text, p) || strings.Contains(name, p) {
					t.Errorf("%s: %s holds %s", format, name, p)
				}
			}
		}
		if _, ok := all[private.PrivateFile]; ok || !list.Redacted {
			t.Errorf("%s: the salt is in it", format)
		}
		var s facts.Submit
		var p plan.Plan
		if err := errors.Join(json.Unmarshal([]byte(all["submit.json"]), &s), json.Unmarshal([]byte(all["plan.json"]), &p)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(p.Notes, " "), s.Priv.User) || !strings.HasPrefix(s.Priv.User, "redacted-") {
			t.Errorf("the user is %s in one place, and in the other: %s", s.Priv.User, p.Notes)
		}
	}
	// The full export has what the redacted one lacks.
	dir, _ := write(t, run, export.Options{Format: "json"})
	if !strings.Contains(files(t, dir)["submit.json"], recordtest.User) {
		t.Error("the full export is redacted")
	}
}

// A redacted export leaves out an output that names somebody.
func TestRedactOutputs(t *testing.T) {
	text := "written by " + recordtest.User + "\n"
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Outputs: []facts.File{
		{Path: "who.txt", Size: int64(len(text)), SHA256: digest.Bytes([]byte(text))},
		{Path: "x.bin", Size: 2, SHA256: digest.Bytes([]byte("\xff\xfe"))}}})
	for name, data := range map[string]string{"who.txt": text, "x.bin": "\xff\xfe"} {
		if err := os.WriteFile(filepath.Join(run.WorkDir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run.Seal(t)
	_, list := write(t, run, export.Options{Format: "json", Redact: true})
	for _, name := range []string{"who.txt", "x.bin"} {
		if f, ok := list.Find("output", name); !ok || f.At != "" || !strings.HasPrefix(f.Absent, "left out") {
			t.Errorf("%+v", f)
		}
	}
	_, list = write(t, run, export.Options{Format: "json"})
	if f, _ := list.Find("output", "who.txt"); f.At != "outputs/who.txt" {
		t.Errorf("%+v", f)
	}
}

// What is not in an export is named with its hash and the reason.
func TestNothingIsLostSilently(t *testing.T) {
	big := facts.File{Path: "big.dat", Size: 3 << 40, SHA256: strings.Repeat("ab", 32)}
	skipped := facts.File{Path: "huge.dat", Size: 3 << 50, Skipped: "over the limit of 64 GiB"}
	gone := facts.File{Path: "gone.dat", Size: 3, SHA256: strings.Repeat("cd", 32)}
	hostile := facts.File{Path: "../../x\n.dat", Size: 3, SHA256: strings.Repeat("ef", 32)}
	run := sealed(t, recordtest.Options{Outputs: []facts.File{big, skipped, gone, hostile}})
	if err := os.WriteFile(filepath.Join(run.WorkDir, "water.xyz"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, list := write(t, run, export.Options{Format: "ro-crate"})
	for name, want := range map[string]string{"big.dat": "over the limit of 100 MiB", "huge.dat": "over the limit of 64 GiB", "gone.dat": "it cannot be had any more", hostile.Path: "it cannot be had any more"} {
		f, ok := list.Find("output", name)
		if !ok || f.Absent != want || f.At != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f, _ := list.Find("input", "water.xyz"); f.Absent != "it was changed since" {
		t.Errorf("%+v", f)
	}
	text := files(t, dir)[export.CrateFile]
	for _, want := range []string{"big.dat", big.SHA256, "#output-big.dat"} {
		if !strings.Contains(text, want) {
			t.Errorf("the crate does not name %s", want)
		}
	}
}

// Names that others could not store, or that lead out, are replaced by hashes.
func TestHostileNames(t *testing.T) {
	names := []string{"a\nb", "..\\evil", "sub/../../up", strings.Repeat("x", 250), "new\u2028line"}
	var outs []facts.File
	for _, n := range names {
		outs = append(outs, facts.File{Path: n, Size: 2, SHA256: digest.Bytes([]byte("hi"))})
	}
	run := sealed(t, recordtest.Options{Outputs: outs})
	for _, n := range names {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(run.WorkDir, n)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(run.WorkDir, n), []byte("hi"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, list := write(t, run, export.Options{Format: "json"})
	for _, n := range names {
		f, _ := list.Find("output", n)
		if f.At != "outputs/by-hash/"+digest.Bytes([]byte("hi")) {
			t.Errorf("%q is at %q", n, f.At)
		}
	}
}

// The bill of materials is what CycloneDX's own schema asks for.
func TestCycloneDX(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Version: "2.4.1"}) // needs no seal
	dir, _ := write(t, run, export.Options{Format: "cyclonedx", Tool: facts.Tool{Version: "0.1.0"}})
	c := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/"
	for _, name := range []string{"bom-1.5", "spdx", "jsf-0.82"} {
		f, err := os.Open(filepath.Join("testdata", "cyclonedx", name+".SNAPSHOT.schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{base + name + ".SNAPSHOT.schema.json", base + name + ".schema.json"} {
			if err := c.AddResource(at, doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema, err := c.Compile(base + "bom-1.5.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	text := files(t, dir)["generic.cdx.json"]
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	var bom struct {
		Components []struct {
			Name, Version string
			Properties    []struct{ Name, Value string }
		}
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal([]byte(text), &bom); err != nil {
		t.Fatal(err)
	}
	if len(bom.Components) != 1 || bom.Components[0].Name != "rhf" || bom.Components[0].Version != "2.4.1" || len(bom.Dependencies) != 2 {
		t.Errorf("%+v", bom)
	}
	if !slices.ContainsFunc(bom.Components[0].Properties, func(p struct{ Name, Value string }) bool { return p.Name == "nix:store_path" }) {
		t.Error("no nix:store_path")
	}
	// The schema does refuse something.
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(text, `"type": "library"`, `"type": "thing"`, 1)))
	if err != nil || schema.Validate(bad) == nil {
		t.Errorf("the schema lets anything pass (%v)", err)
	}
}

// The name of a CPU that was faked is not cited as the node's.
func TestMethodsOfFakedCPU(t *testing.T) {
	for _, faked := range []bool{true, false} {
		run := sealed(t, recordtest.Options{Faked: faked})
		dir, _ := write(t, run, export.Options{Format: "methods"})
		text := files(t, dir)["methods.txt"]
		if strings.Contains(text, "Test CPU") == faked || strings.Contains(text, facts.Faked) != faked {
			t.Errorf("faked %t: %s", faked, text)
		}
	}
}

func TestMethods(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Arch: "znver4", Edit: func(p *plan.Plan) {
		p.Compiler = "13.2.0"
		p.Pins = []plan.Pin{{Role: "nixpkgs", Kind: "github", From: "NixOS/nixpkgs", Rev: strings.Repeat("a", 40), Hash: recordtest.SRI("tree")},
			{Role: "overlay", Kind: "github", From: "Nix-QChem/NixOS-QChem", Rev: strings.Repeat("b", 40), Hash: recordtest.SRI("overlay")}}
	}})
	run.Seal(t)
	dir, _ := write(t, run, export.Options{Format: "methods", People: export.People{Author: "A. Author"}})
	all := files(t, dir)
	for name, wants := range map[string][]string{
		"methods.txt":    {"rhf 1.0", "NixOS/nixpkgs at commit aaaa", "GCC 13.2.0", "-march=znver4", "Test CPU", "Kowalewski and Seeber", "seal "},
		"references.bib": {"@misc{nixpkgs,", strings.Repeat("b", 40), "e26872", "@misc{nixbatch,"},
		"CITATION.cff":   {"cff-version: 1.2.0", "A. Author", "e26872", "version: '1.0'"},
	} {
		for _, w := range wants {
			if !strings.Contains(all[name], w) {
				t.Errorf("%s lacks %q:\n%s", name, w, all[name])
			}
		}
	}
	var cff map[string]any
	if err := yaml.Unmarshal([]byte(all["CITATION.cff"]), &cff); err != nil || cff["authors"] == nil || cff["title"] == nil || cff["message"] == nil {
		t.Errorf("%v: %v", err, cff)
	}
	if strings.Count(all["references.bib"], "{") != strings.Count(all["references.bib"], "}") {
		t.Error(all["references.bib"])
	}
	// Without the overlay nobody is asked to cite it.
	dir, _ = write(t, sealed(t, recordtest.Options{}), export.Options{Format: "methods"})
	if strings.Contains(files(t, dir)["methods.txt"], "Seeber") {
		t.Error("cited without being used")
	}
}

func TestParsePath(t *testing.T) {
	for name, want := range map[string][3]string{
		"glibc-2.38-44":           {"glibc", "2.38-44", ""},
		"glibc-2.38-44-dev":       {"glibc", "2.38-44", "dev"},
		"python3.11-numpy-1.26.4": {"python3.11-numpy", "1.26.4", ""},
		"nixbatch-env":            {"nixbatch-env", "", ""},
		"stdenv-linux":            {"stdenv-linux", "", ""},
		"openblas-0.3.26-lib":     {"openblas", "0.3.26", "lib"},
		"xgcc-13.2.0-libgcc":      {"xgcc", "13.2.0-libgcc", ""},
		"hook-bin":                {"hook", "", "bin"},
	} {
		p := export.ParsePath(facts.StorePath{Path: "/nix/store/00000000000000000000000000000000-" + name})
		if got := [3]string{p.Name, p.Version, p.Output}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
