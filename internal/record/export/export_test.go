package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
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
	c, err := export.Write(open(t, run.Dir), o)
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
		_, err := export.Write(open(t, run.Dir), export.Options{Format: "json", Out: file})
		var ee *export.Error
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
	_, err := export.Write(open(t, run.Dir), export.Options{Format: "ro-crate", Out: filepath.Join(dir, "x")})
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
	if _, err := export.Write(open(t, first), export.Options{Format: "json", Out: again}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files(t, first), files(t, again)); diff != "" {
		t.Error(diff)
	}
	direct, _ := write(t, run, export.Options{Format: "json", Redact: true})
	later := filepath.Join(t.TempDir(), "later")
	if _, err := export.Write(open(t, first), export.Options{Format: "json", Out: later, Redact: true}); err != nil {
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
	private := []string{recordtest.User, recordtest.Host, recordtest.Account, recordtest.Node, "n016", run.WorkDir, run.Project,
		record.HashBytes(script), record.HashBytes(job)}
	for _, format := range []string{"json", "ro-crate"} {
		dir, list := write(t, run, export.Options{Format: format, Redact: true})
		all := files(t, dir)
		for name, text := range all {
			for _, p := range private {
				if strings.Contains(text, p) || strings.Contains(name, p) {
					t.Errorf("%s: %s holds %s", format, name, p)
				}
			}
		}
		if _, ok := all[record.PrivateFile]; ok || !list.Redacted {
			t.Errorf("%s: the salt is in it", format)
		}
		var s record.Submit
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
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Outputs: []record.File{
		{Path: "who.txt", Size: int64(len(text)), SHA256: record.HashBytes([]byte(text))},
		{Path: "x.bin", Size: 2, SHA256: record.HashBytes([]byte("\xff\xfe"))}}})
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
	big := record.File{Path: "big.dat", Size: 3 << 40, SHA256: strings.Repeat("ab", 32)}
	skipped := record.File{Path: "huge.dat", Size: 3 << 50, Skipped: "over the limit of 64 GiB"}
	gone := record.File{Path: "gone.dat", Size: 3, SHA256: strings.Repeat("cd", 32)}
	hostile := record.File{Path: "../../x\n.dat", Size: 3, SHA256: strings.Repeat("ef", 32)}
	run := sealed(t, recordtest.Options{Outputs: []record.File{big, skipped, gone, hostile}})
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
	var outs []record.File
	for _, n := range names {
		outs = append(outs, record.File{Path: n, Size: 2, SHA256: record.HashBytes([]byte("hi"))})
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
		if f.At != "outputs/by-hash/"+record.HashBytes([]byte("hi")) {
			t.Errorf("%q is at %q", n, f.At)
		}
	}
}

// graph is a crate's entities by their ids.
func graph(t testing.TB, dir string) map[string]map[string]any {
	t.Helper()
	var doc struct {
		Context []string         `json:"@context"`
		Graph   []map[string]any `json:"@graph"`
	}
	if err := json.Unmarshal([]byte(files(t, dir)[export.CrateFile]), &doc); err != nil {
		t.Fatal(err)
	}
	if want := []string{"https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"}; !slices.Equal(doc.Context, want) {
		t.Errorf("context %v", doc.Context)
	}
	out := map[string]map[string]any{}
	for _, e := range doc.Graph {
		id := e["@id"].(string)
		if out[id] != nil {
			t.Errorf("%s is there twice", id)
		}
		out[id] = e
	}
	return out
}

// ids are the entities that a property refers to.
func ids(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		return []string{v["@id"].(string)}
	case []any:
		for _, x := range v {
			out = append(out, ids(x)...)
		}
	}
	return out
}

func typed(g map[string]map[string]any, kind string) (out []map[string]any) {
	for _, e := range g {
		if e["@type"] == kind {
			out = append(out, e)
		}
	}
	return out
}

func has(t *testing.T, e map[string]any, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if v, ok := e[k]; !ok || v == "" {
			t.Errorf("%v has no %s", e["@id"], k)
		}
	}
}

// defined are the keys that the two contexts define, of those written here.
var defined = strings.Fields("@id @type about conformsTo name description datePublished license author publisher hasPart mentions version url affiliation " +
	"encodingFormat contentSize startTime endTime agent instrument object result actionStatus error environment resourceUsage value softwareVersion softwareRequirements")

// Every rule that the reference validator has, as far as the facts list them.
func TestCrateRules(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3, NoEnd: map[int]bool{2: true}, Outputs: []record.File{{Path: "big.dat", Size: 1 << 50, SHA256: strings.Repeat("ab", 32)}},
		Edit: func(p *plan.Plan) {
			p.Pins = append(p.Pins, plan.Pin{Role: "overlay", Kind: "github", From: "Nix-QChem/NixOS-QChem", Rev: strings.Repeat("1", 40), Hash: recordtest.SRI("overlay")})
		}})
	run.Seal(t)
	dir, _ := write(t, run, export.Options{Format: "ro-crate"})
	g := graph(t, dir)
	on := files(t, dir)

	t.Run("descriptor", func(t *testing.T) {
		d := g["ro-crate-metadata.json"]
		if d["@type"] != "CreativeWork" || ids(d["conformsTo"])[0] != "https://w3id.org/ro/crate/1.1" || ids(d["about"])[0] != "./" {
			t.Errorf("%v", d)
		}
	})
	root := g["./"]
	t.Run("root", func(t *testing.T) {
		has(t, root, "name", "description", "datePublished", "license", "author", "publisher", "hasPart", "mentions", "conformsTo")
		profile := g[ids(root["conformsTo"])[0]]
		if ids(root["conformsTo"])[0] != "https://w3id.org/ro/wfrun/process/0.5" || profile["@type"] != "CreativeWork" {
			t.Errorf("%v", profile)
		}
		has(t, profile, "name", "version")
	})
	t.Run("files", func(t *testing.T) {
		parts := ids(root["hasPart"])
		for _, f := range typed(g, "File") {
			has(t, f, "name", "encodingFormat")
			if _, ok := on[f["@id"].(string)]; !ok {
				t.Errorf("%v is not on disk", f["@id"])
			}
			if !slices.Contains(parts, f["@id"].(string)) {
				t.Errorf("%v is not in hasPart", f["@id"])
			}
		}
		for name := range on {
			if name != export.CrateFile && !slices.Contains(parts, name) {
				t.Errorf("%s is not described", name)
			}
		}
	})
	actions := typed(g, "CreateAction")
	t.Run("actions", func(t *testing.T) {
		if len(actions) != 3 {
			t.Fatalf("%d actions", len(actions))
		}
		mentioned := ids(root["mentions"])
		for _, a := range actions {
			has(t, a, "name", "description", "startTime", "endTime", "instrument", "agent", "object", "result", "actionStatus", "environment")
			if !slices.Contains(mentioned, a["@id"].(string)) {
				t.Errorf("%v is not in mentions", a["@id"])
			}
			status, ok := a["actionStatus"].(string)
			if !ok || !strings.HasPrefix(status, "http://schema.org/") {
				t.Errorf("status %v", a["actionStatus"])
			}
			if _, failed := a["error"]; failed != (status == "http://schema.org/FailedActionStatus") {
				t.Errorf("%v: error with %s", a["@id"], status)
			}
			for _, i := range ids(a["instrument"]) {
				if !strings.HasPrefix(i, "https://") || g[i]["@type"] != "SoftwareApplication" {
					t.Errorf("instrument %s", i)
				}
			}
			for _, p := range append(ids(a["environment"]), ids(a["resourceUsage"])...) {
				if g[p]["@type"] != "PropertyValue" {
					t.Errorf("%s is no PropertyValue", p)
				}
				has(t, g[p], "name", "value")
			}
		}
	})
	t.Run("times", func(t *testing.T) {
		good := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$`)
		times := []any{root["datePublished"]}
		for _, a := range actions {
			times = append(times, a["startTime"], a["endTime"])
		}
		for _, s := range times {
			if !good.MatchString(s.(string)) {
				t.Errorf("%v", s)
			}
		}
	})
	t.Run("software", func(t *testing.T) {
		for _, s := range typed(g, "SoftwareApplication") {
			has(t, s, "name", "url")
			_, v := s["version"]
			_, sv := s["softwareVersion"]
			if v == sv {
				t.Errorf("%v has version: %v, softwareVersion: %v", s["@id"], v, sv)
			}
			for _, r := range ids(s["softwareRequirements"]) {
				if g[r]["@type"] != "SoftwareApplication" {
					t.Errorf("%s", r)
				}
			}
		}
		for _, a := range actions {
			if len(ids(g[ids(a["instrument"])[0]]["softwareRequirements"])) != 2 {
				t.Error("the pins are not required")
			}
		}
	})
	t.Run("people", func(t *testing.T) {
		for _, p := range typed(g, "Person") {
			has(t, p, "name", "affiliation")
		}
		for _, o := range typed(g, "Organization") {
			has(t, o, "name", "url")
		}
		l := g[ids(root["license"])[0]]
		if l["@type"] != "CreativeWork" {
			t.Errorf("%v", l)
		}
		has(t, l, "name", "description")
	})
	t.Run("keys", func(t *testing.T) {
		for _, e := range g {
			for k := range e {
				if !slices.Contains(defined, k) {
					t.Errorf("%v has the key %s, which no context defines", e["@id"], k)
				}
			}
		}
	})
	t.Run("references", func(t *testing.T) {
		for _, e := range g {
			for k, v := range e {
				for _, id := range ids(v) {
					if g[id] == nil && !(k == "conformsTo" && e["@id"] == "ro-crate-metadata.json") {
						t.Errorf("%v: %s refers to %s, which is not there", e["@id"], k, id)
					}
				}
			}
		}
	})
	t.Run("outputs that stay where they are", func(t *testing.T) {
		e := g["#output-big.dat"]
		if e["@type"] != "CreativeWork" || !slices.Contains(ids(root["mentions"]), "#output-big.dat") {
			t.Errorf("%v", e)
		}
	})
}

func TestCratePeople(t *testing.T) {
	run := sealed(t, recordtest.Options{})
	dir, _ := write(t, run, export.Options{Format: "ro-crate", People: export.People{Author: "A. Author", ORCID: "0000-0002-1825-0097",
		Affiliation: "University", URL: "https://example.org", License: "CC-BY-4.0"}})
	g := graph(t, dir)
	if p := g["https://orcid.org/0000-0002-1825-0097"]; p["name"] != "A. Author" || ids(p["affiliation"])[0] != "https://example.org" {
		t.Errorf("%v", p)
	}
	if l := ids(g["./"]["license"])[0]; l != "https://spdx.org/licenses/CC-BY-4.0" {
		t.Error(l)
	}
}

// The bill of materials is what CycloneDX's own schema asks for.
func TestCycloneDX(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Version: "2.4.1"}) // needs no seal
	dir, _ := write(t, run, export.Options{Format: "cyclonedx", Tool: record.Tool{Version: "0.1.0"}})
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
		p := export.ParsePath(record.StorePath{Path: "/nix/store/00000000000000000000000000000000-" + name})
		if got := [3]string{p.Name, p.Version, p.Output}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
