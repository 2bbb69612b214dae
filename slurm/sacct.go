package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoAccounting says that the site keeps no accounting, or that there is no
// sacct: an ordinary state of affairs.
var ErrNoAccounting = errors.New("this site keeps no Slurm accounting")

// AcctJob is one run of a job or task in the accounting. A requeued job has
// several, in the order of their starts.
type AcctJob struct {
	AcctStep
	ID        int64  // the controller's number (JobIDRaw)
	Array     int64  // the array's job id; the job's own for other jobs
	Task      int    // index in the array, or -1
	Name      string // the job's
	Comment   string // "" where the site does not store it
	User      string
	Account   string
	Partition string
	Submit    time.Time // UTC, to the second
	Nodes     string    // host list
	AllocTRES string    // as cpu=4,mem=2G
	Restarts  int       // 0 also where sacct does not tell (before 23.11)
	// SubmitLine is the sbatch command line.
	SubmitLine string
	Steps      []AcctStep
}

// AcctStep is what a job and each of its steps have.
type AcctStep struct {
	Ref      string // 12, 12_3, 12.batch
	State    State
	Word     string        // the state as Slurm says it
	ExitCode int           // what it exited with; 0 where a signal ended it
	Signal   int           // that ended it; 0 for none, 125 where its memory ran out
	Start    time.Time     // UTC, to the second; zero where it never started
	End      time.Time     // likewise; zero where it is not over
	Elapsed  time.Duration // to the second
	TotalCPU time.Duration // user and system, of all its processes; parts of a second dropped
	// MaxRSS is the memory in bytes of the largest single task; 0 for a job
	// itself, which has it in its steps.
	MaxRSS int64
	Energy int64  // joules, right for exclusive jobs only
	Usage  string // TRESUsageInTot, as cpu=00:01:02,energy=0,mem=1234K
}

var acctFields = []string{"JobID", "JobIDRaw", "State", "ExitCode", "Submit", "Start", "End", "ElapsedRaw", "TotalCPU",
	"MaxRSS", "ConsumedEnergyRaw", "AllocTRES", "TRESUsageInTot", "NodeList", "User", "Account", "Partition", "Restarts",
	"JobName", "Comment", "SubmitLine"}

// Accounting asks sacct for jobs with their steps and all their runs.
// ErrNoAccounting when there is none; any other error leaves open what
// happened to the jobs.
func (c *Client) Accounting(ctx context.Context, q Query) ([]AcctJob, error) {
	since := q.Since
	if since.IsZero() {
		since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	// Without a start sacct forgets at midnight what ran before.
	args := []string{"--noheader", "--parsable2", "--delimiter=" + fieldEnd, "--noconvert", "--duplicates",
		"--starttime=" + since.Local().Format("2006-01-02T15:04:05")}
	if q.Name != "" {
		args = append(args, "--name="+q.Name)
	}
	if len(q.IDs) == 0 {
		return c.accounting(ctx, append(args, "--user="+strconv.Itoa(os.Getuid())))
	}
	parts, err := chunks(q.IDs)
	if err != nil {
		return nil, fmt.Errorf("accounting: %w", err)
	}
	var jobs []AcctJob
	for _, ids := range parts {
		some, err := c.accounting(ctx, append(args[:len(args):len(args)], "--jobs="+strings.Join(ids, ",")))
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, some...)
	}
	return jobs, nil
}

func (c *Client) accounting(ctx context.Context, args []string) ([]AcctJob, error) {
	fields := slices.Clone(acctFields)
	for {
		res, err := c.run(ctx, Command{Name: "sacct", Args: append(args[:len(args):len(args)], "--format="+strings.Join(fields, ","))}, true)
		if err == nil {
			return parseAccounting(string(res.Stdout), fields), nil
		}
		if Missing(err) || says(err, "accounting storage is disabled") {
			return nil, fmt.Errorf("accounting: %w (%w)", ErrNoAccounting, err)
		}
		// Older releases lack fields: ask again without the one refused.
		i := slices.IndexFunc(fields, func(f string) bool { return says(err, fmt.Sprintf("Invalid field requested: %q", f)) })
		if i < 0 {
			return nil, fmt.Errorf("accounting: %w", err)
		}
		fields = slices.Delete(fields, i, i+1)
	}
}

func parseAccounting(out string, fields []string) []AcctJob {
	var jobs []AcctJob
	column := map[string]int{}
	for i, f := range fields {
		column[f] = i
	}
	record := ""
	for _, line := range strings.Split(out, "\n") {
		if record += line; strings.Count(record, fieldEnd) < len(fields)-1 {
			if record != "" {
				record += "\n" // a line break within a name or comment
			}
			continue
		}
		f := strings.Split(record, fieldEnd)
		record = ""
		addAccounting(&jobs, func(name string) string {
			if i, ok := column[name]; ok {
				return f[i]
			}
			return ""
		})
	}
	return jobs
}

func addAccounting(jobs *[]AcctJob, get func(string) string) {
	ref := get("JobID")
	code, sig, _ := strings.Cut(get("ExitCode"), ":")
	cpu, _, _ := strings.Cut(get("TotalCPU"), ".")
	s := AcctStep{Ref: ref, Word: get("State"), State: ParseState(get("State")), ExitCode: atoi(code), Signal: atoi(sig),
		Start: seconds(get("Start")), End: seconds(get("End")), Elapsed: time.Duration(atoi64(get("ElapsedRaw"))) * time.Second,
		TotalCPU: elapsed(cpu), MaxRSS: atoi64(get("MaxRSS")), Energy: atoi64(get("ConsumedEnergyRaw")), Usage: get("TRESUsageInTot")}
	if strings.Contains(ref, ".") {
		// Steps follow their job.
		if n := len(*jobs); n > 0 && strings.HasPrefix(ref, (*jobs)[n-1].Ref+".") {
			(*jobs)[n-1].Steps = append((*jobs)[n-1].Steps, s)
		}
		return
	}
	j := AcctJob{AcctStep: s, ID: atoi64(get("JobIDRaw")), Task: -1, Name: get("JobName"), Comment: get("Comment"),
		User: get("User"), Account: get("Account"), Partition: get("Partition"), Submit: seconds(get("Submit")),
		Nodes: get("NodeList"), AllocTRES: get("AllocTRES"), Restarts: atoi(get("Restarts")), SubmitLine: get("SubmitLine")}
	if j.Nodes == "None assigned" {
		j.Nodes = ""
	}
	base, task, isTask := strings.Cut(ref, "_")
	base, _, _ = strings.Cut(base, "+")
	j.Array = atoi64(base)
	if n, err := strconv.Atoi(task); isTask && err == nil {
		j.Task = n
	}
	*jobs = append(*jobs, j)
}
