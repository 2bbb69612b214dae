package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/submit"
	"github.com/nixbatch/nixbatch/internal/text"
	"github.com/nixbatch/nixbatch/slurm"
)

// Submitted is what submit --json prints.
type Submitted struct {
	Schema string `json:"schema"`
	RunID  string `json:"run_id"`
	Dir    string `json:"run_dir"`
	JobID  int64  `json:"job_id,omitempty"`
	// Answered is in JobID's place where Slurm could not be asked whether the number
	// is right: see facts.Submit.
	Answered int64             `json:"answered_job_id,omitempty"`
	Local    bool              `json:"local"`
	Builds   map[string]string `json:"builds"`
	Steps    []Step            `json:"steps"`
	State    slurm.State       `json:"state,omitempty"` // with --wait and --local
	Reason   string            `json:"reason,omitempty"`
	Start    *facts.Start      `json:"start,omitempty"`
	End      *facts.End        `json:"end,omitempty"`
}

// Settle takes over what is known of the run.
func (o *Submitted) Settle(t *Steps, st status.Status) {
	o.Steps, o.State, o.Reason, o.Start, o.End = t.all, st.State, st.Reason, st.Start, st.End
}

// Step is a part of a submission, and how long it took.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Steps times the parts of a submission.
type Steps struct {
	all  []Step
	last time.Time
}

// StepsFrom begins the first now.
func StepsFrom() *Steps { return &Steps{last: time.Now()} }

// Done ends one.
func (t *Steps) Done(name string) {
	now := time.Now()
	t.all = append(t.all, Step{name, now.Sub(t.last).Seconds()})
	t.last = now
}

// SubmittedOf is that of a submission of which no more is known.
func SubmittedOf(sub *submit.Submitted) Submitted {
	out := Submitted{Schema: SubmittedSchema, RunID: sub.Run.ID, Dir: sub.Run.Dir, Local: sub.Job.Local, Builds: sub.Envs}
	out.JobID, out.Answered = JobIDs(sub.Job)
	return out
}

// JobIDs are the job's number, and in its place the one that sbatch answered
// where nobody could confirm it.
func JobIDs(job facts.Submit) (id, answered int64) {
	if job.Unconfirmed {
		return 0, job.JobID
	}
	return job.JobID, 0
}

// JobWords is "job 12", and for a sweep "12 tasks in jobs 3, 4". Of numbers that
// nobody confirmed it is said who says so.
func JobWords(job facts.Submit) string {
	if job.Unconfirmed {
		return "sbatch says " + jobWords(job)
	}
	return jobWords(job)
}

func jobWords(job facts.Submit) string {
	var ids []string
	n := 0
	for _, b := range job.Jobs {
		if b.JobID != 0 {
			ids = append(ids, strconv.FormatInt(b.JobID, 10))
			n += b.Count
		}
	}
	if len(job.Jobs) == 0 || job.Jobs[0].Array == "" {
		return fmt.Sprintf("job %d", job.JobID)
	}
	if len(ids) == 1 {
		return fmt.Sprintf("%s in job %s", text.Plural(n, "task"), ids[0])
	}
	return fmt.Sprintf("%s in jobs %s", text.Plural(n, "task"), strings.Join(ids, ", "))
}
