package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// SubmitError is a submission that gave no job id. Exactly one of Permanent and
// Ambiguous is true.
type SubmitError struct {
	// Permanent: sbatch says that the job was refused, and that the same again
	// would be. A wrapper in front of it may say so of a job that was taken: it is
	// looked for before anything is given up (but where there is no sbatch).
	Permanent bool
	// Ambiguous: the job may have been accepted all the same. It has to be
	// looked for before anything is submitted again.
	Ambiguous bool
	Line      string   // the message that decides, without "sbatch: error:"
	Details   []string // what else sbatch complained about, such as a site's own words
	Err       error    // the cause
}

func (e *SubmitError) Error() string {
	head := "sbatch refused the job"
	if e.Ambiguous {
		head = "sbatch failed, and whether the job was accepted is unknown"
	}
	if e.Line == "" {
		return fmt.Sprintf("%s: %v", head, e.Err)
	}
	return strings.Join(append([]string{head, e.Line}, e.Details...), ": ")
}

func (e *SubmitError) Unwrap() error { return e.Err }

// Hint is the way out.
func (e *SubmitError) Hint() string {
	if e.Ambiguous {
		return "look for the job with squeue --me before submitting it again"
	}
	for _, r := range refusals {
		if r.hint != "" && strings.Contains(e.Line, r.text) {
			return r.hint
		}
	}
	return ""
}

// Submit hands a script to sbatch on standard input, with --parsable and the
// arguments given, and returns the job's id, and the cluster where sbatch names
// one. Warnings on stderr do no harm; but standard output that is anything else
// than one whole line with one id (a site's banner, two numbers, a number that
// is cut off) leaves open which job it is. A failure is a *SubmitError.
func (c *Client) Submit(ctx context.Context, script []byte, args ...string) (JobRef, error) {
	stdin, done := inMemory(script)
	defer done()
	res, err := c.run(ctx, Command{
		Name:  "sbatch",
		Args:  append([]string{"--parsable"}, args...),
		Stdin: stdin,
	}, false)
	if err != nil {
		return JobRef{}, submitError(err)
	}
	id, ok := parseSubmitted(res.Stdout)
	if !ok {
		line := "it exited with 0, and what it printed is not one line with one job id"
		if len(bytes.TrimSpace(res.Stdout)) == 0 {
			line = "it exited with 0 and printed no job id"
		}
		return JobRef{}, &SubmitError{Ambiguous: true, Line: line, Err: errors.New("no job id from sbatch")}
	}
	return id, nil
}

// inMemory makes a script a file that sbatch has whole from its first moment: a
// pipe would be filled by this process, which may be killed before it has.
func inMemory(script []byte) (in io.Reader, done func()) {
	fd, err := unix.MemfdCreate("batch-script", unix.MFD_CLOEXEC)
	if err != nil {
		return bytes.NewReader(script), func() {}
	}
	f := os.NewFile(uintptr(fd), "batch-script")
	if _, err := f.WriteAt(script, 0); err != nil {
		f.Close()
		return bytes.NewReader(script), func() {}
	}
	return f, func() { f.Close() }
}

var submitted = lazyre.New(`^([1-9][0-9]*)(?:;([A-Za-z0-9_.-]+))?\n$`)

// parseSubmitted reads an answer that is one whole line with one id, and
// nothing else.
func parseSubmitted(out []byte) (JobRef, bool) {
	m := submitted.FindStringSubmatch(string(out))
	if m == nil {
		return JobRef{}, false
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	return JobRef{ID: id, Cluster: strings.ToLower(m[2])}, err == nil
}

func submitError(err error) *SubmitError {
	e := &SubmitError{Ambiguous: true, Err: err}
	if Missing(err) {
		return &SubmitError{Permanent: true, Err: err}
	}
	var ce *CommandError
	if !errors.As(err, &ce) {
		return e
	}
	const failed = "Batch job submission failed: "
	for _, l := range strings.Split(string(ce.Stderr), "\n") {
		l = strings.TrimSpace(l)
		for _, p := range []string{"sbatch: ", "error: ", "fatal: "} {
			l = strings.TrimPrefix(l, p)
		}
		if text, ok := strings.CutPrefix(l, failed); ok {
			if e.Line != "" {
				e.Details = append(e.Details, e.Line)
			}
			e.Line = text
			continue
		}
		switch {
		case l == "":
		case e.Line == "":
			e.Line = l
		default:
			e.Details = append(e.Details, l)
		}
	}
	// Only an sbatch that came to an end of its own is believed: a killed one
	// may have printed about an earlier try.
	if ce.ExitCode > 0 && refused(string(ce.Stderr)) {
		e.Permanent, e.Ambiguous = true, false
	}
	return e
}
