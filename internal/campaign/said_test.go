package campaign

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// saying is what one command of nixbatch said, and how things were just then.
type saying struct {
	args      []string
	code      int // -1: killed
	out, err  string
	elsewhere bool           // in a shell that speaks to another cluster
	before    map[int64]bool // jobs of the project seen before it
	jobs      []job          // just after it
	blind     bool           // the queue could not be looked at
	lines     []line         // what payloads had written just after it
}

func (s saying) String() string {
	out := s.out
	if all := s.claims(); len(all) > 0 {
		out = fmt.Sprintf("%+v\n", all)
	}
	text := fmt.Sprintf("$ nixbatch %s\n%s%s", strings.Join(s.args, " "), out, s.err)
	if len(text) > 3000 {
		text = text[:3000] + "…\n"
	}
	return fmt.Sprintf("%s[exit code %d; then the queue had %v]", strings.TrimRight(text, "\n")+"\n", s.code, s.jobs)
}

// told is what a person, or a program that reads --json, takes from it.
type told struct {
	job  int64  // it was submitted as this
	says int64  // sbatch says that it is this, and nobody could confirm it
	run  string // that run
	none bool   // nothing was submitted
	same bool   // the same is there already
	over bool   // cancel: it is over already
	end  bool   // cancel: it is told to end
}

var (
	jobLine  = regexp.MustCompile(`(?m)^(?:job|[0-9]+ tasks? in jobs?) ([0-9]+)[0-9, ]*, run (\S+)`)
	saysLine = regexp.MustCompile(`(?m)^sbatch says (?:job|[0-9]+ tasks? in jobs?) ([0-9]+)[0-9, ]*, run (\S+)`)
	noneLine = regexp.MustCompile(`nothing was submitted|slurm did not take the job|slurm refused the job|nothing is in the queue`)
	lateLine = regexp.MustCompile(`job ([0-9]+) is submitted, but`)
)

func (s saying) told() (t told) {
	if m := jobLine.FindStringSubmatch(s.out + "\n" + s.err); m != nil {
		t.job, _ = strconv.ParseInt(m[1], 10, 64)
		t.run = m[2]
	}
	if m := saysLine.FindStringSubmatch(s.out + "\n" + s.err); m != nil {
		t.says, _ = strconv.ParseInt(m[1], 10, 64)
		t.run = m[2]
	}
	var doc struct {
		Schema   string
		JobID    int64  `json:"job_id"`
		Answered int64  `json:"answered_job_id"`
		RunID    string `json:"run_id"`
	}
	if json.Unmarshal([]byte(s.out), &doc) == nil && (doc.Schema == "nixbatch/submitted/v1" || doc.Schema == "nixbatch/retry/v1") {
		t.job, t.says, t.run = doc.JobID, doc.Answered, doc.RunID
	}
	all := s.out + s.err
	if m := lateLine.FindStringSubmatch(all); m != nil {
		t.job, _ = strconv.ParseInt(m[1], 10, 64)
	}
	t.none = t.job == 0 && noneLine.MatchString(all)
	t.same = strings.Contains(all, "the same job is already there")
	t.over = strings.Contains(s.out, "is over already")
	t.end = strings.Contains(s.out, "is told to end")
	return t
}

// claim is what status says of a run.
type claim struct {
	RunID     string `json:"run_id"`
	JobID     int64  `json:"job_id"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Submitted bool   `json:"submitted"`
}

func (c claim) final() bool {
	switch c.State {
	case "pending", "running", "unknown":
		return false
	}
	return true
}

// claims are those of status --json, the newest run first.
func (s saying) claims() (out []claim) {
	var doc struct {
		Schema string
		Runs   []claim
	}
	if json.Unmarshal([]byte(s.out), &doc) == nil && doc.Schema == "nixbatch/status/v1" {
		return doc.Runs
	}
	return nil
}
