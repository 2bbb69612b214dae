package slurm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/slurm"
)

// queueRow is a job of ada's that waits, submitted at second 1000, with a
// comment.
func queueRow(id, comment string) string {
	return row(id, id, id, "N/A", "PENDING", "None", "main", "ada", "", "1", "1", "0:00", "1:00", "1000", "N/A", "N/A", "job", comment)
}

// What tells a job: the token, else number, user and submit time.
func TestWhichJob(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	known := slurm.Wanted{JobRef: slurm.JobRef{ID: 12, User: "ada", Submitted: at(1000)}, Token: "tool:run-1", Name: "job", Since: at(1002)}
	fresh := known
	fresh.Submitted = time.Time{}
	logged := fresh
	logged.Output, logged.Dir = "runs/run-1/logs/", "/p"
	for _, tc := range []struct {
		name  string
		w     slurm.Wanted
		s     slurm.Sight
		is    bool
		later bool // also of a submission a day later: a requeue
	}{
		{"the token", fresh, slurm.Sight{User: "ada", Name: "job", Comment: "tool:run-1,sha256:ab words"}, true, true},
		{"the token of a further round", fresh, slurm.Sight{User: "ada", Name: "job", Comment: "tool:run-1/2.0"}, true, true},
		{"the token behind a site's words", fresh, slurm.Sight{Comment: "site:checked tool:run-1"}, true, true},
		{"the token in the command line", fresh, slurm.Sight{Comment: "site", SubmitLine: "sbatch --comment=tool:run-1,sha256:ab"}, true, true},
		{"another name", fresh, slurm.Sight{User: "ada", Name: "x", Comment: "tool:run-1"}, true, true},
		{"another token", fresh, slurm.Sight{User: "ada", Name: "job", Comment: "tool:run-12"}, false, false},
		{"another user", fresh, slurm.Sight{User: "bob", Name: "job"}, false, false},
		{"another user, submit time known", known, slurm.Sight{User: "bob", Name: "job"}, false, false},
		{"a user of another name, with the token", fresh, slurm.Sight{User: "ada@site", Name: "job", Comment: "tool:run-1"}, true, true},
		{"a user without a name", fresh, slurm.Sight{User: "1000", Name: "job"}, true, true},
		{"a command line without the token", fresh, slurm.Sight{User: "ada", Name: "job", SubmitLine: "sbatch x.sh"}, false, false},
		{"no comment", fresh, slurm.Sight{User: "ada", Name: "job"}, true, true},
		{"another comment", fresh, slurm.Sight{User: "ada", Name: "job", Comment: "seen"}, true, true},
		{"another comment and name", fresh, slurm.Sight{User: "ada", Name: "x", Comment: "seen"}, false, false},
		{"another comment and name, submit time known", known, slurm.Sight{User: "ada", Name: "x", Comment: "seen"}, true, false},
		{"another's token, submit time known", known, slurm.Sight{User: "ada", Name: "job", Comment: "tool:run-2"}, true, false},
		{"no comment, submit time known", known, slurm.Sight{User: "ada", Name: "job"}, true, true},
		{"its output", logged, slurm.Sight{User: "ada", Name: "x", Comment: "seen", WorkDir: "/p", StdOut: "/p/.tool/runs/run-1/logs/0.log"}, true, true},
		{"its output in the command line", logged, slurm.Sight{User: "ada", Name: "x", SubmitLine: "sbatch --output=.tool/runs/run-1/logs/0.log"}, true, true},
		{"its output, another's token", logged, slurm.Sight{User: "ada", Name: "job", Comment: "tool:run-2", StdOut: "/p/.tool/runs/run-1/logs/0.log"}, false, false},
		{"its output, another user", logged, slurm.Sight{User: "bob", Name: "job", StdOut: "/p/.tool/runs/run-1/logs/0.log"}, false, false},
		{"another output", logged, slurm.Sight{User: "ada", Name: "job", WorkDir: "/p", StdOut: "/p/.tool/runs/run-12/logs/0.log"}, false, false},
		{"an output of another program", logged, slurm.Sight{User: "ada", Name: "job", WorkDir: "/p", StdOut: "/p/slurm-12.out"}, false, false},
		{"no output, the name", logged, slurm.Sight{User: "ada", Name: "job", WorkDir: "/p", StdOut: "/dev/null"}, true, true},
		{"no output, another directory", logged, slurm.Sight{User: "ada", Name: "job", WorkDir: "/q", StdOut: "/dev/null"}, false, false},
	} {
		tc.s.Submitted = at(1000)
		if got := tc.w.Is(tc.s); got != tc.is {
			t.Errorf("%s: %v", tc.name, got)
		}
		tc.s.Submitted = at(1000 + 24*3600)
		if got := tc.w.Is(tc.s); got != tc.later {
			t.Errorf("%s, a day later: %v", tc.name, got)
		}
		if tc.s.Submitted = at(1000 - 24*3600); tc.s.Comment+tc.s.SubmitLine == "" && tc.w.Is(tc.s) {
			t.Errorf("%s, a day before", tc.name)
		}
	}
	for _, tc := range []struct{ name, comment, want string }{
		{"job", "tool:run-1,sha256:ab", ""}, {"job", "site tool:run-1", ""}, {"x", "tool:run-1", "its name was changed"},
		{"job", "", "its comment was changed"}, {"x", "seen", "its comment and its name were changed"},
	} {
		if got := known.Changed(slurm.Job{Name: tc.name, Comment: tc.comment}); got != tc.want {
			t.Errorf("%s, %q: %q", tc.name, tc.comment, got)
		}
	}
}

// Nothing is acted on that the queue has not shown to be meant; and nothing is
// asked of another cluster.
func TestConfirm(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "slurm.conf")
	if err := os.WriteFile(conf, []byte("# ClusterName=old\nclustername=Alpha # ours\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &runner{answer: func(slurm.Command) (string, string, int) {
		return queueRow("12", "tool:run-1") + queueRow("13", "tool:run-2"), "", 0
	}}
	c := &slurm.Client{Runner: r, Env: []string{"SLURM_CONF=" + conf}}
	want := func(id int64, cluster string) slurm.Wanted {
		return slurm.Wanted{JobRef: slurm.JobRef{ID: id, Cluster: cluster}, Task: -1, Token: "tool:run-1", Name: "job", Since: time.Unix(1000, 0)}
	}
	jobs, err := c.Confirm(t.Context(), want(12, "alpha"), want(13, "alpha"), want(14, "alpha"))
	if err != nil || len(jobs) != 1 || jobs[0].ID() != "12" || jobs[0].Ref() != (slurm.JobRef{Cluster: "alpha", ID: 12, User: "ada", Submitted: time.Unix(1000, 0).UTC()}) {
		t.Errorf("%+v, %v", jobs, err)
	}
	if len(r.calls) != 1 || r.calls[0].Name != "squeue" {
		t.Errorf("%v", r.calls)
	}
	_, err = c.Confirm(t.Context(), want(12, "beta"))
	var away *slurm.ElsewhereError
	if !errors.As(err, &away) || err.Error() != "job 12 is on cluster beta, and this shell speaks to cluster alpha" || away.Hint() == "" || len(r.calls) != 1 {
		t.Errorf("%v, %v", err, r.calls)
	}
	if err := c.Cancel(t.Context(), jobs...); err != nil || !slices.Equal(r.calls[1].Args, []string{"12"}) {
		t.Errorf("%v, %v", err, r.calls)
	}
}

// The cluster's name: from slurm.conf without a process, else the controller's.
func TestCluster(t *testing.T) {
	r := &runner{answer: func(c slurm.Command) (string, string, int) {
		return "Configuration data as of 1\nClusterName             = Told\nMaxArraySize = 3\n", "", 0
	}}
	conf := filepath.Join(t.TempDir(), "slurm.conf")
	c := &slurm.Client{Runner: r, Env: []string{"SLURM_CONF=" + conf}}
	if name, err := c.Cluster(t.Context()); err != nil || name != "told" || len(r.calls) != 1 {
		t.Errorf("%s, %v, %v", name, err, r.calls)
	}
	if err := os.WriteFile(conf, []byte("ClusterName=here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name, err := c.Cluster(t.Context()); err != nil || name != "here" || len(r.calls) != 1 {
		t.Errorf("%s, %v, %v", name, err, r.calls)
	}
	c.Env = append(c.Env, "SLURM_CLUSTERS=other")
	if name, err := c.Cluster(t.Context()); err != nil || name != "other" {
		t.Errorf("%s, %v", name, err)
	}
	c.Env = append(c.Env, "SLURM_CLUSTERS=other,another")
	var many *slurm.ManyClustersError
	if name, err := c.Cluster(t.Context()); !errors.As(err, &many) || many.Hint() == "" || err.Error() != "SLURM_CLUSTERS=other,another names several clusters, and a job is followed on one" {
		t.Errorf("one of several clusters: %s, %v", name, err)
	}
	c.Env, r.err = []string{"SLURM_CONF=/nowhere"}, context.DeadlineExceeded
	if name, err := c.Cluster(t.Context()); err == nil {
		t.Errorf("a controller that is away is %s", name)
	}
}
