package ledger_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// site is a Slurm whose sbatch a site's script may stand in front of.
type site struct {
	*slurm.Client
	args   func([]string) []string
	answer func(slurm.JobRef) (slurm.JobRef, error)
	took   slurm.JobRef
}

func (s *site) Submit(ctx context.Context, script []byte, args ...string) (slurm.JobRef, error) {
	if s.args != nil {
		args = s.args(slices.Clone(args))
	}
	id, err := s.Client.Submit(ctx, script, args...)
	s.took = id
	if err == nil && s.answer != nil {
		return s.answer(id)
	}
	return id, err
}

func uncommented(args []string) []string {
	return slices.DeleteFunc(args, func(a string) bool { return strings.HasPrefix(a, "--comment=") })
}

// The accounting alone tells which job is the run's when the controller has
// forgotten it: by its comment, by the command line where that was changed, by
// where its output goes where there never was one; and a number that is another
// job's is none of the run's there either.
func TestForgottenByTheController(t *testing.T) {
	c, err := testbed.Start(t.Context(), testbed.Options{NoNix: true, Accounting: true, ExtraConf: "MinJobAge=2",
		Classes: []testbed.Class{{Name: "n", Nodes: 1, Sockets: 1, Cores: 4, Threads: 1, MemoryMiB: 4000, Features: []string{"x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	client := &slurm.Client{Env: c.Env()}
	// The node is taken: all others wait. (Of held jobs that were never eligible sacct
	// tells only by their number, tried with 22.05.8.)
	if _, err := client.Submit(t.Context(), []byte("#!/bin/sh\nexec sleep infinity\n"), "--exclusive", "--output=/dev/null", "--chdir="+c.Dir); err != nil {
		t.Fatal(err)
	}
	other, err := client.Submit(t.Context(), []byte("#!/bin/sh\ntrue\n"), "--exclusive", "--job-name=job", "--output=/dev/null", "--chdir="+c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	unsure := func(slurm.JobRef) (slurm.JobRef, error) {
		return slurm.JobRef{}, &slurm.SubmitError{Ambiguous: true, Err: errors.New("timed out")}
	}
	type sent struct {
		name  string
		run   rundir.Run
		about ledger.About
		took  slurm.JobRef
	}
	var all []sent
	for _, tc := range []struct {
		name   string
		args   func([]string) []string
		answer func(slurm.JobRef) (slurm.JobRef, error)
		blind  bool // Slurm cannot be asked when sbatch has answered
		change []string
	}{
		{name: "as it was sent"},
		{name: "comment and name changed", change: []string{"Comment=seen", "JobName=x"}},
		{name: "sent without a comment", args: uncommented},
		{name: "sent without a comment, no answer", args: uncommented, answer: unsure, blind: true},
		{name: "no answer, comment and name changed", answer: unsure, blind: true, change: []string{"Comment=seen", "JobName=x"}},
		{name: "another job's number", answer: func(slurm.JobRef) (slurm.JobRef, error) { return slurm.JobRef{ID: other.ID}, nil }},
		{name: "another job's number, without a comment", args: uncommented, answer: func(slurm.JobRef) (slurm.JobRef, error) { return slurm.JobRef{ID: other.ID}, nil }},
	} {
		dir := t.TempDir()
		r, about := runtest.Create(t, dir), ledger.About{WorkDir: dir, Now: time.Now}
		s := &site{Client: client, args: tc.args, answer: tc.answer}
		var q ledger.Submitter = s
		if tc.blind {
			q = blind{s}
		}
		_, err := ledger.Submit(t.Context(), r, q, about, []facts.Call{{Count: 1, Options: []string{"--exclusive"}}})
		var uncertain *ledger.UncertainError
		if err != nil && !(tc.blind && errors.As(err, &uncertain)) {
			t.Fatalf("%s: %v", tc.name, err)
		}
		id := s.took.String()
		if tc.change != nil {
			command(t, c, "scontrol", append([]string{"update", "JobId=" + id}, tc.change...)...)
		}
		command(t, c, "scancel", id)
		all = append(all, sent{tc.name, r, about, s.took})
	}
	// The controller forgets them together.
	for _, s := range all {
		forgotten(t, client, s.took)
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			got, err := status.States(t.Context(), client, []rundir.Run{s.run}, s.about)
			if err != nil || got[0].State != slurm.Cancelled || got[0].JobID() != s.took.ID {
				t.Errorf("job %s: %+v, %v", s.took, got[0], err)
			}
		})
	}
	if jobs, err := client.Queue(t.Context(), slurm.Query{IDs: []string{other.String()}}); err != nil || len(jobs) != 1 || jobs[0].State != slurm.Pending {
		t.Errorf("the other job: %+v, %v", jobs, err)
	}
}

// blind is a site that cannot be asked.
type blind struct{ *site }

func (blind) FindMarked(context.Context, slurm.Marks) ([]slurm.JobRef, error) {
	return nil, errors.New("away")
}

func command(t *testing.T, c *testbed.Cluster, name string, args ...string) {
	t.Helper()
	if _, err := (slurm.OnPath{}).Run(t.Context(), slurm.Command{Name: name, Args: args, Env: c.Env()}); err != nil {
		t.Fatal(err)
	}
}

// forgotten waits until the controller does not know a job, and the accounting
// has its end.
func forgotten(t *testing.T, c *slurm.Client, job slurm.JobRef) {
	t.Helper()
	q := slurm.Query{IDs: []string{job.String()}}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		jobs, err := c.Queue(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		acct, err := c.Accounting(t.Context(), q)
		if err == nil && len(jobs) == 0 && len(acct) > 0 && acct[0].State.Final() {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%+v, %+v, %v", jobs, acct, err)
		}
	}
}
