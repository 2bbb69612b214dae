package slurmtest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// Fake is a Slurm in memory: a slurm.Runner that answers sbatch, squeue, sacct,
// scancel, sinfo, scontrol and srun --mpi=list with the text that the real ones print. A job goes one step
// further each time squeue lists it: pending, running, then done as the
// script's last `exit N` says (0 without one; "$SLURM_ARRAY_TASK_ID" is the
// task's index). Any other command, option or format is an error, so that a
// test cannot pass by asking something that nobody answers.
type Fake struct {
	NodeList []slurm.Node // a node's first partition is the default if it is the first of all
	// Accounting makes sacct answer; without it, it says that accounting is
	// disabled.
	Accounting bool
	// Banner is printed before the id by sbatch.
	Banner string
	// SubmitFault, if not nil, is asked after a job was accepted: a message
	// makes sbatch fail with it all the same.
	SubmitFault func(id int64) string

	mu    sync.Mutex
	next  int64
	jobs  []*fakeJob
	calls []slurm.Command
}

type fakeJob struct {
	id, array                      int64
	task                           int
	name, comment, partition, word string
	limit                          time.Duration
	held                           bool
	exit                           int
	submit                         time.Time
	dir, output                    string
}

func (j *fakeJob) ref() string {
	if j.task >= 0 {
		return fmt.Sprintf("%d_%d", j.array, j.task)
	}
	return fmt.Sprint(j.id)
}

// Calls returns the commands run so far.
func (f *Fake) Calls() []slurm.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Run implements slurm.Runner.
func (f *Fake) Run(ctx context.Context, c slurm.Command) (slurm.Output, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
	if err := ctx.Err(); err != nil {
		return slurm.Output{}, &slurm.CommandError{ExitCode: -1, Err: fmt.Errorf("%s: %w", c, err)}
	}
	commands := map[string]func(slurm.Command) (string, error){
		"sbatch": f.sbatch, "squeue": f.squeue, "sacct": f.sacct, "scancel": f.scancel, "sinfo": f.sinfo,
		"scontrol": f.scontrol, "srun": f.srun,
	}
	run, ok := commands[c.Name]
	if !ok {
		return slurm.Output{}, fmt.Errorf("the fake has no %s", c.Name)
	}
	out, err := run(c)
	if err == nil {
		return slurm.Output{Stdout: []byte(out)}, nil
	}
	stderr := []byte(err.Error() + "\n")
	return slurm.Output{Stdout: []byte(out), Stderr: stderr}, &slurm.CommandError{
		ExitCode: 1, Stderr: stderr, Err: fmt.Errorf("%s: exit code 1: %w", c, err)}
}

func (f *Fake) partitions() []string {
	var names []string
	for _, n := range f.NodeList {
		for _, p := range n.Partitions {
			if !slices.Contains(names, p) {
				names = append(names, p)
			}
		}
	}
	return names
}

// flags takes --name=value apart; the rest are arguments.
func flags(args []string, known ...string) (map[string]string, []string, error) {
	m, rest := map[string]string{}, []string{}
	for _, a := range args {
		name, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		switch {
		case !strings.HasPrefix(a, "--"):
			rest = append(rest, a)
		case slices.Contains(known, name):
			m[name] = value
		default:
			return nil, nil, fmt.Errorf("unrecognized option '%s'", a)
		}
	}
	return m, rest, nil
}

// fill replaces %x in a format; a letter without a value is an error.
func fill(format string, value map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		v, ok := value[format[i]]
		if !ok {
			return "", fmt.Errorf("error: the fake has no %%%c", format[i])
		}
		b.WriteString(v)
	}
	return b.String() + "\n", nil
}

func (f *Fake) sinfo(c slurm.Command) (string, error) {
	m, _, err := flags(c.Args, "Node", "noheader", "format")
	if err != nil {
		return "", err
	}
	out := ""
	_, byNode := m["Node"]
	for _, p := range f.partitions() {
		star := map[bool]string{true: "*"}[p == f.partitions()[0]]
		var names []string
		for _, n := range f.NodeList {
			if !slices.Contains(n.Partitions, p) {
				continue
			}
			names = append(names, n.Name)
			if byNode {
				line, err := fill(m["format"], map[byte]string{'N': n.Name, 'R': p, 'T': n.State + n.Marks,
					'X': fmt.Sprint(n.Sockets), 'Y': fmt.Sprint(n.Cores), 'Z': fmt.Sprint(n.Threads), 'c': fmt.Sprint(n.CPUs),
					'm': fmt.Sprint(n.MemoryMiB), 'f': orNull(n.Features), 'b': orNull(n.Active), 'P': p + star})
				if err != nil {
					return "", err
				}
				out += line
			}
		}
		if !byNode {
			line, err := fill(m["format"], map[byte]string{'R': p, 'P': p + star, 'a': "up", 'l': "infinite", 'N': hostlist.Compress(names)})
			if err != nil {
				return "", err
			}
			out += line
		}
	}
	return out, nil
}

func orNull(l []string) string {
	if len(l) == 0 {
		return "(null)"
	}
	return strings.Join(l, ",")
}

func (f *Fake) scancel(c slurm.Command) (string, error) {
	_, ids, err := flags(c.Args)
	if err != nil {
		return "", err
	}
	for _, j := range f.jobs {
		if (slices.Contains(ids, j.ref()) || slices.Contains(ids, fmt.Sprint(j.array))) && (j.word == "PENDING" || j.word == "RUNNING") {
			j.word = "CANCELLED"
		}
	}
	return "", nil
}

func readAll(r io.Reader) (string, error) {
	if r == nil {
		return "", nil
	}
	b, err := io.ReadAll(r)
	return string(b), err
}
