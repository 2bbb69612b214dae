package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm"
)

// tasks makes the table of a sweep and checks every task's files; a job without
// one has one task.
func tasks(spec *jobspec.Spec, dir string, recorded []jobspec.Row) ([]jobspec.Row, error) {
	if spec.Sweep == nil {
		return nil, inputsExist(spec.Inputs, dir, "")
	}
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
	seen := map[string]bool{}
	for _, r := range rows {
		for _, o := range spec.Outputs {
			if _, err := r.Output(o); err != nil {
				return nil, err
			}
		}
		for _, in := range spec.Inputs {
			if name := r.Input(in); !seen[name] {
				seen[name] = true
				if err := inputsExist([]string{name}, dir, r.String()); err != nil {
					return nil, err
				}
			}
		}
	}
	return rows, nil
}

func names(r jobspec.Row) string {
	var out []string
	for _, v := range r {
		out = append(out, v.Name)
	}
	return strings.Join(out, ", ")
}

func inputsExist(inputs []string, dir, task string) error {
	for _, in := range inputs {
		path := in
		if !filepath.IsAbs(in) {
			path = filepath.Join(dir, in)
		}
		st, err := durable.Stat(path)
		if err != nil {
			return fmt.Errorf("input %s: %w", in, err)
		}
		if st != nil && !st.Mode().IsRegular() {
			return fault.New("input "+in+" is not a file, and has no hash", "name the files in it that the job reads")
		}
		if st == nil {
			e := fault.New("input "+in+" does not exist", "inputs are relative to the job file's directory")
			if task != "" {
				e.Way += "; the task is " + task
			}
			return e
		}
	}
	return nil
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
