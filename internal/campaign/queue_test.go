package campaign

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// job is a job of the real queue.
type job struct {
	id    int64
	state string // Slurm's word
	name  string
	dir   string // its working directory: that nobody changes
	text  string // its comment
	why   string // it waits
}

func (j job) over() bool {
	return !slices.Contains([]string{"PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED",
		"REQUEUE_HOLD", "SPECIAL_EXIT", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "REQUEUE_FED"}, j.state)
}

func (j job) String() string { return fmt.Sprintf("%d %s %s", j.id, j.state, j.name) }

// queue asks a controller what it has. Many ask at the same time: who asks gets
// an answer that was begun after he asked.
type queue struct {
	env []string
	// books says that there is accounting: it tells of what the queue forgot.
	books bool

	mu    sync.Mutex
	began time.Time
	jobs  []job
	err   error
	// gone are jobs that the controller has forgotten, as it showed them last.
	gone map[int64]job
	here map[int64]bool // what it knows
}

var errRemembers = errors.New("the controller does not forget a job that is over")

// counted takes over what the accounting has; nothing while it is down.
func (q *queue) counted() {
	cmd := exec.Command("sacct", "--noheader", "--parsable2", "--allocations", "--allusers", "--starttime=now-2hours",
		"--format=JobIDRaw,State,JobName,Comment,WorkDir")
	cmd.Env = q.env
	out, err := cmd.Output()
	if err != nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 5)
		id, err := strconv.ParseInt(f[0], 10, 64)
		if len(f) != 5 || err != nil {
			continue
		}
		state, _, _ := strings.Cut(f[1], " ") // CANCELLED by 0
		if j := (job{id: id, state: state, name: f[2], dir: f[4], text: f[3]}); !q.here[id] && j.over() {
			q.gone[id] = j
		}
	}
}

// forgot reports whether the controller had jobs of a directory, and has none of
// them any more.
func (q *queue) forgot(dir string) bool {
	if _, err := q.all(); err != nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	had := false
	for id, j := range q.gone {
		if j.dir == dir {
			had = true
			if q.here[id] {
				return false
			}
		}
	}
	return had
}

func (q *queue) all() ([]job, error) {
	asked := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.began.After(asked) {
		return q.jobs, q.err
	}
	q.began = time.Now()
	cmd := exec.Command("squeue", "--noheader", "--all", "--states=all", "--format=%A|%T|%j|%k|%r|%Z")
	cmd.Env = q.env
	out, err := cmd.Output()
	if err != nil {
		q.err = fmt.Errorf("squeue: %w", err)
		return nil, q.err
	}
	q.jobs, q.err = nil, nil
	here := map[int64]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 6)
		id, err := strconv.ParseInt(f[0], 10, 64)
		if len(f) != 6 || err != nil {
			return nil, fmt.Errorf("squeue: line %q", line)
		}
		q.jobs = append(q.jobs, job{id: id, state: f[1], name: f[2], dir: f[5], text: f[3], why: f[4]})
		here[id] = true
	}
	q.here = here
	if q.gone == nil {
		q.gone = map[int64]job{}
	}
	if q.books {
		q.counted()
	}
	for id, j := range q.gone {
		if !here[id] {
			// Only jobs that are over are forgotten.
			if !j.over() {
				j.state = "FORGOTTEN"
			}
			q.jobs = append(q.jobs, j)
		}
	}
	for _, j := range q.jobs {
		q.gone[j.id] = j
	}
	return q.jobs, nil
}

// of is the jobs of a working directory, by id. It waits for a controller that
// is down.
func (q *queue) of(dir string) (out []job, err error) {
	err = retryDown(func() error {
		all, err := q.all()
		out = nil
		for _, j := range all {
			if j.dir == dir {
				out = append(out, j)
			}
		}
		return err
	})
	slices.SortFunc(out, func(a, b job) int { return int(a.id - b.id) })
	return out, err
}

// state is a job's; "" for one that was never there.
func (q *queue) state(id int64) (word string, err error) {
	err = retryDown(func() error {
		all, err := q.all()
		for _, j := range all {
			if j.id == id {
				word = j.state
			}
		}
		return err
	})
	return word, err
}

// slurm runs a command of Slurm's on the cluster as a person does.
func (q *queue) slurm(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, q.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
