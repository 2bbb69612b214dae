package slurmtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// Cluster is what the suite runs against.
type Cluster struct {
	Client    *slurm.Client
	Partition string   // one that takes jobs from this user
	Nodes     []string // all its nodes
	Node      string   // one of them that has the feature
	Feature   string
	// Args are handed to sbatch with every job, for instance where its output
	// goes.
	Args []string
}

// Conformance checks that the Client and the cluster behind it do what the
// package slurm says. factory is called once for each test; it may return the
// same cluster each time.
func Conformance(t *testing.T, factory func(t *testing.T) Cluster) {
	for _, tc := range []struct {
		name string
		run  func(s suite, t *testing.T)
	}{
		{"Version", suite.version},
		{"Nodes", suite.nodes},
		{"Partitions", suite.partitions},
		{"Completes", suite.completes},
		{"Fails", suite.fails},
		{"CancelWaiting", suite.cancelWaiting},
		{"Refused", suite.refused},
		{"Array", suite.array},
		{"Find", suite.find},
		{"FindByOutput", suite.findByOutput},
		{"Unknown", suite.unknown},
		{"HostileName", suite.hostileName},
		{"Config", suite.config},
		{"MPITypes", suite.mpiTypes},
		{"Requeue", suite.requeue},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
			defer cancel()
			tc.run(suite{factory(t), ctx}, t)
		})
	}
}

type suite struct {
	Cluster
	ctx context.Context
}

// submit hands in a job with these options besides the suite's own, and sees to
// it that it is gone afterwards.
func (s suite) submit(t *testing.T, body string, o ...sbatch.Option) slurm.JobRef {
	t.Helper()
	id, err := s.try(t, body, o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.cancel(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	return id
}

// cancel cancels a job that the queue confirms.
func (s suite) cancel(ctx context.Context, id slurm.JobRef) error {
	jobs, err := s.Client.Confirm(ctx, slurm.Wanted{JobRef: id, Task: -1})
	if err != nil {
		return err
	}
	return s.Client.Cancel(ctx, jobs...)
}

func (s suite) try(t *testing.T, body string, o ...sbatch.Option) (slurm.JobRef, error) {
	t.Helper()
	options := sbatch.Options{{Name: "partition", Value: s.Partition}, {Name: "time", Value: "2"}}
	for _, x := range o {
		options = options.Set(x.Name, x.Value)
	}
	lines, err := options.Lines()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n" + strings.Join(lines, "\n") + "\n" + body + "\n"
	return s.Client.Submit(s.ctx, []byte(script), s.Args...)
}

// wait asks for the jobs until all of them are as wanted.
func (s suite) wait(t *testing.T, id slurm.JobRef, n int, want func(slurm.Job) bool) []slurm.Job {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		jobs, err := s.Client.Queue(s.ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) == n && !slices.ContainsFunc(jobs, func(j slurm.Job) bool { return !want(j) }) {
			return jobs
		}
		select {
		case <-s.ctx.Done():
			t.Fatalf("job %s: still %+v", id, jobs)
		case <-tick.C:
		}
	}
}

func final(j slurm.Job) bool { return j.State.Final() }

func (s suite) version(t *testing.T) {
	v, err := s.Client.Version(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !v.AtLeast(20, 0) || v.AtLeast(100, 0) {
		t.Errorf("version %+v", v)
	}
}

func (s suite) nodes(t *testing.T) {
	nodes, err := s.Client.Nodes(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range nodes {
		if slices.Contains(n.Partitions, s.Partition) {
			names = append(names, n.Name)
		}
		if n.CPUs < 1 || n.Sockets < 1 || n.Cores < 1 || n.Threads < 1 || n.MemoryMiB < 1 || n.State == "" {
			t.Errorf("node %+v lacks something", n)
		}
		if n.Name == s.Node && (!slices.Contains(n.Features, s.Feature) || !slices.Contains(n.Active, s.Feature)) {
			t.Errorf("node %s has the features %v (active %v), not %s", n.Name, n.Features, n.Active, s.Feature)
		}
	}
	if got, want := hostlist.Compress(names), hostlist.Compress(s.Nodes); got != want {
		t.Errorf("partition %s has the nodes %s, want %s", s.Partition, got, want)
	}
}

func (s suite) partitions(t *testing.T) {
	parts, err := s.Client.Partitions(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(parts, func(p slurm.Partition) bool { return p.Name == s.Partition })
	if i < 0 {
		t.Fatalf("no partition %s in %+v", s.Partition, parts)
	}
	if p := parts[i]; p.State != "up" || p.TimeLimit == 0 || hostlist.Compress(p.Nodes) != hostlist.Compress(s.Nodes) {
		t.Errorf("partition %+v", p)
	}
}

func (s suite) completes(t *testing.T) {
	before := time.Now().Add(-2 * time.Second)
	id := s.submit(t, "exit 0", sbatch.Option{Name: "job-name", Value: "conform"}, sbatch.Option{Name: "constraint", Value: s.Feature})
	j := s.wait(t, id, 1, final)[0]
	if j.State != slurm.Completed || j.ID != id.ID || j.Array != id.ID || j.Task != -1 || j.Ref != id.String() || j.Name != "conform" {
		t.Errorf("job %+v", j)
	}
	if j.Submit.Before(before) || j.Submit.After(time.Now().Add(2*time.Second)) || j.Limit != 2*time.Minute {
		t.Errorf("submitted %v, limit %v", j.Submit, j.Limit)
	}
	s.accounted(t, id)
}

// accounted checks what sacct says of a finished job, where there is
// accounting; it may lag behind.
func (s suite) accounted(t *testing.T, id slurm.JobRef) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		jobs, err := s.Client.Accounting(s.ctx, slurm.Query{IDs: []string{id.String()}})
		if errors.Is(err, slurm.ErrNoAccounting) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) == 1 && jobs[0].State == slurm.Completed {
			if j := jobs[0]; j.ID != id.ID || j.ExitCode != 0 || j.End.Before(j.Start) || len(j.Steps) == 0 {
				t.Errorf("accounting %+v", j)
			}
			return
		}
		select {
		case <-s.ctx.Done():
			t.Fatalf("job %s: accounting still %+v", id, jobs)
		case <-tick.C:
		}
	}
}

func (s suite) fails(t *testing.T) {
	if j := s.wait(t, s.submit(t, "exit 3"), 1, final)[0]; j.State != slurm.Failed {
		t.Errorf("job %+v", j)
	}
}

func (s suite) cancelWaiting(t *testing.T) {
	id := s.submit(t, "exit 0", sbatch.Option{Name: "hold"})
	j := s.wait(t, id, 1, func(j slurm.Job) bool { return j.State == slurm.Pending && j.Reason != "" })[0]
	if j.Nodes != "" {
		t.Errorf("a waiting job has the nodes %s", j.Nodes)
	}
	for range 2 { // the second time there is nothing left to cancel
		if err := s.cancel(s.ctx, id); err != nil {
			t.Fatal(err)
		}
		if j := s.wait(t, id, 1, final)[0]; j.State != slurm.Cancelled {
			t.Errorf("job %+v", j)
		}
	}
}

func (s suite) refused(t *testing.T) {
	name := unique("refused")
	id, err := s.try(t, "exit 0", sbatch.Option{Name: "partition", Value: "no-such-partition"}, sbatch.Option{Name: "job-name", Value: name})
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Permanent || se.Ambiguous || se.Hint() == "" || !strings.Contains(err.Error(), "partition") {
		t.Fatalf("id %v, error %v", id, err)
	}
	if ids, err := s.Client.FindByName(s.ctx, name); err != nil || len(ids) != 0 {
		t.Errorf("found %v, %v", ids, err)
	}
}

func (s suite) array(t *testing.T) {
	id := s.submit(t, `exit "$SLURM_ARRAY_TASK_ID"`, sbatch.Option{Name: "array", Value: "0-2"})
	jobs := s.wait(t, id, 3, final)
	slices.SortFunc(jobs, func(a, b slurm.Job) int { return a.Task - b.Task })
	for i, j := range jobs {
		want := slurm.Failed
		if i == 0 {
			want = slurm.Completed
		}
		if j.Task != i || j.Array != id.ID || j.Ref != fmt.Sprintf("%s_%d", id, i) || j.State != want {
			t.Errorf("task %d: %+v", i, j)
		}
	}
	// One task by itself.
	one, err := s.Client.Queue(s.ctx, slurm.Query{IDs: []string{id.String() + "_1"}})
	if err != nil || len(one) != 1 || one[0].Task != 1 {
		t.Errorf("task 1: %+v, %v", one, err)
	}
}

func (s suite) find(t *testing.T) {
	token := unique("run")
	id := s.submit(t, "exit 0", sbatch.Option{Name: "hold"}, sbatch.Option{Name: "job-name", Value: token},
		sbatch.Option{Name: "comment", Value: "project run=" + token})
	for name, find := range map[string]func(context.Context, string) ([]slurm.JobRef, error){
		"comment": s.Client.FindByComment, "name": s.Client.FindByName,
	} {
		if ids, err := find(s.ctx, token); err != nil || len(ids) != 1 || ids[0].ID != id.ID {
			t.Errorf("by %s: %v, %v; want %s", name, ids, err, id)
		}
		if ids, err := find(s.ctx, token[:len(token)-1]); err != nil || len(ids) != 0 {
			t.Errorf("by part of the %s: %v, %v; want none", name, ids, err)
		}
	}
}

// findByOutput checks that a job without its token is found by where its output
// goes, an array too, and that no other is.
func (s suite) findByOutput(t *testing.T) {
	began := time.Now()
	run := unique("run")
	s.Args = append(slices.Clone(s.Args), "--output=runs/"+run+"/logs/0.log")
	for _, o := range [][]sbatch.Option{{{Name: "hold"}}, {{Name: "hold"}, {Name: "array", Value: "0-2"}}} {
		id := s.submit(t, "exit 0", append(o, sbatch.Option{Name: "comment", Value: "site:checked"}, sbatch.Option{Name: "job-name", Value: "other"})...)
		marks := slurm.Marks{Token: "tool:" + run, Output: "runs/" + run + "/logs/", Since: began}
		if ids, err := s.Client.FindMarked(s.ctx, marks); err != nil || len(ids) != 1 || ids[0].ID != id.ID || ids[0].Submitted.IsZero() {
			t.Errorf("%+v, %v; want %s", ids, err, id)
		}
		want := slurm.Wanted{JobRef: slurm.JobRef{ID: id.ID}, Task: -1, Token: marks.Token, Output: marks.Output, Name: "job", Since: began}
		if jobs, err := s.Client.Confirm(s.ctx, want); err != nil || len(jobs) != 1 || jobs[0].ID() != id.String() {
			t.Errorf("confirmed: %+v, %v", jobs, err)
		}
		want.Token, want.Output, want.Name = "tool:x", "runs/x/logs/", "other"
		if jobs, err := s.Client.Confirm(s.ctx, want); err != nil || len(jobs) != 0 {
			t.Errorf("another run's number: %+v, %v", jobs, err)
		}
		for name, m := range map[string]slurm.Marks{
			"another output":    {Token: marks.Token, Output: "runs/" + run + "x/logs/", Since: began},
			"a part of it":      {Token: marks.Token, Output: "uns/" + run + "/logs/", Since: began},
			"one that is known": {Token: marks.Token, Output: marks.Output, Since: began, Not: []int64{id.ID}},
			"no second token":   {Token: marks.Token, Since: began},
		} {
			if ids, err := s.Client.FindMarked(s.ctx, m); err != nil || len(ids) != 0 {
				t.Errorf("%s: %+v, %v", name, ids, err)
			}
		}
		if err := s.cancel(s.ctx, id); err != nil {
			t.Error(err)
		}
		began = time.Now()
		run = unique("run")
		s.Args[len(s.Args)-1] = "--output=runs/" + run + "/logs/0.log"
	}
}

// unknown checks that a job nobody knows does not hide the others.
func (s suite) unknown(t *testing.T) {
	id := s.submit(t, "exit 0", sbatch.Option{Name: "hold"})
	const gone = "66000000"
	if jobs, err := s.Client.Queue(s.ctx, slurm.Query{IDs: []string{gone}}); err != nil || len(jobs) != 0 {
		t.Errorf("%+v, %v", jobs, err)
	}
	jobs, err := s.Client.Queue(s.ctx, slurm.Query{IDs: []string{gone, id.String()}})
	if err != nil || len(jobs) != 1 || jobs[0].ID != id.ID {
		t.Errorf("%+v, %v", jobs, err)
	}
	if jobs, err := s.Client.Confirm(s.ctx, slurm.Wanted{JobRef: slurm.JobRef{ID: 66000000}, Task: -1}); err != nil || len(jobs) != 0 {
		t.Errorf("confirmed: %+v, %v", jobs, err)
	}
}

// hostileName checks that values with a meaning to sbatch, to a shell, or to a
// table reach Slurm as they are.
func (s suite) hostileName(t *testing.T) {
	for _, v := range []string{`a "b" 'c' \d #e $(f) ` + "`g`", "x|y;z,w", "-v", "PackJob packjob", "naïve ☃", "(null) N/A %i"} {
		id := s.submit(t, "exit 0", sbatch.Option{Name: "hold"}, sbatch.Option{Name: "job-name", Value: v}, sbatch.Option{Name: "comment", Value: v})
		jobs, err := s.Client.Queue(s.ctx, slurm.Query{IDs: []string{id.String()}})
		if err != nil || len(jobs) != 1 {
			t.Fatalf("%q: %+v, %v", v, jobs, err)
		}
		if jobs[0].Name != v || jobs[0].Comment != v {
			t.Errorf("%q became the name %q and the comment %q", v, jobs[0].Name, jobs[0].Comment)
		}
	}
}

// config checks the controller's configuration, and that its clock is this
// machine's to a few seconds.
func (s suite) config(t *testing.T) {
	c, err := s.Client.Config(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if c.ClusterName() == "" || c.ClusterName() != strings.ToLower(c.Get("clustername")) || c.MaxArraySize() < 2 {
		t.Errorf("cluster %q, arrays of %d", c.ClusterName(), c.MaxArraySize())
	}
	if away := time.Since(c.Time).Abs(); away > time.Minute {
		t.Errorf("the controller's clock says %s", c.Time)
	}
	if v := c.Get("no such key"); v != "" {
		t.Errorf("a key that is not there has the value %q", v)
	}
}

func (s suite) mpiTypes(t *testing.T) {
	types, err := s.Client.MPITypes(s.ctx)
	if err != nil || !slices.Contains(types, "none") || !slices.IsSorted(types) {
		t.Errorf("srun speaks %v: %v", types, err)
	}
}

// requeue starts a job again that is over.
func (s suite) requeue(t *testing.T) {
	id := s.submit(t, "exit 0", sbatch.Option{Name: "requeue"})
	s.wait(t, id, 1, final)
	if err := s.Client.Requeue(s.ctx, id.String()); err != nil {
		t.Fatal(err)
	}
	s.wait(t, id, 1, func(j slurm.Job) bool { return !j.State.Final() })
	for _, bad := range []string{"66000000", "", "--all"} {
		if err := s.Client.Requeue(s.ctx, bad); err == nil {
			t.Errorf("a job %q was started again", bad)
		}
	}
}

func unique(prefix string) string {
	return fmt.Sprintf("%s-%d", prefix, time.Now().UnixNano())
}
