package ledger

import (
	"fmt"
	"path/filepath"
	"sort"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm/indices"
)

// FirstCalls are the calls of sbatch for a job's first submission. tasks is 0
// for a job that is no sweep.
func FirstCalls(tasks, maxArray, running int, options []string) []facts.Call {
	if tasks == 0 {
		return []facts.Call{{Count: 1, Options: options}}
	}
	all := make([]int, tasks)
	for i := range all {
		all[i] = i
	}
	calls := Calls(all, maxArray, running, 0)
	for i := range calls {
		calls[i].Options = options
	}
	return calls
}

// arrayBytes is the longest list of indices that is sent: the limit on how many
// run at once takes some of what slurmctld allows.
const arrayBytes = indices.MaxList - 96

// Calls are the calls of sbatch that submit the tasks given (ascending): each
// an array of at most maxArray indices from 0 and a list of at most 4,000
// bytes. running, if not 0, bounds the tasks of all calls together that run at
// once: where there are more calls than that, some wait for others to be over.
func Calls(tasks []int, maxArray, running, attempt int) []facts.Call {
	var out []facts.Call
	for len(tasks) > 0 {
		offset := tasks[0]
		n := sort.SearchInts(tasks, offset+maxArray)
		n = indices.Fit(tasks[:n], offset, arrayBytes)
		ns := make([]int, n)
		for i, t := range tasks[:n] {
			ns[i] = t - offset
		}
		out = append(out, facts.Call{Array: indices.Format(ns), Offset: offset, Count: n, Attempt: attempt})
		tasks = tasks[n:]
	}
	if running > 0 {
		lanes := min(running, len(out))
		for i := range out {
			out[i].Limit = running / lanes
			if i%lanes < running%lanes {
				out[i].Limit++
			}
			if i >= lanes {
				out[i].Behind = i - lanes + 1
			}
		}
	}
	return out
}

// TasksOf are the tasks of a call, ascending.
func TasksOf(c facts.Call) []int {
	if c.Array == "" {
		return []int{c.Offset}
	}
	ns, err := indices.Parse(c.Array)
	if err != nil {
		return nil
	}
	for i := range ns {
		ns[i] += c.Offset
	}
	return ns
}

// roundFile is the name of a fact of a round: the first one's has no number.
func roundFile(dir, name string, round int) string {
	if round == 0 {
		return filepath.Join(dir, name+".json")
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%d.json", name, round))
}

// IntentFile and SubmitFile are where a round's intent and its answer stand.
func IntentFile(r rundir.Run, round int) string { return roundFile(r.Dir, "intent", round) }
func SubmitFile(r rundir.Run, round int) string { return roundFile(r.Dir, "submit", round) }

// answerFile is where a call's fate is written, once: who makes it decides. For
// the only call of a round that is the round's submit.json itself.
func answerFile(r rundir.Run, round, call, calls int) string {
	if calls <= 1 {
		return SubmitFile(r, round)
	}
	return filepath.Join(r.Dir, "calls", fmt.Sprintf("%d-%d.json", round, call))
}

// token is what travels in a call's comment.
func token(r rundir.Run, round, call, calls int) string {
	if round == 0 && calls <= 1 {
		return Token(r)
	}
	return fmt.Sprintf("%s/%d.%d", Token(r), round, call)
}

// CallsOf are the calls of a round; an older nixbatch wrote none.
func CallsOf(in facts.Intent) []facts.Call {
	if len(in.Calls) == 0 {
		return []facts.Call{{Count: 1}}
	}
	return in.Calls
}

// Intents are the rounds of a run.
func Intents(r rundir.Run) (out []facts.Intent, err error) {
	for round := 0; ; round++ {
		var in facts.Intent
		if there, err := durable.ReadIf(IntentFile(r, round), &in); err != nil || !there {
			return out, unread(err)
		}
		in.Round = round
		out = append(out, in)
	}
}

// Answer reads a call's fate, as corrected where it was; ok says whether it is
// known. An answer that is there and cannot be read is an error.
func Answer(r rundir.Run, in facts.Intent, call int) (j facts.Job, ok bool, err error) {
	if j, ok, err = answered(r, in, call); err == nil {
		err = whole(filepath.Base(answerFile(r, in.Round, call, len(CallsOf(in)))), j, false)
	}
	if err != nil {
		return j, false, unread(err)
	}
	j, err = corrected(r, in.Round, call, j)
	return j, ok && err == nil, err
}

func answered(r rundir.Run, in facts.Intent, call int) (j facts.Job, ok bool, err error) {
	calls := CallsOf(in)
	if len(calls) > 1 {
		if ok, err = durable.ReadIf(answerFile(r, in.Round, call, len(calls)), &j); ok || err != nil {
			return j, err == nil, err
		}
	}
	var s facts.Submit
	if ok, err = durable.ReadIf(SubmitFile(r, in.Round), &s); !ok || err != nil {
		return facts.Job{}, false, err
	}
	if call < len(s.Jobs) {
		return s.Jobs[call], true, nil
	}
	return facts.Job{JobID: s.JobID, Cluster: s.Cluster, Submitted: s.Submitted, Copies: s.Copies, How: s.How, Time: s.Time, First: calls[call].Offset, Call: calls[call]}, len(calls) == 1, nil
}

// Jobs are all jobs of the run that Slurm was found to have, by round and call.
func Jobs(r rundir.Run) ([]facts.Job, error) {
	ins, err := Intents(r)
	if err != nil {
		return nil, err
	}
	var out []facts.Job
	for _, in := range ins {
		for c := range CallsOf(in) {
			j, ok, err := Answer(r, in, c)
			if err != nil {
				return nil, err
			}
			if ok && j.JobID != 0 {
				out = append(out, j)
			}
		}
	}
	return out, nil
}
