package slurm

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Query chooses jobs. With no ids it is about the user's own jobs.
type Query struct {
	IDs  []string // jobs "12", tasks "12_3", or several tasks "12_[1-3]"
	Name string   // jobs of exactly this name
	// Since is the beginning of the time that sacct looks at; the zero value is
	// all that it keeps. squeue has no use for it.
	Since time.Time
}

// Job is a job, or a task of an array, in the controller's memory.
type Job struct {
	Ref       string // as people write it: 12, 12_3
	ID        int64  // the controller's number; tasks that wait share one
	Array     int64  // the array's job id; the job's own for other jobs
	Task      int    // index in the array, or -1
	Name      string
	Comment   string
	User      string
	Partition string
	State     State
	Word      string // the state as Slurm says it
	Reason    string // why it waits, or why it ended
	Nodes     string // host list, "" while it waits
	NumNodes  int
	CPUs      int
	Elapsed   time.Duration
	Limit     time.Duration // Unlimited, or 0 when not told
	Submit    time.Time     // UTC, to the second, as all times here
	Start     time.Time     // of a waiting job: expected, or zero
	End       time.Time     // expected, while it runs
	// WorkDir and StdOut, the working directory and the file of the standard
	// output, are "" until Outputs has asked for them.
	WorkDir string
	StdOut  string
}

// The free texts come last, so that they may hold anything.
var jobFields = []string{"%i", "%A", "%F", "%K", "%T", "%r", "%P", "%u", "%N", "%D", "%C", "%M", "%l", "%V", "%S", "%e", "%j", "%k"}

// Queue asks squeue for jobs, finished ones too as long as the controller
// remembers them (MinJobAge, 300 s by default), each task of an array by
// itself. Jobs that it does not know are left out: gone is not completed. With
// up to 500 ids it is one command.
func (c *Client) Queue(ctx context.Context, q Query) ([]Job, error) {
	args := []string{"--noheader", "--array", "--states=all", "--format=" + recordFormat(jobFields...)}
	if q.Name != "" {
		args = append(args, "--name="+q.Name)
	}
	if len(q.IDs) == 0 {
		return c.queue(ctx, append(args, "--me"))
	}
	parts, err := chunks(q.IDs)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	var jobs []Job
	for _, ids := range parts {
		some, err := c.queue(ctx, append(args[:len(args):len(args)], "--jobs="+strings.Join(ids, ",")))
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, some...)
	}
	return jobs, nil
}

func (c *Client) queue(ctx context.Context, args []string) ([]Job, error) {
	res, err := c.run(ctx, Command{Name: "squeue", Args: args}, true)
	// A single id that the controller has forgotten is an error to squeue, and
	// one of several is none.
	if err != nil && !says(err, "Invalid job id specified") {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return parseQueue(string(res.Stdout)), nil
}

func parseQueue(out string) []Job {
	var jobs []Job
	records(out, len(jobFields), func(f []string) {
		j := Job{Ref: f[0], ID: atoi64(f[1]), Array: atoi64(f[2]), Task: -1, Word: f[4], State: ParseState(f[4]),
			Reason: text(f[5]), Partition: f[6], User: f[7], Nodes: text(f[8]), NumNodes: atoi(f[9]), CPUs: atoi(f[10]),
			Elapsed: elapsed(f[11]), Limit: limit(f[12]), Submit: seconds(f[13]), Start: seconds(f[14]), End: seconds(f[15]),
			Name: f[16], Comment: text(f[17])}
		if n, err := strconv.Atoi(f[3]); err == nil {
			j.Task = n
		}
		if j.Reason == "None" {
			j.Reason = ""
		}
		jobs = append(jobs, j)
	})
	return jobs
}
