// Package rerun takes a job from its record up to where it can be run again:
// the same bytes of the job file, the same inputs, the same pinned trees, in an
// empty directory.
//
// It promises that a record which is not as it was sealed is refused, that
// nothing is used which has not the recorded hash, that a build
// asked for exactly has the recorded derivation or is refused, and that nothing
// is written outside the directory given. It never submits.
package rerun

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Options says how to run again.
type Options struct {
	Dir     string   // empty or absent
	Arch    string   // "": the recorded build; "auto": the best here; else an arch
	Without []string // options of sbatch to leave out
	Prepare submit.Options
}

// Again is a job that is ready to be built.
type Again struct {
	Job   *submit.Planned
	File  string   // the job file
	Notes []string // what is not as it was
	// Same says for each build of the plan that was recorded whether it has the
	// recorded derivation.
	Same  map[string]bool
	trees string
}

// Close removes what was unpacked for Nix.
func (a *Again) Close() error {
	if a.trees == "" {
		return nil
	}
	return os.RemoveAll(a.trees)
}

// Prepare lays the job out in o.Dir, plans it, and compares the derivations
// with the recorded ones.
func Prepare(ctx context.Context, r *load.Record, o Options) (_ *Again, err error) {
	if err := empty(o.Dir); err != nil {
		return nil, err
	}
	again := &Again{Same: map[string]bool{}}
	if err := again.trust(r); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, again.Close())
		}
	}()
	inputs, archs, err := ran(r)
	if err != nil {
		return nil, err
	}
	if again.File, err = lay(r, o.Dir, inputs); err != nil {
		return nil, err
	}
	spec, err := jobspec.Load(again.File)
	if err != nil {
		return nil, err
	}
	if again.trees, err = os.MkdirTemp("", "nixbatch-trees-"); err != nil {
		return nil, fmt.Errorf("pinned trees: %w", err)
	}
	sources, err := again.pins(r, spec)
	if err != nil {
		return nil, err
	}
	o.Prepare.Resolve = func(pin jobspec.Pin, base string) (nixsource.Source, error) {
		if p, ok := sources[pin.Path]; ok && pin.Path != "" {
			pin.Path, pin.Hash = p.Path, p.Hash
		}
		return nixsource.Resolve(pin, base)
	}
	names, tasks, err := r.Rows()
	if err != nil {
		return nil, err
	}
	for _, values := range tasks {
		var row jobspec.Row
		for i, v := range values {
			row = append(row, jobspec.EnvVar{Name: names[i], Value: v})
		}
		o.Prepare.Rows = append(o.Prepare.Rows, row)
	}
	j, err := submit.Load(again.File, o.Prepare)
	if err != nil {
		return nil, err
	}
	j.Spec.Slurm = j.Spec.Slurm.Without(o.Without...)
	for _, opt := range slices.Clone(j.Spec.Slurm) {
		if private.IsToken(opt.Value) {
			j.Spec.Slurm = j.Spec.Slurm.Without(opt.Name)
			again.Notes = append(again.Notes, "option "+opt.Name+" was redacted and is left out")
		}
	}
	switch o.Arch {
	case "":
		j.Spec.Optimize.Arch = archs
	default:
		j.Spec.Optimize.Arch = []string{o.Arch}
	}
	if again.Job, err = j.MakePlan(ctx); err != nil {
		return nil, err
	}
	return again, again.compare(ctx, r, o.Arch == "")
}

// trust refuses a record that was changed since it was sealed, and one that
// lacks what it would take.
func (a *Again) trust(r *load.Record) error {
	bad, err := check.Sealed(r)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if len(bad) > 0 {
		name := r.RunID // what to verify: a run or an export
		if r.Contents != nil {
			name = r.Path
		}
		return &fault.Error{Kind: fault.Failed, Message: name + " is not as it was sealed, and is not run: " + strings.Join(bad, "; "),
			Way: "nixbatch record verify " + proc.Quote(name) + " shows what was changed"}
	}
	if r.Seal == nil {
		a.Notes = append(a.Notes, "the record is not sealed: nothing tells whether it was changed")
	}
	var gone []string
	for _, v := range r.Plan.Env {
		if r.Redacted() && private.Hidden(v.Value) {
			gone = append(gone, v.Name)
		}
	}
	if r.Redacted() && r.Plan.Sweep != nil {
		for _, n := range r.Plan.Private {
			if slices.Contains(r.Plan.Sweep.Names, n) {
				gone = append(gone, n)
			}
		}
	}
	if len(gone) > 0 {
		return fault.New("the export is redacted: it lacks the values that the job file gives to "+strings.Join(gone, ", "),
			"rerun from the run, or from an export without --redact; or take job.yaml from it, put the values in, and submit that")
	}
	return nil
}

// empty refuses a directory that has something in it: nothing is replaced.
func empty(dir string) error {
	entries, err := durable.List(dir)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	if len(entries) > 0 {
		return fault.New(fmt.Sprintf("%s is not empty: %s is in it", dir, entries[0].Name()), "rerun in an empty directory, or name a new one with --dir")
	}
	return nil
}

// ran is what the run read, and the builds that ran.
func ran(r *load.Record) (inputs []facts.File, archs []string, err error) {
	at := map[string]string{}
	err = r.Attempts(func(a load.Attempt) error {
		if a.Start == nil {
			return nil
		}
		if !slices.Contains(archs, a.Start.Build.Arch) && a.Start.Build.Arch != "" {
			archs = append(archs, a.Start.Build.Arch)
		}
		for _, f := range a.Start.Inputs {
			if was, ok := at[f.Path]; !ok {
				at[f.Path] = f.SHA256
				inputs = append(inputs, f)
			} else if was != f.SHA256 {
				return fault.New(fmt.Sprintf("input %s was not the same for all tasks of the run", f.Path), "the run cannot be made again from its record")
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(archs) == 0 {
		// It never started: what was planned is what is to be repeated.
		archs = r.Plan.Archs()
	}
	return inputs, archs, nil
}

// lay writes the job file and its inputs. Inputs that lie above the job file's
// directory (../basis) put that directory deeper below dir.
func lay(r *load.Record, dir string, inputs []facts.File) (string, error) {
	work := dir
	up := 0
	for _, in := range inputs {
		if !filepath.IsAbs(in.Path) {
			up = max(up, strings.Count(filepath.Clean(in.Path)+"/", "../"))
		}
	}
	for range up {
		work = filepath.Join(work, "work")
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return "", fmt.Errorf("directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("directory: %w", err)
	}
	defer root.Close()
	for _, in := range inputs {
		if err := input(r, root, work, dir, in); err != nil {
			return "", err
		}
	}
	if !fs.ValidPath(r.Plan.Name+".yaml") || strings.Contains(r.Plan.Name, "/") {
		return "", fault.New(fmt.Sprintf("the job's name %q is no file name", r.Plan.Name), "do not trust this record")
	}
	file := filepath.Join(work, r.Plan.Name+".yaml")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", fmt.Errorf("job file: %w", err)
	}
	_, err = f.Write(r.Job)
	return file, errors.Join(err, f.Close())
}

func input(r *load.Record, root *os.Root, work, dir string, in facts.File) error {
	if in.SHA256 == "" {
		return fault.New(fmt.Sprintf("input %s has no hash on record: %s", in.Path, in.Skipped), "such a run can only be repeated by hand")
	}
	if private.Hidden(in.SHA256) {
		return fault.New(fmt.Sprintf("input %s is not in this redacted export: it held private values, or could not be looked at when the run was sealed", in.Path),
			"rerun where the run is, or from an export that is not redacted")
	}
	if filepath.IsAbs(in.Path) {
		if got := digest.File(in.Path, in.Path, digest.HashLimit); got.SHA256 != in.SHA256 {
			return fault.New(fmt.Sprintf("input %s is not here as it was (sha256 %s)", in.Path, in.SHA256), "put the recorded file there")
		}
		return nil
	}
	name, err := filepath.Rel(dir, filepath.Join(work, in.Path))
	if err != nil || !filepath.IsLocal(name) {
		return fault.New(fmt.Sprintf("input %q leads out of the directory", in.Path), "do not trust this record")
	}
	from, err := r.File("input", in)
	if err != nil {
		return fault.New(fmt.Sprintf("input %s is not to be had (sha256 %s)", in.Path, in.SHA256), "an export with a larger --max-file has it")
	}
	defer from.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("input %s: %w", in.Path, err)
	}
	mode := fs.FileMode(0o644)
	if in.Exec {
		mode = 0o755
	}
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("input %s: %w", in.Path, err)
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, in.Size+1))
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("input %s: %w", in.Path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != in.SHA256 {
		way := "restore " + in.Path + " as the run read it, or rerun from an export made before it was changed"
		if r.Contents != nil {
			at, _ := r.Contents.Find("input", in.Path)
			way = at.At + " in the export was changed: restore that file, or get the export again"
		}
		return fault.New(fmt.Sprintf("input %s is not what the run read: it has another sha256 than %s", in.Path, in.SHA256), way)
	}
	return nil
}

// compare sets the recorded expression of each build that was recorded, and
// looks whether it still gives the recorded derivation.
func (a *Again) compare(ctx context.Context, r *load.Record, exact bool) error {
	j := a.Job
	sys := r.Plan.System
	if sys != "" && sys != j.Plan.System {
		a.Notes = append(a.Notes, fmt.Sprintf("the run was on %s, this is %s", sys, j.Plan.System))
	}
	for i := range j.Plan.Builds {
		b := &j.Plan.Builds[i]
		was, ok := r.Plan.BuildFor(b.Arch)
		if !ok {
			a.Notes = append(a.Notes, fmt.Sprintf("the run had no build for %s: there is nothing to compare it with", b.Arch))
			continue
		}
		if was.Expression != b.Expression {
			if !exact {
				a.Notes = append(a.Notes, fmt.Sprintf("the expression of the %s build is not the recorded one: this nixbatch writes it in another way, or this machine cannot run its tests", b.Arch))
			} else {
				b.Tune, b.Options, b.NoTests, b.Expression, b.Key = was.Tune, was.Options, was.NoTests, was.Expression, was.Key
				b.Expr = nix.Recorded(was.Expression, b.Env.Nixpkgs, b.Env.Overlays)
				b.Reach, b.Rebuilt, b.Needs, b.Recorded = was.Reach, was.Rebuilt, was.Needs, true
			}
		}
		env, ok := r.Envs[b.Arch]
		if !ok {
			a.Notes = append(a.Notes, fmt.Sprintf("the record does not have the derivation of the %s build", b.Arch))
			continue
		}
		d, err := j.Nix.Instantiate(ctx, b.Expr)
		if err != nil {
			return err
		}
		if a.Same[b.Arch] = d.Drv == env.Drv; a.Same[b.Arch] {
			continue
		}
		text := fmt.Sprintf("DIFFERENT DERIVATION of the %s build: recorded %s, here %s", b.Arch, env.Drv, d.Drv)
		if exact {
			return fault.New(text, "--here or --arch runs it all the same; record diff then tells what differs")
		}
		a.Notes = append(a.Notes, text)
	}
	return nil
}
