package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// lookTimeout bounds the one step that looks at all nodes of a job. srun retries
// for as long as a node does not answer; a payload there would fare no better.
const lookTimeout = 2 * time.Minute

// Seen is what a look at one node saw, and Look prints.
type Seen struct {
	facts.Learnt
	Kernel   string        `json:"kernel"`
	Override string        `json:"override,omitempty"`
	Machine  facts.Machine `json:"machine"`
}

// Look describes the machine it runs on, in lines that may be mixed with those
// of other nodes.
func Look(w io.Writer, getenv func(string) string, now time.Time) error {
	n, err := lookHere(getenv, now, "job")
	if err != nil {
		return err
	}
	return writePieces(w, n.Node, n)
}

func lookHere(getenv func(string) string, now time.Time, from string) (Seen, error) {
	name := getenv("SLURMD_NODENAME")
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return Seen{}, fmt.Errorf("host name: %w", err)
		}
		name, _, _ = strings.Cut(host, ".")
	}
	cpu, override, err := cpuflags.Load(name)
	if err != nil {
		return Seen{}, fmt.Errorf("CPU of %s: %w", name, err)
	}
	return Seen{
		Learnt:   facts.Learnt{Schema: facts.LearntSchema, Node: name, CPU: cpu, Seen: now.UTC(), From: from},
		Kernel:   kernel(),
		Override: override,
		Machine:  machine("/"),
	}, nil
}

func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// look sees every allocated node: this one, or all of them through one step.
func (a *Agent) look(ctx context.Context) ([]Seen, error) {
	want := a.number("SLURM_JOB_NUM_NODES")
	if want <= 1 {
		n, err := a.Look()
		if err != nil {
			return nil, err
		}
		return a.withFeatures([]Seen{n}), nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	n := strconv.Itoa(want)
	res, err := a.Machine.Run(ctx, proc.Cmd{
		Path: a.srun(),
		Args: []string{"--nodes=" + n, "--ntasks=" + n, "--ntasks-per-node=1", "--cpus-per-task=1", "--overlap",
			"--mem=0", "--gres=none", "--mpi=none", "--input=none", "--kill-on-bad-exit=1", "--export=ALL",
			a.Run.AgentFile(), "look"},
		Env: a.stepEnv(),
	})
	if err != nil {
		return nil, fault.New(fmt.Sprintf("the CPUs of the %d nodes could not be looked at: %v", want, err),
			"the job needs a working srun on the node; nothing of it was started").Because(err)
	}
	seen, err := readPieces(bytes.NewReader(res.Stdout))
	if err != nil {
		return nil, fmt.Errorf("what the nodes said of their CPUs: %w", err)
	}
	if len(seen) != want {
		return nil, fault.New(fmt.Sprintf("only %d of %d nodes said what CPU they have", len(seen), want), "")
	}
	slices.SortFunc(seen, func(x, y Seen) int { return strings.Compare(x.Node, y.Node) })
	return a.withFeatures(seen), nil
}

// withFeatures adds what Slurm said of the nodes when the plan was made: what
// is learnt holds for a node only while Slurm describes it alike.
func (a *Agent) withFeatures(seen []Seen) []Seen {
	for i := range seen {
		for _, c := range a.plan.Classes {
			if inHosts(c.Nodes, seen[i].Node) {
				seen[i].Features = c.Features
			}
		}
	}
	return seen
}

func inHosts(list, node string) bool {
	names, err := hostlist.Expand(list)
	return err == nil && slices.Contains(names, node)
}

// condense describes nodes that look alike once.
func condense(seen []Seen) (nodes []facts.Node, names []string, override string) {
	for _, s := range seen {
		names = append(names, s.Node)
		override = max(override, s.Override)
		alike := slices.IndexFunc(nodes, func(n facts.Node) bool {
			return cluster.Key(n.CPU) == cluster.Key(s.CPU) && n.Kernel == s.Kernel && looksLike(n.Machine, s.Machine)
		})
		if alike >= 0 {
			nodes[alike].Count++
			continue
		}
		nodes = append(nodes, facts.Node{CPU: s.CPU, Kernel: s.Kernel, Override: s.Override != "", Count: 1, Machine: s.Machine})
	}
	return nodes, names, override
}

// Simulated is "yes" in a program that was built for tests in which one machine
// plays several: it alone learns CPUs that are faked (-ldflags -X).
var Simulated = ""

// Faked reports whether a look is not to be learnt from: its CPU is one that
// NIXBATCH_CPUINFO names, and not the machine's.
func Faked(override string) bool { return override != "" && Simulated != "yes" }

// learn leaves what was seen for the next plan. It is a cache: what cannot be
// written is learnt another time. What was faked is never learnt.
func (a *Agent) learn(seen []Seen) {
	dir := a.Run.Project.Learnt()
	for _, s := range seen {
		if !Faked(s.Override) && !learntAlready(dir, s.Learnt) {
			_ = leave(dir, s.Learnt)
		}
	}
}

// sameFor is how long what was seen of a node is not written again as long as it
// is the same: thousands of short tasks have one node between them.
const sameFor = time.Hour

// learntAlready reports whether another job has just left the same.
func learntAlready(dir string, l facts.Learnt) bool {
	var was facts.Learnt
	if l.Node != filepath.Base(l.Node) || durable.Read(filepath.Join(dir, l.Node+".json"), &was) != nil {
		return false
	}
	age := l.Seen.Sub(was.Seen)
	return was.Schema == l.Schema && was.Node == l.Node && age >= 0 && age < sameFor &&
		slices.Equal(was.Features, l.Features) && cluster.Key(was.CPU) == cluster.Key(l.CPU)
}

// leave writes what was seen of a node to dir.
func leave(dir string, l facts.Learnt) error {
	if l.Node != filepath.Base(l.Node) {
		return fmt.Errorf("node %q: its name is no file name", l.Node)
	}
	return durable.Replace(filepath.Join(dir, l.Node+".json"), l)
}

// Probe looks at the machine it runs on and leaves what it saw in dir.
func Probe(dir string, getenv func(string) string, now time.Time) error {
	n, err := lookHere(getenv, now, "probe")
	if err != nil {
		return err
	}
	if Faked(n.Override) {
		return fmt.Errorf("the CPU of %s is not its own but that of %s, which %s names: nothing is learnt from it", n.Node, n.Override, cpuflags.EnvCPUInfo)
	}
	return leave(dir, n.Learnt)
}

// noBuild says why no build can run: for each node that stands in the way, the
// flags that the least demanding build lacks there.
func (a *Agent) noBuild(seen []Seen, archs []string) error {
	if len(archs) == 0 {
		return errors.New("the plan of this run has no build")
	}
	weakest := archs[len(archs)-1]
	if own := a.plan.Builds[len(archs)-1].Needs; own != "" {
		weakest = own
	}
	for _, s := range seen {
		if hard, _ := cpuflags.Missing(s.CPU.Flags, weakest); len(hard) > 0 {
			return fault.New(fmt.Sprintf("no build of this run can run on %s (%s): the %s build needs %s", s.Node, s.CPU.Name, archs[len(archs)-1], strings.Join(hard, " ")),
				"submit again: what this node has is known now; or add generic to optimize.arch")
		}
	}
	return fault.New(fmt.Sprintf("no build of this run (%s) can run on all of its nodes", strings.Join(archs, ", ")), "use strategy: common")
}

// affinity is the processors that this process may run on, ascending.
func affinity() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	out := make([]int, 0, set.Count())
	for i := 0; len(out) < set.Count(); i++ {
		if set.IsSet(i) {
			out = append(out, i)
		}
	}
	return out
}
