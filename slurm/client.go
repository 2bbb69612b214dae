package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Client runs Slurm's commands. The zero value uses those on PATH, in a clean
// copy of this process's environment.
type Client struct {
	Runner Runner   // nil: OnPath
	Env    []string // nil: CleanEnv(os.Environ())
	// SubmitTimeout and QueryTimeout end commands that hang (0: 60 s for
	// sbatch, 30 s for all others).
	SubmitTimeout, QueryTimeout time.Duration
	// Apart keeps sbatch from what is typed at the terminal, as queries always
	// are: an interrupt reaches it by way of the context alone.
	Apart bool
}

// run starts one command with a timeout. Queries get their times as seconds
// since 1970, whatever the site's habit; sbatch does not, as its variables go
// on into the job.
func (c *Client) run(ctx context.Context, cmd Command, query bool) (Output, error) {
	r := c.Runner
	if r == nil {
		r = OnPath{}
	}
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = CleanEnv(os.Environ())
	}
	limit := c.SubmitTimeout
	if limit == 0 {
		limit = time.Minute
	}
	if query {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "SLURM_TIME_FORMAT=%s")
		if limit = c.QueryTimeout; limit == 0 {
			limit = 30 * time.Second
		}
	}
	// Ctrl-C at the terminal ends an sbatch as well, unless it is kept apart.
	cmd.Apart = query || c.Apart
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return silence(inner, cmd.Name, func() (Output, error) { return r.Run(inner, cmd) })
}

// SilentError is a command that was ended because it did not answer in time.
type SilentError struct {
	Command string // its name
	After   time.Duration
	Err     error
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("%s did not answer within %s", e.Command, strings.Replace(e.After.String(), "m0s", "m", 1))
}

func (e *SilentError) Unwrap() error { return e.Err }

// silence turns the end of a command at its deadline into a *SilentError.
func silence(ctx context.Context, command string, run func() (Output, error)) (Output, error) {
	began := time.Now()
	res, err := run()
	if end, ok := ctx.Deadline(); ok && err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		after := end.Sub(began)
		if after > time.Second {
			after = after.Round(time.Second)
		}
		err = &SilentError{command, after, err}
	}
	return res, err
}

// Version is a release of Slurm, such as 22.5.8.
type Version struct {
	Major, Minor, Micro int
	Text                string // as printed
}

// AtLeast compares with a release such as 23, 2.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

var versionNumber = lazyre.New(`\b(\d+)\.(\d+)(?:\.(\d+))?`)

// Version asks sbatch for its release. An error for which Missing is true says
// that there is no Slurm on this machine.
func (c *Client) Version(ctx context.Context) (Version, error) {
	res, err := c.run(ctx, Command{Name: "sbatch", Args: []string{"--version"}}, true)
	if err != nil {
		return Version{}, fmt.Errorf("slurm version: %w", err)
	}
	return parseVersion(string(res.Stdout))
}

func parseVersion(out string) (Version, error) {
	m := versionNumber.FindStringSubmatch(out)
	if m == nil {
		return Version{}, fmt.Errorf("slurm version: no number in %q", strings.TrimSpace(out))
	}
	v := Version{Text: strings.TrimSpace(out)}
	for i, p := range []*int{&v.Major, &v.Minor, &v.Micro} {
		*p, _ = strconv.Atoi(m[i+1])
	}
	return v, nil
}

// idForm is a job, a task of an array, several of its tasks, or a step.
var idForm = lazyre.New(`^[1-9][0-9]*(_([0-9]+|\[[0-9,:-]+(%[0-9]+)?\]))?(\+[0-9]+)?(\.[a-z0-9]+)?$`)

// chunks checks job ids and splits them, so that no command line overflows.
func chunks(ids []string) ([][]string, error) {
	const size = 500
	for _, id := range ids {
		if !idForm.MatchString(id) {
			return nil, fmt.Errorf("%q is not a job id", id)
		}
	}
	var out [][]string
	for len(ids) > size {
		out = append(out, ids[:size])
		ids = ids[size:]
	}
	return append(out, ids), nil
}

// says reports whether a failed command printed the text.
func says(err error, text string) bool {
	var ce *CommandError
	return errors.As(err, &ce) && strings.Contains(string(ce.Stderr), text)
}
