package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/stage"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// tasks makes the table of a sweep and finds every task's files; a job without one
// has one task.
func tasks(spec *jobspec.Spec, dir string, recorded []jobspec.Row, before []Parent) ([]jobspec.Row, stage.Found, error) {
	found := search{spec: spec, before: before, found: stage.Found{Base: dir}, seen: map[string]bool{}}
	for _, n := range reads(spec) {
		if pattern, out := stage.Out(n); out && len(jobspec.Places(pattern)) == 0 {
			found.found.Exclude = append(found.found.Exclude, n)
		}
	}
	if spec.Sweep == nil {
		err := found.task(nil)
		return nil, found.found, err
	}
	rows, err := table(spec, dir, recorded)
	if err != nil {
		return nil, found.found, err
	}
	for _, r := range rows {
		for _, o := range spec.Outputs {
			if _, err := r.Output(o); err != nil {
				return nil, found.found, err
			}
		}
		if err := found.task(r); err != nil {
			return nil, found.found, err
		}
	}
	return rows, found.found, nil
}

// table is the tasks of a sweep.
func table(spec *jobspec.Spec, dir string, recorded []jobspec.Row) ([]jobspec.Row, error) {
	var data []byte
	if spec.Sweep.CSV != "" && recorded == nil {
		path := spec.Sweep.CSV
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		var err error
		if data, err = durable.ReadFile(path); err != nil {
			return nil, &jobspec.SweepError{Message: fmt.Sprintf("sweep.csv: %v", errors.Unwrap(err)), Way: spec.Sweep.CSV + " is looked for beside the job file"}
		}
	}
	rows := recorded
	if rows == nil {
		var err error
		if rows, err = spec.Sweep.Tasks(data); err != nil {
			return nil, err
		}
	}
	for _, list := range [][]string{spec.Inputs, spec.Outputs} {
		for _, name := range list {
			for _, place := range jobspec.Places(name) {
				if _, ok := rows[0].Get(place); !ok && spec.Sweep.CSV != "" {
					return nil, &jobspec.SweepError{Message: fmt.Sprintf("%s: the sweep has no name %q", name, place), Way: spec.Sweep.CSV + " has the columns " + names(rows[0])}
				}
			}
		}
	}
	return rows, nil
}

// reads are the names of what a job reads.
func reads(spec *jobspec.Spec) []string {
	if spec.Scratch == nil {
		return spec.Inputs
	}
	return slices.Concat(spec.Inputs, spec.Scratch.StageIn)
}

// search finds the inputs of a job's tasks, each once.
type search struct {
	spec  *jobspec.Spec
	found stage.Found
	seen  map[string]bool
	// before are the jobs that this one comes after.
	before []Parent
}

func (s *search) task(r jobspec.Row) error {
	for _, in := range reads(s.spec) {
		name := r.Input(in)
		if _, out := stage.Out(name); out || s.seen[name] {
			continue
		}
		s.seen[name] = true
		if s.made(name) {
			s.found.Later = append(s.found.Later, path.Clean(name))
			continue
		}
		// None of these is there before the first attempt.
		later := s.spec.Checkpoint != nil && slices.Contains(s.spec.Checkpoint.Files, in)
		staged := s.spec.Scratch != nil && slices.Contains(s.spec.Scratch.StageIn, in) && stage.IsPattern(in)
		err := s.found.Add(name, later || staged)
		var told *fault.Error
		if errors.As(err, &told) && len(r) > 0 {
			told.Way += "; the task is " + r.String()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func names(r jobspec.Row) string {
	var out []string
	for _, v := range r {
		out = append(out, v.Name)
	}
	return strings.Join(out, ", ")
}

// limitsFact is a cache of what Slurm allows.
type limitsFact struct {
	Schema       string    `json:"schema"`
	Conf         string    `json:"slurm_conf"` // another cluster has other limits
	MaxArraySize int       `json:"max_array_size"`
	Time         time.Time `json:"time"`
}

const limitsSchema = "nixbatch/limits/v1"

// DefaultArraySize is Slurm's default of MaxArraySize (slurm.conf(5)).
const DefaultArraySize = 1001

// ArrayLimit is Slurm's MaxArraySize: the highest index of an array is one less
// (slurm.conf(5)). It is asked once a day; what cannot be asked is the default.
func ArrayLimit(ctx context.Context, c *slurm.Client, p rundir.Project, now time.Time) int {
	conf := slurm.Where(os.Getenv)
	file := filepath.Join(p.Dir, "limits.json")
	var l limitsFact
	// A cache: one that cannot be read is asked anew.
	if durable.Read(file, &l) == nil && l.Schema == limitsSchema && l.Conf == conf && l.MaxArraySize > 0 && now.Sub(l.Time).Abs() < 24*time.Hour {
		return l.MaxArraySize
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	told, err := c.Config(ctx)
	n := told.MaxArraySize()
	if err != nil || n < 2 {
		return DefaultArraySize
	}
	// A cache: one that cannot be written is asked again.
	_ = durable.Replace(file, limitsFact{limitsSchema, conf, n, now.UTC()})
	return n
}

// ForgetLimits drops what was remembered, after Slurm refused what it allows.
func ForgetLimits(p rundir.Project) { _ = os.Remove(filepath.Join(p.Dir, "limits.json")) }
