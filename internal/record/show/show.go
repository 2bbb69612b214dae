// Package show prints a record: for people on one page, for programs as JSON.
//
// It promises to say of every fact where it comes from and of what is missing
// that it is missing. It never judges a record; that is what verifying does.
package show

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// Schema names the JSON of a record as a whole.
const Schema = "nixbatch/record/v1"

const maxShown = 5 // attempts, outputs and the like on the page

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// page gathers what the tasks left.
type page struct {
	attempts, ended int
	first           *facts.Start
	nodes           []facts.Node
	builds          []string
	lines           []string
	inputs, outputs []facts.File // outputs are the first ones, of wrote
	wrote           int
	numbers         []facts.Number // the first ones
	changed         odd            // inputs
	missing         odd            // outputs
}

// odd is files that something is to be said of, each once.
type odd struct {
	names []string
	what  map[string]string
	more  map[string]int // attempts beside the first
}

func (o *odd) add(name, what string) {
	if o.what == nil {
		o.what, o.more = map[string]string{}, map[string]int{}
	}
	if _, ok := o.what[name]; ok {
		o.more[name]++
		return
	}
	o.names, o.what[name] = append(o.names, name), what
}

const maxOdd = 20 // files of a kind on the page

func (o *odd) rows(row func(name, format string, args ...any), kind string) {
	for _, n := range o.names[:min(len(o.names), maxOdd)] {
		more := ""
		if m := o.more[n]; m > 0 {
			more = fmt.Sprintf(", and %d more", m)
		}
		row(kind, "%s: %s%s", n, o.what[n], more)
	}
	if n := len(o.names) - maxOdd; n > 0 {
		row("", "and %d more", n)
	}
}

func (p *page) add(a load.Attempt) error {
	p.attempts++
	line := fmt.Sprintf("task %d, attempt %d: ", a.Task, a.Attempt)
	if s := a.Start; s != nil {
		if p.first == nil {
			p.first = s
			p.inputs = s.Inputs
		}
		for _, n := range s.Nodes {
			same := func(o facts.Node) bool {
				return o.CPUName() == n.CPUName() && o.Kernel == n.Kernel && o.Machine.Sockets == n.Machine.Sockets
			}
			if !slices.ContainsFunc(p.nodes, same) {
				p.nodes = append(p.nodes, n)
			}
		}
		if !slices.Contains(p.builds, s.Build.Arch) {
			p.builds = append(p.builds, s.Build.Arch)
		}
		line += "started " + at(s.Time) + ", build " + cpuflags.Words(s.Build.Arch)
	} else {
		line += "no start"
	}
	switch e := a.End; {
	case e == nil:
		line += "; incomplete: it left no end"
	default:
		p.ended++
		line += fmt.Sprintf("; exit code %d after %.2f s", e.ExitCode, e.Elapsed)
		if e.Reason != "" {
			line += " (" + e.Reason + ")"
		}
		who := fmt.Sprintf("task %d, attempt %d", a.Task, a.Attempt)
		for _, f := range e.Outputs {
			switch {
			case f.Why() != facts.SkipMissing:
				if p.wrote++; p.wrote <= maxShown {
					p.outputs = append(p.outputs, f)
				}
			case a.Last:
				p.missing.add(f.Path, "declared, and not written by "+who)
			}
		}
		for _, c := range e.Changed {
			p.changed.add(c.Path, c.What+", during "+who)
		}
		p.numbers = append(p.numbers, e.Numbers[:min(len(e.Numbers), maxShown-len(p.numbers))]...)
	}
	if len(p.lines) < maxShown {
		p.lines = append(p.lines, line)
	}
	return nil
}

// Text prints the page.
func Text(w io.Writer, r *load.Record) error {
	var p page
	if err := r.Attempts(p.add); err != nil {
		return err
	}
	t := screen.Table(w)
	row := func(name, format string, args ...any) {
		screen.Printf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("run", "%s", r.RunID)
	row("job", "%s, sha256 %s", r.Plan.Name, r.Plan.Job)
	row("tool", "nixbatch %s", strings.TrimSpace(r.Intent.Tool.Version+" "+r.Intent.Tool.Commit))
	if s := r.Submit; s != nil {
		how := fmt.Sprintf("job %d", s.JobID)
		if s.Local {
			how = "run locally"
		}
		row("submitted", "%s, %s", at(s.Time), how)
		if s.Git != nil {
			row("git", "%s, clean: %s", s.Git.Rev, s.Git.Clean)
		}
		seed := s.Seed
		if seed == "" {
			seed = "not recorded"
		}
		row("seed", "%s", seed)
	}
	for _, pin := range r.Plan.Pins {
		row(pin.Role, "%s", strings.Join(strings.Fields(strings.Join([]string{pin.Kind, pin.From, pin.Rev, pin.Hash}, " ")), " "))
	}
	for _, b := range r.Plan.Builds {
		e, ok := r.Envs[b.Arch]
		if !ok {
			row("build", "%s, closure not recorded", b.Arch)
			continue
		}
		var size int64
		for _, path := range e.Paths {
			size += path.NarSize
		}
		row("build", "%s: %d store paths, %s, %d packages, %s %s", cpuflags.Words(b.Arch), len(e.Paths), humanize.IBytes(uint64(size)), len(export.Packages(e)), e.Nix.Implementation, e.Nix.Version)
		row("", "%s", e.Drv)
	}
	for _, n := range p.nodes {
		m := n.Machine
		row("node", "%s, %d×%d×%d, %d NUMA, %s, %s", n.CPUName(), m.Sockets, m.Cores, m.Threads, m.NUMA, humanize.IBytes(uint64(m.MemoryKB)<<10), n.Kernel)
	}
	if s := p.first; s != nil {
		row("ran", "build %s, %s a task, %s", strings.Join(p.builds, ", "), count(s.Threads, "thread"), count(len(s.Affinity), "processor"))
	}
	files(row, "input", p.inputs, len(p.inputs))
	p.changed.rows(row, "changed")
	files(row, "output", p.outputs, p.wrote)
	p.missing.rows(row, "missing")
	for _, n := range p.numbers {
		if n.Problem != "" {
			row("number", "%s: %s%s: %s", n.File, n.Pattern, n.JSON, n.Problem)
			continue
		}
		if len(n.Values) == 0 { // nixbatch writes none such
			row("number", "%s: %s%s: no value", n.File, n.Pattern, n.JSON)
			continue
		}
		row("number", "%s: %s%s: %v, to ±%g or a relative %g", n.File, n.Pattern, n.JSON, n.Values[0], n.Abs, n.Rel)
	}
	for _, l := range p.lines {
		row("attempt", "%s", l)
	}
	if p.attempts > maxShown {
		row("", "and %d more; %d of %d have an end", p.attempts-maxShown, p.ended, p.attempts)
	}
	if r.Result != nil {
		row("result", "%s", strings.TrimSuffix(r.Result.State+", "+r.Result.Reason, ", "))
	} else {
		row("result", "not known yet")
	}
	switch a := r.Accounting; {
	case a == nil:
		row("accounting", "not asked yet")
	case len(a.Jobs) == 0:
		row("accounting", "%s", a.Source)
	default:
		j := a.Jobs[len(a.Jobs)-1]
		row("accounting", "%s: %s, %d s, %d s of CPU, %s", a.Source, j.State, j.Elapsed, j.TotalCPU, j.AllocTRES)
	}
	lost, err := seal.Lost(r.Path, r.Intent.RunID)
	if err == nil && lost != nil {
		row("seal", "%s", lost.String())
	}
	if r.Seal != nil {
		row("seal", "%s, %s", r.Seal.ID, at(r.Seal.Time))
	} else if lost == nil {
		row("seal", "none: the run is not known to be over")
	}
	return t.Flush()
}

func files(row func(name, format string, args ...any), kind string, all []facts.File, count int) {
	for _, f := range all[:min(len(all), maxShown)] {
		if f.SHA256 == "" {
			row(kind, "%s: %s", f.Path, f.Skipped)
			continue
		}
		kept := ""
		if f.Kept {
			kept = ", kept"
		}
		row(kind, "%s, %s, sha256 %s%s", f.Path, humanize.IBytes(uint64(f.Size)), f.SHA256, kept)
	}
	if count > maxShown {
		row("", "and %d more", count-maxShown)
	}
}

// Record is what JSON prints: all facts as one object.
type Record struct {
	Schema       string                       `json:"schema"`
	RunID        string                       `json:"run_id"`
	Redacted     bool                         `json:"redacted"`
	Intent       facts.Intent                 `json:"intent"`
	Submit       *facts.Submit                `json:"submit"`
	Plan         plan.Plan                    `json:"plan"`
	Environments map[string]facts.Environment `json:"environments"` // by arch
	Result       *facts.Result                `json:"result"`
	Accounting   *facts.Accounting            `json:"accounting"`
	Seal         *seal.Seal                   `json:"seal"`
	JobFile      string                       `json:"job_file"`
	Tasks        []Task                       `json:"tasks"` // the last, see JSON
}

// Task is an attempt of a task.
type Task struct {
	Attempt int          `json:"attempt"`
	End     *facts.End   `json:"end"` // null: incomplete
	Start   *facts.Start `json:"start"`
	Task    int          `json:"task"`
}

// JSON prints a Record. Its tasks, of which there may be a million, are read and
// written one at a time.
func JSON(w io.Writer, r *load.Record) error {
	head, err := json.MarshalIndent(Record{
		Schema: Schema, RunID: r.RunID, Redacted: r.Redacted(), Intent: r.Intent, Submit: r.Submit, Plan: r.Plan, Environments: r.Envs,
		Result: r.Result, Accounting: r.Accounting, Seal: r.Seal, JobFile: string(r.Job), Tasks: []Task{},
	}, "", "  ")
	if err != nil {
		return err
	}
	if _, err := w.Write(screen.JSONText(bytes.TrimSuffix(head, []byte("]\n}")))); err != nil {
		return err
	}
	comma := "\n    "
	err = r.Attempts(func(a load.Attempt) error {
		data, err := json.MarshalIndent(Task{Task: a.Task, Attempt: a.Attempt, Start: a.Start, End: a.End}, "    ", "  ")
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, comma+string(screen.JSONText(data)))
		comma = ",\n    "
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n  ]\n}\n")
	return err
}

// ListSchema names the JSON of a list of records.
const ListSchema = "nixbatch/records/v1"

// List is the records of a project.
type List struct {
	Schema  string  `json:"schema"`
	Records []Entry `json:"records"`
}

// Entry is one of them.
type Entry struct {
	RunID  string `json:"run_id"`
	Dir    string `json:"dir"`
	State  string `json:"state,omitempty"` // "" while it is not sealed
	Sealed bool   `json:"sealed"`
	Signed bool   `json:"signed"`
	Seal   string `json:"seal,omitempty"`
	// Problem is why it cannot be read.
	Problem string `json:"problem,omitempty"`
}

// EntryOf looks at one run directory.
func EntryOf(runID, dir string) Entry {
	e := Entry{RunID: runID, Dir: dir}
	r, err := load.Open(dir)
	if err != nil {
		e.Problem = err.Error()
		return e
	}
	defer r.Close()
	if r.Seal != nil {
		e.Sealed, e.Seal = true, r.Seal.ID
	}
	if r.Result != nil {
		e.State = r.Result.State
	}
	f, err := r.Open(seal.SignatureFile)
	if err == nil {
		e.Signed = true
		f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		e.Problem = err.Error()
	}
	return e
}

// Text prints the list for people.
func (l List) Text(w io.Writer) {
	t := screen.Table(w)
	screen.Printf(t, "RUN\tSTATE\tSEAL\tSIGNED\n")
	for _, e := range l.Records {
		state, seal, signed := e.State, "none", "no"
		if state == "" {
			state = "not sealed"
		}
		if e.Problem != "" {
			state = e.Problem
		}
		if e.Sealed {
			seal = e.Seal[:16]
		}
		if e.Signed {
			signed = "yes"
		}
		screen.Printf(t, "%s\t%s\t%s\t%s\n", e.RunID, state, seal, signed)
	}
	t.Flush()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
