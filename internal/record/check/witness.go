package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/slurm"
)

// submission is the hash of what was submitted, "" where private values are
// left out.
func (c *checker) submission() string {
	if c.Redacted() {
		return ""
	}
	return seal.Submission(func(name string) ([]byte, error) { return source.ReadAll(c.Source, name) })
}

// witness looks for the submission's hash where the owner cannot write.
func (c *checker) witness(ctx context.Context) {
	const what = "the submission has a witness"
	sum := c.submission()
	if sum == "" {
		c.report.say(what, Unknown, "private values are left out, and the hash is over them too")
		return
	}
	word := seal.WitnessWord(sum)
	if c.o.Slurm != nil && c.Submit != nil && c.Submit.JobID != 0 {
		jobs, err := c.o.Slurm.Accounting(ctx, slurm.Query{IDs: []string{fmt.Sprint(c.Submit.JobID)}})
		for _, j := range jobs {
			if strings.Contains(j.SubmitLine+j.Comment, c.Intent.Token) {
				if strings.Contains(j.SubmitLine+j.Comment, word) {
					c.report.say(what, Proved, fmt.Sprintf("job %d in Slurm's accounting has the hash of this job file, plan and script", c.Submit.JobID))
				} else {
					c.report.say(what, Failed, fmt.Sprintf("job %d in Slurm's accounting has another hash", c.Submit.JobID))
				}
				return
			}
		}
		if err != nil && !errors.Is(err, slurm.ErrNoAccounting) {
			c.report.say(what, Unknown, "the accounting could not be asked")
			return
		}
	}
	if c.Accounting != nil {
		for _, j := range c.Accounting.Jobs {
			line := j.Priv.SubmitLine
			switch {
			case strings.Contains(line, word):
				c.report.say(what, Claimed, "the recorded accounting has the right hash; sacct where it ran can prove it")
				return
			case strings.Contains(line, "sha256:"):
				c.report.say(what, Failed, "the recorded accounting has another hash")
				return
			}
		}
	}
	c.report.say(what, Unknown, "no accounting of this job is at hand: whoever may write these files could have made the seal anew")
}

// signature checks seal.json.sig, if there is one.
func (c *checker) signature(ctx context.Context) {
	const what = "the seal is signed"
	sig, err := source.ReadAll(c.Source, seal.SignatureFile)
	if errors.Is(err, fs.ErrNotExist) {
		c.report.say(what, Unknown, "it is not: nixbatch record seal --sign KEY signs it")
		return
	}
	if err != nil {
		c.report.say(what, Failed, err.Error())
		return
	}
	seal, err := source.ReadAll(c.Source, seal.SealFile)
	if err != nil {
		c.report.say(what, Failed, err.Error())
		return
	}
	dir, err := os.MkdirTemp("", "nixbatch-signature-")
	if err != nil {
		c.report.say(what, Unknown, err.Error())
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "sig")
	if err := os.WriteFile(file, sig, 0o600); err != nil {
		c.report.say(what, Unknown, err.Error())
		return
	}
	verdict, detail := c.keygen(ctx, file, seal)
	c.report.say(what, verdict, detail)
}

// exited reports whether a program came to its end, and said no.
func exited(err error) bool {
	var pe *proc.Error
	return errors.As(err, &pe) && pe.ExitCode > 0
}

func (c *checker) keygen(ctx context.Context, sig string, sealed []byte) (verdict, detail string) {
	run := func(args ...string) (string, error) {
		res, err := c.o.Runner.Run(ctx, proc.Cmd{Path: "ssh-keygen", Args: args, Stdin: bytes.NewReader(sealed)})
		return strings.TrimSpace(string(res.Stdout)), err
	}
	out, err := run("-Y", "check-novalidate", "-n", seal.SignatureSpace, "-s", sig)
	switch {
	case proc.NotFound(err):
		return Unknown, "there is a signature, but no ssh-keygen here to check it"
	case err != nil && !exited(err):
		return Unknown, "ssh-keygen came to no answer: " + err.Error()
	case err != nil:
		return Failed, "the signature is not of this seal"
	}
	key := out[strings.LastIndex(out, " ")+1:]
	if c.o.Signers == "" {
		return Proved, "by the key " + key + "; whose it is, --signers FILE can tell"
	}
	who, err := run("-Y", "find-principals", "-f", c.o.Signers, "-s", sig)
	if err == nil {
		who, _, _ = strings.Cut(who, "\n")
		_, err = run("-Y", "verify", "-f", c.o.Signers, "-I", who, "-n", seal.SignatureSpace, "-s", sig)
	}
	if err != nil && !exited(err) {
		return Unknown, "ssh-keygen came to no answer: " + err.Error()
	}
	if err != nil {
		return Failed, "the key " + key + " is not one of " + filepath.Base(c.o.Signers)
	}
	return Proved, "by " + who + ", key " + key
}
