package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

const fixtures = "../../cpuflags/testdata/cpuinfo"

var parsed sync.Map

func cpu(t testing.TB, name string) cpuflags.CPU {
	t.Helper()
	if c, ok := parsed.Load(name); ok {
		return c.(cpuflags.CPU)
	}
	f, err := os.Open(filepath.Join(fixtures, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := cpuflags.ParseCPUInfo(f)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Store(name, c)
	return c
}

// cpuNames are the saved CPUs that can be read.
func cpuNames(t testing.TB) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(fixtures, "*.txt"))
	if err != nil || len(all) < 25 {
		t.Fatal(len(all), err)
	}
	for _, path := range all {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cpuflags.ParseCPUInfo(f); err == nil {
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".txt"))
		}
		f.Close()
	}
	return names
}

// class is "hsw[1-2] haswell avx2,ib": nodes, CPU ("?" when nothing is known),
// active features; a feature in parentheses is available but not active.
func class(t testing.TB, text string) cluster.Class {
	t.Helper()
	w := strings.Fields(text)
	nodes, err := hostlist.Expand(w[0])
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.Class{Nodes: nodes, Partitions: []string{"main"}, Sockets: 2, Cores: 8, Threads: 1, CPUs: 16, MemoryMiB: 64000}
	if w[1] != "?" {
		c.Known = &cluster.Known{CPU: cpu(t, w[1]), From: "job"}
	}
	if len(w) > 2 {
		for _, f := range strings.Split(w[2], ",") {
			name := strings.Trim(f, "()")
			if c.Features = append(c.Features, name); name == f {
				c.Active = append(c.Active, f)
			}
		}
	}
	return c
}

func classes(t testing.TB, texts ...string) (out []cluster.Class) {
	t.Helper()
	for _, text := range texts {
		out = append(out, class(t, text))
	}
	return out
}

// job is a job file with these lines below optimize and slurm.
func job(t testing.TB, optimize, options string) *jobspec.Spec {
	t.Helper()
	block := func(name, lines string) string {
		if lines == "" {
			return ""
		}
		return name + ":\n  " + strings.ReplaceAll(lines, "; ", "\n  ") + "\n"
	}
	text := "name: water\nenvironment:\n  nixpkgs: {path: ../pkgs}\n  packages: [rhf]\n" +
		block("optimize", optimize) + block("slurm", options) + "run: rhf\n"
	s, err := jobspec.Parse("water.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return s
}

func input(t testing.TB, s *jobspec.Spec, cs []cluster.Class) plan.Input {
	t.Helper()
	return plan.Input{
		Spec: s, Classes: cs, Builder: cpu(t, "skylake-sp"), System: "x86_64-linux", Tool: facts.Tool{Version: "test"},
		Nixpkgs: nixsource.Source{Kind: "path", Pin: jobspec.Pin{Kind: jobspec.Path, Path: "../pkgs"},
			Hash: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", URL: "file:///nowhere"},
		Info: nix.PinInfo{GCC: "14.2.0"},
	}
}

// short tells a plan in a few lines: builds, classes, and options that the plan
// decided.
func short(p *plan.Plan) string {
	var b strings.Builder
	b.WriteString("builds " + strings.Join(p.Archs(), " "))
	for _, x := range p.Builds {
		if x.NoTests {
			b.WriteString(" (no tests of " + x.Arch + ")")
		}
	}
	cs := slices.Clone(p.Classes)
	slices.SortFunc(cs, func(a, b plan.Class) int { return strings.Compare(a.Nodes, b.Nodes) })
	for _, c := range cs {
		build := c.Build
		if build == "" {
			build = "-"
		}
		fmt.Fprintf(&b, "; %s %s", c.Nodes, build)
	}
	for _, name := range []string{"constraint", "exclude"} {
		if v, ok := p.Slurm.Get(name); ok {
			fmt.Fprintf(&b, "; %s=%s", name, v)
		}
	}
	return b.String()
}
