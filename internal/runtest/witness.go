package runtest

import (
	"context"
	"errors"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

// Witness is a Slurm that says what it is told to say, and counts what it is
// asked. What a test gives it and nobody asks for fails the test.
type Witness struct {
	T         *testing.T
	Name      string // of the cluster; "" is Cluster
	NameErr   error
	Wrapped   bool // sbatch is not Slurm's own
	Take      func(args []string) (slurm.JobRef, error)
	Found     []slurm.JobRef
	Marks     slurm.Marks // looked for last
	FindErr   error
	InQueue   []slurm.Job
	QueueErr  error
	Acct      []slurm.AcctJob
	AcctErr   error
	OnQueue   func()
	Submits   int
	Finds     int
	Queues    int
	Accts     int
	LastQuery slurm.Query
}

// Cluster is the cluster's name where a test gives it none.
const Cluster = "here"

func (w *Witness) Cluster(context.Context) (string, error) {
	if w.Name == "" && w.NameErr == nil {
		return Cluster, nil
	}
	return w.Name, w.NameErr
}

func (w *Witness) Submit(_ context.Context, _ []byte, args ...string) (slurm.JobRef, error) {
	w.Submits++
	if w.Take == nil {
		w.T.Error("sbatch was called")
		return slurm.JobRef{}, errors.New("no")
	}
	return w.Take(args)
}

func (w *Witness) OwnSubmit() bool { return !w.Wrapped }

func (w *Witness) FindMarked(_ context.Context, m slurm.Marks) ([]slurm.JobRef, error) {
	w.Finds++
	w.Marks = m
	return w.Found, w.FindErr
}

// Unclear tells nothing more than Queue did.
func (w *Witness) Unclear(context.Context, []slurm.Job, ...slurm.Wanted) error { return nil }

func (w *Witness) Queue(_ context.Context, q slurm.Query) ([]slurm.Job, error) {
	w.Queues++
	w.LastQuery = q
	if w.OnQueue != nil {
		w.OnQueue()
	}
	if w.QueueErr != nil {
		return nil, w.QueueErr
	}
	return w.InQueue, nil
}

func (w *Witness) Accounting(context.Context, slurm.Query) ([]slurm.AcctJob, error) {
	w.Accts++
	return w.Acct, w.AcctErr
}
