package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/interrupt"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/slurm"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// ProbeTimeout is how long probes are waited for where nobody says otherwise.
const Timeout = 2 * time.Minute

// Prober runs one short job on a node of every class to learn what CPU it has.
type Prober struct {
	Client    *slurm.Client
	Project   rundir.Project
	Nodes     []slurm.Node   // the inventory: which node of a class is free
	Partition string         // where the probes run, if the class is in it
	Options   sbatch.Options // the site's own: account, qos and the like
	Timeout   time.Duration  // 0: ProbeTimeout
	// Done is told about each class as it is settled; nil: nobody.
	Done func(Result)
}

// Result is what became of the probe of one class.
type Result struct {
	Class cluster.Class
	Node  string
	JobID int64 // 0 when none was submitted
	Err   error // nil: the node answered
}

// What can become of a probe.
var (
	ErrNoAnswer = errors.New("no answer in time")
	ErrStopped  = errors.New("interrupted")
	ErrNoNode   = errors.New("none of its nodes is up")
	ErrEnded    = errors.New("its job ended without an answer: the node may not see this directory, or not run this program")
)

// probe is a class under way.
type probe struct {
	Result
	answer  string    // the file that the job writes
	before  time.Time // of the answer that is there already
	token   string    // in the job's comment
	sent    time.Time
	settled bool
}

// Run probes the classes. A class that does not answer in time is reported and
// its job cancelled, and so are all when ctx is done; a class without a node
// that is up is reported at once. No job is left behind, unless the error says
// so.
func (p *Prober) Run(ctx context.Context, classes []cluster.Class) error {
	if err := p.Project.Make(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program's own file: %w", err)
	}
	agent, err := p.Project.SharedAgent(exe)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	limit := p.Timeout
	if limit == 0 {
		limit = Timeout
	}
	defer interrupt.Hold()() // what is in the queue is taken out of it
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	unanswered := func() error {
		if ctx.Err() != nil {
			return ErrStopped
		}
		return ErrNoAnswer
	}
	all := p.submit(waiting, agent, classes, unanswered)
	p.wait(waiting, all)
	var left []slurm.Wanted
	for _, r := range all {
		if !r.settled {
			left = append(left, slurm.Wanted{JobRef: slurm.JobRef{ID: r.JobID}, Task: -1, Token: r.token, Name: probeName, Since: r.sent})
		}
	}
	// Nobody waits for them any more; one that ended meanwhile is fine.
	open, err := p.Client.Confirm(context.WithoutCancel(ctx), left...)
	if err == nil {
		err = p.Client.Cancel(context.WithoutCancel(ctx), open...)
	}
	for _, r := range all {
		if !r.settled {
			p.settle(r, unanswered())
		}
	}
	if err != nil {
		return &ledger.SlurmError{Err: fmt.Errorf("probes are left in the queue: %w", err)}
	}
	return ctx.Err()
}

// submit submits the probes, a few at a time.
func (p *Prober) submit(ctx context.Context, agent string, classes []cluster.Class, unanswered func() error) []*probe {
	client := *p.Client
	client.Apart = true
	state := make(map[string]slurm.Node, len(p.Nodes))
	for _, n := range p.Nodes {
		state[n.Name] = n
	}
	all := make([]*probe, len(classes))
	var g errgroup.Group
	g.SetLimit(4)
	for i, class := range classes {
		r := &probe{Result: Result{Class: class}}
		all[i] = r
		node, up := pick(class, state)
		if r.Node = node; !up {
			r.Err = ErrNoNode
			continue
		}
		r.answer = filepath.Join(p.Project.Learnt(), node+".json")
		r.before = seenAt(r.answer)
		g.Go(func() error {
			if ctx.Err() != nil {
				r.Err = unanswered()
				return nil
			}
			script := fmt.Sprintf("#!/bin/sh\nexec %s probe %s\n", proc.Quote(agent), proc.Quote(p.Project.Learnt()))
			// Not to be interrupted: a job whose id is not known cannot be cancelled.
			r.token = probeToken + strings.ToLower(rand.Text()[:12])
			id, err := p.hand(context.WithoutCancel(ctx), client, []byte(script), r.token, p.args(class, node))
			r.JobID, r.sent, r.Err = id.ID, time.Now(), err
			return nil
		})
	}
	_ = g.Wait() // every error is told with its class
	for _, r := range all {
		if r.Err != nil {
			p.settle(r, r.Err)
		}
	}
	return all
}

// What a probe's job is known by in the queue.
const (
	probeName  = "nixbatch-probe"
	probeToken = "nixbatch:probe-"
)

// hand submits a probe. An answer that does not say which job it is, such as one
// with a site's banner, is looked up.
func (p *Prober) hand(ctx context.Context, client slurm.Client, script []byte, token string, args []string) (slurm.JobRef, error) {
	id, err := client.Submit(ctx, script, append(args, "--comment="+token)...)
	var se *slurm.SubmitError
	if errors.As(err, &se) && se.Ambiguous {
		if found, _ := client.FindByComment(ctx, token); len(found) > 0 {
			return found[0], nil
		}
	}
	return id, err
}

func (p *Prober) args(class cluster.Class, node string) []string {
	args := []string{"--job-name=" + probeName, "--nodes=1", "--ntasks=1", "--time=2", "--nodelist=" + node,
		"--output=/dev/null"}
	for _, o := range p.Options {
		if slices.Contains([]string{"account", "qos", "reservation", "wckey", "clusters"}, o.Name) {
			args = append(args, "--"+o.Name+"="+o.Value)
		}
	}
	switch {
	case slices.Contains(class.Partitions, p.Partition):
		args = append(args, "--partition="+p.Partition)
	case len(class.Partitions) > 0:
		args = append(args, "--partition="+class.Partitions[0])
	}
	return args
}

// pick chooses the node of a class that is likeliest to answer soon; up is
// false where none of them can.
func pick(class cluster.Class, states map[string]slurm.Node) (name string, up bool) {
	name = class.Nodes[0]
	for _, n := range class.Nodes {
		if node := states[n]; node.Usable() && (!up || node.Taken() < states[name].Taken()) {
			name, up = n, true
		}
	}
	return name, up
}

// wait settles the probes that answer or end until ctx is done. The files are
// looked at often, the queue seldom.
func (p *Prober) wait(ctx context.Context, all []*probe) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		var open []string
		byID := map[int64]*probe{}
		for _, r := range all {
			if !r.settled && !p.answered(r) {
				open = append(open, slurm.JobRef{ID: r.JobID}.String())
				byID[r.JobID] = r
			}
		}
		if len(open) == 0 {
			return
		}
		if n%20 == 0 {
			// A queue that cannot be asked now is asked again.
			jobs, _ := p.Client.Queue(ctx, slurm.Query{IDs: open})
			for _, j := range jobs {
				// A file can take a while to cross the network: a second look.
				if r := byID[j.ID]; r != nil && j.State.Final() && j.End.Before(time.Now().Add(-5*time.Second)) && !p.answered(r) {
					p.settle(r, ErrEnded)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// answered settles a probe whose answer is there.
func (p *Prober) answered(r *probe) bool {
	var l facts.Learnt
	if durable.Read(r.answer, &l) != nil || !l.Seen.After(r.before) {
		return false
	}
	// What Slurm says of the node, the node does not know.
	l.Features = r.Class.Features
	p.settle(r, durable.Replace(r.answer, l))
	return true
}

func (p *Prober) settle(r *probe, err error) {
	r.Err, r.settled = err, true
	if p.Done != nil {
		p.Done(r.Result)
	}
}

func seenAt(path string) time.Time {
	var l facts.Learnt
	if durable.Read(path, &l) != nil {
		return time.Time{}
	}
	return l.Seen
}
