// Package compare tells in what two runs differ, the most telling first.
//
// It promises that every difference names both sides, that numbers which the
// job file declares are compared with their tolerances, and that bytes are never
// the test of a result where numbers are declared. It reads records alone: the
// same two give the same answer anywhere.
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/text"
)

// Schema names the report's JSON.
const Schema = "nixbatch/diff/v1"

// Difference is one thing in which two runs differ.
type Difference struct {
	Kind string `json:"kind"` // "pin", "package", "build", "cpu", "threads", "layout", "job", "input", "result", "output", "number"
	What string `json:"what"`
	A    string `json:"a"` // "" where only B has it
	B    string `json:"b"`
	// Expected is a difference that says nothing: bytes of an output whose
	// numbers agree.
	Expected bool `json:"expected,omitempty"`
}

// Report is the comparison of two runs.
type Report struct {
	Schema string `json:"schema"`
	A      string `json:"a"`
	B      string `json:"b"`
	// Verdict is "same", "same results", "different results", or "not
	// comparable" where one of them did not complete, or a redacted record lacks
	// the hash of an output. What a redacted record lacks is no difference.
	Verdict     string       `json:"verdict"`
	Counts      *Counts      `json:"counts,omitempty"` // of two sweeps
	Differences []Difference `json:"differences"`
	Numbers     []Number     `json:"numbers"` // the largest deviations first, then those that are missing, then those that agree
	Notes       []string     `json:"notes,omitempty"`

	hidden []string // outputs of one size whose hash a redacted record lacks
	masked []string // what a redacted record has only a token of
}

// The verdicts.
const (
	Same          = "same"
	SameResults   = "same results"
	Different     = "different results"
	NotComparable = "not comparable"
)

// order is how telling a kind of difference is.
var order = []string{"number", "pin", "package", "build", "cpu", "threads", "layout", "job", "input", "result", "output"}

// side is what of a record is compared.
type side struct {
	*load.Record
	archs, cpus, threads, layout, locale []string
	inputs, outputs                      map[string]facts.File
	numbers                              map[string]facts.Number
	tasks                                tasks
	result                               string
	incomplete                           int
}

// Runs compares two records.
func Runs(a, b *load.Record) (*Report, error) {
	ta, tb, err := bothTasks(a, b)
	if err != nil {
		return nil, err
	}
	fa, err := gather(a, ta)
	if err != nil {
		return nil, err
	}
	fb, err := gather(b, tb)
	if err != nil {
		return nil, err
	}
	r := &Report{Schema: Schema, A: a.RunID, B: b.RunID, Differences: []Difference{}, Numbers: []Number{}}
	r.pins(fa, fb)
	r.packages(fa, fb)
	r.lists("build", "CPU build", fa.archs, fb.archs)
	r.derivations(fa, fb)
	r.lists("cpu", "CPUs", fa.cpus, fb.cpus)
	r.lists("threads", "threads a task", fa.threads, fb.threads)
	r.lists("layout", "nodes and tasks", fa.layout, fb.layout)
	r.job(fa, fb)
	r.files("input", fa.inputs, fb.inputs)
	r.add("result", "result", fa.result, fb.result)
	r.compareNumbers(fa, fb)
	r.count(fa, fb)
	r.files("output", fa.outputs, fb.outputs)
	r.judge(fa, fb)
	r.tellMasked(a, b)
	slices.SortStableFunc(r.Differences, func(x, y Difference) int {
		return cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind))
	})
	return r, nil
}

func gather(r *load.Record, t tasks) (side, error) {
	f := side{Record: r, inputs: map[string]facts.File{}, outputs: map[string]facts.File{}, numbers: map[string]facts.Number{}, tasks: t}
	codes := map[string]int{}
	err := r.Attempts(func(a load.Attempt) error {
		if !a.Last {
			return nil
		}
		if s := a.Start; s != nil {
			f.archs = text.AddNew(f.archs, s.Build.Arch)
			f.threads = text.AddNew(f.threads, strconv.Itoa(s.Threads))
			f.locale = text.AddNew(f.locale, locale(s))
			nodes := 0
			for _, n := range s.Nodes {
				name := n.CPUName()
				if !n.Override {
					name += fmt.Sprintf(" (family %d, model %d)", n.CPU.Family, n.CPU.Model)
				}
				f.cpus = text.AddNew(f.cpus, name)
				nodes += n.Count
			}
			f.layout = text.AddNew(f.layout, fmt.Sprintf("%d nodes, %s tasks", nodes, cmp.Or(s.Slurm["SLURM_NTASKS"], "1")))
			for _, in := range s.Inputs {
				f.inputs[in.Path] = in
			}
		}
		if a.End == nil {
			f.incomplete++
			codes["incomplete"]++
			return nil
		}
		codes[fmt.Sprintf("exit code %d", a.End.ExitCode)]++
		for _, out := range a.End.Outputs {
			f.outputs[out.Path] = out
		}
		for _, n := range a.End.Numbers {
			f.numbers[t.key(a.Task, n)] = n
		}
		return nil
	})
	var results []string
	for c, n := range codes {
		if n > 1 {
			c = fmt.Sprintf("%s (%d tasks)", c, n)
		}
		results = append(results, c)
	}
	slices.Sort(results)
	f.result = strings.Join(results, ", ")
	if r.Result != nil {
		f.result = strings.TrimSuffix(r.Result.State+", "+f.result, ", ")
	}
	for _, l := range [][]string{f.archs, f.cpus, f.threads, f.layout, f.locale} {
		slices.Sort(l)
	}
	return f, err
}

// locale is the variables that decide how programs sort and print; those of the
// job file win.
func locale(s *facts.Start) string {
	vars := map[string]string{}
	for _, n := range []string{"LANG", "LC_ALL"} {
		if v := s.Environ[n]; v != "" {
			vars[n] = v
		}
	}
	for _, v := range s.Vars {
		if v.Name == "LANG" || strings.HasPrefix(v.Name, "LC_") {
			vars[v.Name] = v.Value
		}
	}
	var out []string
	for _, n := range sorted(vars) {
		out = append(out, n+"="+vars[n])
	}
	return strings.Join(out, " ")
}

func (r *Report) add(kind, what, a, b string) {
	switch {
	case a == b:
	case alike(a, b):
		r.masked = append(r.masked, what)
	default:
		r.Differences = append(r.Differences, Difference{Kind: kind, What: what, A: a, B: b})
	}
}

func (r *Report) lists(kind, what string, a, b []string) {
	r.add(kind, what, strings.Join(a, ", "), strings.Join(b, ", "))
}

func (r *Report) pins(a, b side) {
	text := func(f side, i int) string {
		if i >= len(f.Plan.Pins) {
			return ""
		}
		p := f.Plan.Pins[i]
		return strings.TrimSpace(strings.Join([]string{p.From, p.Rev, p.Hash}, " "))
	}
	for i := range max(len(a.Plan.Pins), len(b.Plan.Pins)) {
		role := "nixpkgs"
		if i > 0 {
			role = fmt.Sprintf("overlay %d", i)
		}
		r.add("pin", role, text(a, i), text(b, i))
	}
	r.lists("pin", "packages asked for", a.Plan.Packages, b.Plan.Packages)
}

// packages compares the closures of the builds that ran.
func (r *Report) packages(a, b side) {
	versions := func(f side) map[string][]string {
		out := map[string][]string{}
		for _, arch := range f.archs {
			for _, p := range export.Packages(f.Envs[arch]) {
				out[p.Name] = text.AddNew(out[p.Name], p.Version)
			}
		}
		return out
	}
	va, vb := versions(a), versions(b)
	if len(va) == 0 || len(vb) == 0 {
		if len(va) != len(vb) {
			r.Notes = append(r.Notes, "one of the records has no closure: packages are not compared")
		}
		return
	}
	names := map[string]bool{}
	for n := range va {
		names[n] = true
	}
	for n := range vb {
		names[n] = true
	}
	for _, n := range sorted(names) {
		slices.Sort(va[n])
		slices.Sort(vb[n])
		r.lists("package", n, va[n], vb[n])
	}
}

// derivations compares builds of one arch: the same text has the same .drv.
func (r *Report) derivations(a, b side) {
	for _, arch := range a.archs {
		ea, ok := a.Envs[arch]
		eb, also := b.Envs[arch]
		if ok && also && slices.Contains(b.archs, arch) {
			r.add("build", "derivation of "+arch, ea.Drv, eb.Drv)
		}
	}
}

func (r *Report) job(a, b side) {
	r.add("job", "lines to run", a.Plan.Run, b.Plan.Run)
	options := func(f side) string {
		var out []string
		for _, o := range f.Plan.Slurm {
			out = append(out, strings.TrimSuffix(o.Name+"="+o.Value, "="))
		}
		return strings.Join(out, " ")
	}
	r.add("job", "options of sbatch", options(a), options(b))
	r.add("job", "workdir", a.Plan.Workdir, b.Plan.Workdir)
	r.add("job", "home", a.Plan.Home, b.Plan.Home)
	r.lists("job", "locale", a.locale, b.locale)
	env := func(f side) string {
		var out []string
		for _, v := range f.Plan.Env {
			out = append(out, v.Name+"="+v.Value)
		}
		return strings.Join(out, " ")
	}
	r.add("job", "variables", env(a), env(b))
	if len(r.Differences) == 0 || r.Differences[len(r.Differences)-1].Kind != "job" {
		r.add("job", "job file", "sha256 "+a.Plan.Job, "sha256 "+b.Plan.Job)
	}
}

func (r *Report) files(kind string, a, b map[string]facts.File) {
	text := func(f facts.File, ok bool) string {
		switch {
		case !ok:
			return ""
		case f.SHA256 == "":
			return f.Skipped
		}
		return fmt.Sprintf("%d bytes, sha256 %s", f.Size, f.SHA256)
	}
	a = renamed(a, b)
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	for _, n := range sorted(names) {
		fa, oka := a[n]
		fb, okb := b[n]
		if (private.Hidden(fa.SHA256) || private.Hidden(fb.SHA256)) && fa.SHA256 != fb.SHA256 && oka && okb && fa.Size == fb.Size {
			r.Notes = append(r.Notes, kind+" "+n+" is not compared: a redacted record has its size, and no hash of it")
			if kind == "output" {
				r.hidden = append(r.hidden, n)
			}
			continue
		}
		r.add(kind, n, text(fa, oka), text(fb, okb))
	}
}

// tellMasked says what was not compared, and why.
func (r *Report) tellMasked(a, b *load.Record) {
	if oneRun(a, b) && a.Redacted() != b.Redacted() {
		r.Notes = append(r.Notes, "both are the record of one run, under one seal, and one of them is redacted: record verify tells of each whether it is as it was sealed")
	}
	if len(r.masked) > 0 {
		r.Notes = append(r.Notes, "not compared, since a redacted record lacks what is private in it: "+strings.Join(r.masked, ", "))
	}
}

// judge decides what the differences mean for the results.
func (r *Report) judge(a, b side) {
	counted := map[string]bool{}
	agree := true
	for _, n := range r.Numbers {
		for _, p := range n.paths {
			counted[p] = true
		}
		agree = agree && n.Agree
	}
	for i := range r.Differences {
		if d := &r.Differences[i]; d.Kind == "output" && counted[d.What] && agree {
			d.Expected = true
		}
	}
	differs := func(kind string) bool {
		return slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.Kind == kind && !d.Expected })
	}
	switch {
	case a.incomplete+b.incomplete > 0 || a.result == "" || b.result == "":
		r.Verdict = NotComparable
	case !agree || differs("result") || differs("output"):
		r.Verdict = Different
	case slices.ContainsFunc(r.hidden, func(n string) bool { return !counted[n] }):
		r.Verdict = NotComparable
	case len(r.Differences) == 0 && (len(r.masked) == 0 || oneRun(a.Record, b.Record)):
		r.Verdict = Same
	default:
		r.Verdict = SameResults
	}
	if differs("output") && len(r.Numbers) == 0 {
		r.Notes = append(r.Notes, "outputs are compared byte for byte, which is the wrong test for many computations: name the numbers under numbers: in the job file")
	}
}
