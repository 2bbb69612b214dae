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
	// Permanent: Slurm, or sbatch itself, refused the job. Nothing runs, and the
	// same again would be refused again.
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
// arguments given, and returns the job's id. Lines around the id (a site's
// banner) and warnings on stderr do no harm. A failure is a *SubmitError.
func (c *Client) Submit(ctx context.Context, script []byte, args ...string) (JobID, error) {
	stdin, done := inMemory(script)
	defer done()
	res, err := c.run(ctx, Command{
		Name:  "sbatch",
		Args:  append([]string{"--parsable"}, args...),
		Stdin: stdin,
	}, false)
	if err != nil {
		return JobID{}, submitError(err)
	}
	id, ok := parseSubmitted(res.Stdout)
	if !ok {
		return JobID{}, &SubmitError{Ambiguous: true, Line: "it exited with 0 and printed no job id", Err: errors.New("no job id from sbatch")}
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

var submitted = lazyre.New(`^([1-9][0-9]*)(?:;([A-Za-z0-9_.-]+))?$`)

// parseSubmitted finds the last line that is an id: a banner comes before.
func parseSubmitted(out []byte) (JobID, bool) {
	lines := strings.Split(string(out), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if m := submitted.FindStringSubmatch(strings.TrimSpace(lines[i])); m != nil {
			id, err := strconv.ParseInt(m[1], 10, 64)
			return JobID{id, m[2]}, err == nil
		}
	}
	return JobID{}, false
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
