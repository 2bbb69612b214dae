package jobspec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

const (
	testHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	testRev  = "0123456789abcdef0123456789abcdef01234567"
)

func TestFull(t *testing.T) {
	got, err := Load("testdata/valid-full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/valid-full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{
		File: "testdata/valid-full.yaml", Bytes: data, Name: "water-scf",
		Environment: Environment{
			Nixpkgs: Pin{Kind: GitHub, GitHub: "NixOS/nixpkgs", Rev: testRev, Hash: testHash, Pos: Pos{4, 12}},
			Overlays: []Pin{
				{Kind: GitHub, GitHub: "Nix-QChem/NixOS-QChem", Rev: testRev, Hash: testHash, File: "default.nix", Pos: Pos{6, 7}},
				{Kind: URL, URL: "https://example.org/overlay.tar.gz", Hash: testHash, File: "nix/overlay.nix", Pos: Pos{9, 7}},
				{Kind: Git, Git: "ssh://git@example.org/group/overlay.git", Rev: strings.Repeat("0", 38) + "10", Hash: testHash, File: "default.nix", Pos: Pos{10, 7}},
				{Kind: Path, Path: "./overlay", Hash: testHash, File: "overlay.nix", Pos: Pos{11, 7}},
			},
			Config: map[string]any{
				"allowUnfree": true, "answer": int64(42), "scale": 1.5, "hex": int64(16), "word": "some text",
				"zero": "010", "none": nil,
				"nested": map[string]any{"list": []any{int64(1), "two", []any{3.0, false}}, "quoted key": int64(-7)},
			},
			Packages: []string{"qchem.nwchem", "python3Packages.numpy", "_7zz", "x'y-z"},
		},
		Optimize: Optimize{Arch: []string{"haswell", "znver4", "generic"}, Config: "qchem-config.optArch",
			Packages: []string{"openblas", "fftw", "gromacs"}, Strategy: "constrain", Reach: ReachNamed, Limit: 50,
			Override: map[string]map[string]any{"gromacs": {"cpuAcceleration": "AVX_512", "enableMpi": true}}},
		Slurm: sbatch.Options{{Name: "partition", Value: "main,long"}, {Name: "nodes", Value: "2"}, {Name: "ntasks-per-node", Value: "16"},
			{Name: "cpus-per-task", Value: "2"}, {Name: "mem", Value: "60G"}, {Name: "time", Value: "1:30:00"}, {Name: "exclusive"}, {Name: "requeue"},
			{Name: "account", Value: `a remark, with "quotes"`}},
		Threads:  Threads{PerTask: 2, Bind: "cores"},
		Launcher: "srun",
		Env: []EnvVar{{"PSI_SCRATCH", "/scratch"}, {"LIMIT", "1_000"}, {"VERSION", "1.10"}, {"SWITCH", "yes"}, {"FLAG", "true"},
			{"DAY", "2026-11-22"}, {"MASK", "022"}, {"EMPTY", ""}, {"HOSTILE", "$(id) `id` 'a' \"b\" \n -x ✓"}},
		Inputs:  []string{"water.nw", "../basis/sto-3g", "/data/common", "-dash", "two\nlines", "a[1].dat"},
		Outputs: []string{"water.out", "*.movecs", "deep/**/{a,b,steps}.log", `with "quotes"`, "[ab]c"},
		Numbers: []Number{
			{File: "water.out", Pattern: `energy += +(\S+)`, Abs: 1e-9},
			{File: "deep/x/a.log", JSON: "scf.steps[0].energy", Abs: 1e-8, Rel: 0.001},
			{Name: "charges", Unit: "e", Log: true, Section: "CHARGES", Until: "^Sum", Line: 2, Column: "3", Header: "no"},
			{Name: "gap", File: "deep/**/b.log", Pattern: "HOMO-LUMO", Line: 1, Column: "4", Which: "last"},
			{Name: "all steps", File: "deep/steps.log", Column: "E / Eh", Separator: "semicolon", Header: "yes"},
		},
		Workdir: "own", Home: "own",
		Run: "launch nwchem water.nw > water.out\n\necho done\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for in, want := range map[string]string{"a": "testdata/a", "../a": "a", "/a": "/a"} {
		if p := got.Resolve(in); p != want {
			t.Errorf("Resolve(%q) = %q, want %q", in, p, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	for _, file := range []string{"testdata/valid-least.yaml", "testdata/valid-defaults.yaml", "testdata/valid-crlf-and-bom.yaml", "testdata/valid-json.yaml"} {
		s, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Optimize{Arch: []string{"auto"}, Strategy: "dispatch", Reach: ReachRebuild, Limit: DefaultLimit}, s.Optimize); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
		if diff := cmp.Diff(Threads{Bind: "none"}, s.Threads); diff != "" || s.Launcher != "none" {
			t.Errorf("%s: %s %s", file, diff, s.Launcher)
		}
	}
	s, err := Load("testdata/valid-crlf-and-bom.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if s.Run != "hello\ntrue\n" {
		t.Errorf("run is %q", s.Run)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, []byte("run: |\n"+strings.Repeat("  x\n", MaxSize/4)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(big)
	if ps := problems(t, err); len(ps) != 1 || !strings.Contains(ps[0].Message, "larger than 1 MiB") {
		t.Errorf("large file: %v", ps)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, err := Parse("x.yaml", []byte("a: &a [x]\nb: ["+strings.Repeat("*a,", 200_000)+"]\n"))
	ps := problems(t, err)
	if len(ps) != strictyaml.MaxProblems+1 || !strings.Contains(ps[strictyaml.MaxProblems].Message, "more problems from here on") {
		t.Errorf("%d problems, last %v", len(ps), ps[len(ps)-1])
	}
}

// job is a valid job file but for what replaces the line of that key.
func job(key, line string) string {
	lines := []string{
		"name: x",
		"environment: {nixpkgs: {path: ./x}, packages: [hello]}",
		"run: hello",
	}
	for i, l := range lines {
		if strings.HasPrefix(l, key+":") {
			lines[i], line = line, ""
		}
	}
	return strings.Join(append(lines, line), "\n") + "\n"
}

// The scalars that YAML's versions and readers disagree on: kept as written, or
// refused, but never changed.
func TestScalarsAreKeptOrRefused(t *testing.T) {
	for value, kept := range map[string]bool{
		"1:30:00": true, "10:00": true, "1-00:00:00": true, "0-1": true, "08:30": true, "yes": true, "no": true, "on": true, "y": true,
		"true": true, "False": true, "1_000": true, "0x1F": true, "0o17": true, "0b11": true, "1e3": true, ".5": true, "1.": true, "0.5": true,
		".inf": true, "2026-11-22": true, "99999999999999999999": true, "0": true, "-0": true, "+5": true, "=": true, "<<": true,
		"010": false, "08": false, "-010": false, "0_1": false, "00": false, "00.5": false, "~": false, "null": false, "Null": false, "": false,
	} {
		s, err := Parse("x", []byte(job("env", "env: {A: "+value+"}")))
		switch {
		case kept && (err != nil || s.Env[0].Value != value):
			t.Errorf("%q is not kept: %v %v", value, s, err)
		case !kept && err == nil:
			t.Errorf("%q is not refused, but read as %q", value, s.Env[0].Value)
		}
		if value == "" {
			continue
		}
		s, err = Parse("x", []byte(job("env", fmt.Sprintf("env: {A: %q}", value))))
		if err != nil || s.Env[0].Value != value {
			t.Errorf("%q between quotes is not kept: %v", value, err)
		}
	}
}
