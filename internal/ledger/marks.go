package ledger

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
)

// output is the second token: the logs of a run lie in a directory that carries
// its id, which Slurm shows as the place of the job's standard output.
func output(r rundir.Run) string { return "runs/" + r.ID + "/logs/" }

// marksOf are what the job of a call is known by while its number is not. The
// second token is the run's, so the jobs of its other calls, and copies that
// stopped, are left out.
func marksOf(r rundir.Run, in facts.Intent, call int) slurm.Marks {
	m := slurm.Marks{Token: token(r, in.Round, call, len(CallsOf(in))), Output: output(r), Since: in.Time}
	var err error
	if m.Not, err = stopped(r); err != nil {
		m.Output = ""
		return m
	}
	all, err := Intents(r)
	if err != nil {
		m.Output = "" // the first token still tells
		return m
	}
	for _, other := range all {
		for c := range CallsOf(other) {
			if other.Round == in.Round && c == call {
				continue
			}
			j, ok, err := Answer(r, other, c)
			if err != nil {
				m.Output = "" // which of the jobs there is that one is not known
			}
			if ok && j.JobID != 0 {
				m.Not = append(m.Not, j.JobID)
			}
		}
	}
	return m
}

// stopped are the jobs that left a note that they are copies, and stopped.
func stopped(r rundir.Run) (out []int64, err error) {
	entries, err := durable.List(filepath.Join(r.Dir, "copies"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if n, err := strconv.ParseInt(strings.TrimSuffix(e.Name(), ".json"), 10, 64); err == nil {
			out = append(out, n)
		}
	}
	return out, nil
}

// live leaves out those that stopped, unless there are no others.
func live(r rundir.Run, found []slurm.JobRef) []slurm.JobRef {
	gone, err := stopped(r)
	if err != nil {
		return found // without their notes each may be the one
	}
	if some := slices.DeleteFunc(slices.Clone(found), func(j slurm.JobRef) bool { return slices.Contains(gone, j.ID) }); len(some) > 0 {
		return some
	}
	return found
}

// outputOption is the script's --output as an argument of sbatch, so that the
// accounting's command line carries the second token too; "" where the script's
// shell opens the log.
func outputOption(script []byte) string {
	for line := range strings.Lines(string(script)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "#SBATCH --output="); ok && !strings.ContainsAny(v, `"'\ `) && v != os.DevNull {
			return "--output=" + v
		}
	}
	return ""
}

// whose is what Slurm shows under a number.
type whose int

const (
	nobodys whose = iota // it knows no such job
	anothers
	ours
)
