package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/testbed"
)

// A cluster of our own, on which nodes die and jobs are preempted: partitions of
// three priorities, one that lets jobs run on after their time limit, and Slurm's own accounting of memory, which ends what uses
// too much (this machine's cgroups are left alone).
const harshConf = `PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MaxJobCount=30000
PartitionName=cancelled Nodes=p1 PriorityTier=1 PreemptMode=CANCEL
PartitionName=requeued Nodes=p2 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=p[1-2] PriorityTier=10 PreemptMode=OFF
PartitionName=late Nodes=n[1-6] OverTimeLimit=60`

var harshCluster struct {
	sync.Once
	c   *testbed.Cluster
	err error
}

// harsh is that cluster, with the shared one's program.
func harsh(t *testing.T) *testbed.Cluster {
	t.Helper()
	bed(t)
	harshCluster.Do(func() {
		harshCluster.c, harshCluster.err = testbed.Start(context.Background(), testbed.Options{NoNix: true, ExtraConf: harshConf,
			Classes: []testbed.Class{
				{Name: "n", Nodes: 6, Sockets: 1, Cores: 32, Threads: 1, MemoryMiB: 64000, Features: []string{"x"}},
				{Name: "m", Nodes: 2, Sockets: 1, Cores: 16, Threads: 1, MemoryMiB: 64000, Features: []string{"m"}},
				{Name: "p", Nodes: 2, Sockets: 1, Cores: 2, Threads: 1, MemoryMiB: 4000, Features: []string{"p"}},
				{Name: "k", Nodes: 2, Sockets: 1, Cores: 2, Threads: 1, MemoryMiB: 4000, Features: []string{"k"}},
			}})
	})
	if harshCluster.err != nil {
		t.Fatal(harshCluster.err)
	}
	return harshCluster.c
}

// onHarsh is a directory from which jobs go to that cluster.
func onHarsh(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, c: harsh(t), dir: t.TempDir()}
	env, err := place(s.c, s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.env = append(env, "PATH="+filepath.Join(s.dir, "front")+":"+filepath.Join(bed(t).Dir, "bin")+":"+os.Getenv("PATH"))
	s.bin = filepath.Join(bed(t).Dir, "bin", "nixbatch")
	return s
}

// job writes a job file: options of Slurm's, further blocks, and the lines.
func (s *site) job(name, slurm, blocks, run string) {
	s.t.Helper()
	text := "name: " + name + "\nenvironment: {nixpkgs: {path: minipkgs}, packages: [archprobe]}\noptimize: {arch: generic}\n" +
		"slurm: {" + slurm + "}\n" + blocks + "run: |\n"
	for _, l := range strings.Split(run, "\n") {
		text += "  " + l + "\n"
	}
	s.write(name+".yaml", text, 0o600)
}

// must runs nixbatch, which has to exit with 0.
func (s *site) must(args ...string) string {
	s.t.Helper()
	code, out, diag := s.run(args...)
	if code != 0 {
		s.t.Fatalf("nixbatch %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, diag)
	}
	return out
}

// state is what status says of the newest run of a name.
func (s *site) state(name string) listed {
	s.t.Helper()
	var doc struct{ Runs []listed }
	out := s.must("status", "--json", name)
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Runs) != 1 {
		s.t.Fatalf("status: %v\n%s", err, out)
	}
	return doc.Runs[0]
}

// reaches waits until the run is in a state, for a reason that has a text.
func (s *site) reaches(name, state, reason string) listed {
	s.t.Helper()
	var last listed
	if comes(200*time.Millisecond, func() bool {
		last = s.state(name)
		return last.State == state && strings.Contains(last.Reason, reason)
	}) {
		return last
	}
	_, log, _ := s.run("logs", name)
	s.t.Fatalf("%s is %+v, not %s (%s); its log:\n%s", name, last, state, reason, log)
	return last
}

// why is what nixbatch says of it.
func (s *site) why(name string, want ...string) {
	s.t.Helper()
	out := s.must("why", name)
	for _, w := range want {
		if !strings.Contains(out, w) {
			s.t.Errorf("why %s lacks %q:\n%s", name, w, out)
		}
	}
}

func (s *site) scontrol(args ...string) {
	s.t.Helper()
	s.slurm("scontrol", args...)
}

// slurm runs one of Slurm's programs.
func (s *site) slurm(program string, args ...string) {
	s.t.Helper()
	if _, err := (proc.System{}).Run(context.Background(), proc.Cmd{Path: program, Args: args, Env: s.c.Env()}); err != nil {
		s.t.Fatal(err)
	}
}

// startNow spares a requeued job the two minutes that Slurm lets it wait, counted
// from when its earlier attempt is tidied up, and waits for a file of the next.
func (s *site) startNow(name, file string) {
	s.t.Helper()
	id := fmt.Sprint(s.state(name).JobID)
	var next time.Time
	until(s.t, file, func() bool {
		// Refused while it is not pending yet, or no longer. Not at once: a job
		// started in the second of its requeue is refused by its node.
		if time.Now().After(next) {
			next = time.Now().Add(6 * time.Second)
			_, _ = proc.System{}.Run(context.Background(), proc.Cmd{Path: "scontrol", Args: []string{"update", "JobId=" + id, "StartTime=now+2seconds"}, Env: s.c.Env()})
		}
		_, err := os.Stat(filepath.Join(s.dir, file))
		return err == nil
	})
}

// limitComes lets a job's time be over now, as slurmctld counts it: it ends the job
// as at any limit, when it next looks at them (every 30 s), and nobody has to wait
// for the minute that is the shortest limit.
func (s *site) limitComes(name string) {
	s.t.Helper()
	s.scontrol("update", "JobId="+fmt.Sprint(s.state(name).JobID), "EndTime=now+1seconds")
}

// appears waits for a file.
func (s *site) appears(name string) {
	s.t.Helper()
	until(s.t, name, func() bool { _, err := os.Stat(filepath.Join(s.dir, name)); return err == nil })
}

const (
	small    = "partition: n, mem: 60M, time: 60"
	forever  = "touch \"$NIXBATCH_WORKDIR/begun.$NIXBATCH_ATTEMPT\"\nwhile :; do sleep 0.2; done"
	untilGo  = "touch \"$NIXBATCH_WORKDIR/begun.$NIXBATCH_ATTEMPT\"\nwhile ! [ -e \"$NIXBATCH_WORKDIR/go\" ]; do sleep 0.1; done"
	refusing = "trap '' TERM\n" + forever
)

// whyNot is what nixbatch must not say of it.
func (s *site) whyNot(name, untrue string) {
	s.t.Helper()
	if out := s.must("why", name); strings.Contains(out, untrue) {
		s.t.Errorf("why %s has %q:\n%s", name, untrue, out)
	}
}

// Every state as a real cluster makes it, and what why says of it.
func TestStates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*site){
		"held": func(s *site) {
			s.job("held", small+", hold: true", "", ":")
			s.must("submit", "held.yaml")
			s.reaches("held", "pending", "JobHeldUser")
			s.why("held", "it is held by you", "scontrol release")
			s.must("cancel", "held")
			s.reaches("held", "cancelled", "") // while it waited
			s.why("held", "it was cancelled", "nixbatch retry held")
		},
		"resources": func(s *site) {
			s.job("wide", "partition: k, nodes: 2, exclusive: true, mem: 300M, time: 60", "", untilGo)
			s.must("submit", "wide.yaml")
			s.appears("begun.0")
			s.job("next", "partition: k, nodes: 2, exclusive: true, mem: 300M, time: 60", "", ":")
			s.must("submit", "next.yaml")
			s.reaches("next", "pending", "Resources")
			s.why("next", "it is next, and waits for nodes")
			s.write("go", "", 0o600)
			s.reaches("next", "completed", "")
			s.nodeFail()
		},
		"timeout": func(s *site) {
			s.job("limit", "partition: n, mem: 60M, time: 1", "", refusing)
			s.must("submit", "limit.yaml")
			s.appears("begun.0")
			s.limitComes("limit")
			s.reaches("limit", "timeout", "")
			s.why("limit", "its time limit came", "--time x2, which is 0-00:02:00")
		},
		"out-of-memory": func(s *site) {
			s.job("hungry", "partition: n, mem: 40M, time: 60", "", "x=$(/usr/bin/head -c 300000000 /dev/zero | /usr/bin/tr '\\0' a)\nsleep 1000\necho ${#x}")
			s.must("submit", "hungry.yaml")
			s.reaches("hungry", "out-of-memory", "")
			s.why("hungry", "it ran out of memory", "--mem x1.5, which is 60M")
		},
		"out-of-memory-sweep": func(s *site) {
			s.job("eaters", "partition: n, mem: 60M, time: 5", "sweep: {matrix: {bytes: [1, 300000000, 2]}}\n",
				"x=$(/usr/bin/head -c $bytes /dev/zero | /usr/bin/tr '\\0' a)\n[ $bytes = 1 ] || [ $bytes = 2 ] || sleep 30\necho ${#x}")
			s.must("submit", "eaters.yaml")
			s.reaches("eaters", "out-of-memory", "completed 2, out-of-memory 1")
			s.why("eaters.1", "it ran out of memory", "--mem x1.5, which is 90M")
		},
		"agent-killed": func(s *site) {
			s.job("shot", small, "", "/bin/kill -KILL $PPID\nsleep 1000")
			s.must("submit", "shot.yaml")
			s.reaches("shot", "failed", "the agent was killed before it could write the end")
			s.whyNot("shot", "could not start it")
		},
		"agent-killed-sweep": func(s *site) {
			s.job("shots", small, "sweep: {matrix: {how: [well, badly]}}\n", "[ $how = well ] || { /bin/kill -KILL $PPID; sleep 1000; }")
			s.must("submit", "shots.yaml")
			s.reaches("shots", "failed", "completed 1, failed 1")
			s.why("shots.1", "the agent was killed before it could write the end")
			s.whyNot("shots.1", "could not start it")
		},
		"requeued": func(s *site) {
			s.job("again", small+", requeue: true", "", untilGo)
			s.must("submit", "again.yaml")
			s.appears("begun.0")
			id := fmt.Sprint(s.state("again").JobID)
			s.scontrol("requeue", id)
			s.reaches("again", "pending", "")
			s.startNow("again", "begun.1")
			s.write("go", "", 0o600)
			if r := s.reaches("again", "completed", ""); r.JobID == 0 {
				s.t.Errorf("%+v", r)
			}
			s.scontrol("show", "job", id)
		},
		"suspended": func(s *site) {
			s.job("asleep", small, "", untilGo)
			s.must("submit", "asleep.yaml")
			s.appears("begun.0")
			id := fmt.Sprint(s.state("asleep").JobID)
			s.scontrol("suspend", id)
			s.reaches("asleep", "running", "suspended")
			s.why("asleep", "scontrol resume "+id)
			s.scontrol("resume", id)
			s.write("go", "", 0o600)
			s.reaches("asleep", "completed", "")
		},
		"preempted": func(s *site) {
			s.job("ended", "partition: cancelled, nodes: 1, exclusive: true, mem: 60M, time: 60", "", forever)
			s.must("submit", "ended.yaml")
			s.appears("begun.0")
			s.job("urgent", "partition: urgent, nodelist: p1, exclusive: true, mem: 60M, time: 60", "", ":")
			s.must("submit", "urgent.yaml")
			s.reaches("ended", "cancelled", "preempted")
			s.why("ended", "it was preempted by a job of higher priority", "requeue: true")
		},
		"preempted-requeued": func(s *site) {
			s.job("moved", "partition: requeued, nodes: 1, exclusive: true, requeue: true, mem: 60M, time: 60", "", untilGo)
			s.must("submit", "moved.yaml")
			s.appears("begun.0")
			s.job("urgent2", "partition: urgent, nodelist: p2, exclusive: true, mem: 60M, time: 60", "", ":")
			s.must("submit", "urgent2.yaml")
			s.reaches("moved", "pending", "")
			s.reaches("urgent2", "completed", "")
			s.startNow("moved", "begun.1")
			s.write("go", "", 0o600)
			s.reaches("moved", "completed", "")
		},
		"dependency": func(s *site) {
			s.job("parent", small+", hold: true", "", "exit 3")
			s.job("child", small, "after: [parent]\n", ":")
			s.job("third", small, "", ":")
			if code, _, diag := s.run("submit", "child.yaml"); code != 2 || !strings.Contains(diag, "there are no runs here") {
				s.t.Errorf("after nothing: %d %s", code, diag)
			}
			s.must("submit", "parent.yaml")
			s.must("submit", "child.yaml", "third.yaml", "--chain")
			s.reaches("child", "pending", "Dependency")
			s.reaches("third", "pending", "Dependency")
			s.scontrol("release", fmt.Sprint(s.state("parent").JobID))
			s.reaches("parent", "failed", "exit code 3")
			s.reaches("child", "cancelled", "what it waited for did not complete")
			s.reaches("third", "cancelled", "what it waited for did not complete")
			if code, _, diag := s.run("submit", "child.yaml"); code != 2 || !strings.Contains(diag, "is failed (exit code 3)") {
				s.t.Errorf("after a failed run: %d %s", code, diag)
			}
			s.why("child", "what it comes after did not complete", "nixbatch retry parent-", " first", "then nixbatch retry child-")
			for _, name := range []string{"child", "third"} {
				if code, _, diag := s.run("retry", name); code != 2 || !strings.Contains(diag, "which this one comes after, is ") || !strings.Contains(diag, "nixbatch retry ") {
					s.t.Errorf("retry of %s after a failed run: %d %s", name, code, diag)
				}
			}
			// The parent first, which is held again, and then what waits for it.
			s.must("retry", "parent")
			s.must("retry", "child")
			s.reaches("child", "pending", "Dependency")
			s.must("cancel", "child")
			s.must("cancel", "parent")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(onHarsh(t))
		})
	}
}

// nodeFail: a power cut on the node of a job that is not requeued, and of one
// that is.
func (s *site) nodeFail() {
	s.job("cut", "nodelist: k1, partition: k, no-requeue: true, mem: 60M, time: 60", "", forever)
	s.job("saved", "nodelist: k2, partition: k, requeue: true, mem: 60M, time: 60", "", "touch \"$NIXBATCH_WORKDIR/saved.$NIXBATCH_ATTEMPT\"\n[ $NIXBATCH_ATTEMPT = 1 ] || sleep 1000")
	os.Remove(filepath.Join(s.dir, "begun.0"))
	s.must("submit", "cut.yaml")
	s.must("submit", "saved.yaml")
	s.appears("begun.0")
	s.appears("saved.0")
	for _, n := range []string{"k1", "k2"} {
		if err := s.c.KillNode(context.Background(), n); err != nil {
			s.t.Fatal(err)
		}
	}
	s.reaches("cut", "node-fail", "")
	s.why("cut", "its node failed")
	s.reaches("saved", "pending", "")
	for _, n := range []string{"k1", "k2"} {
		if err := s.c.StartNode(context.Background(), n); err != nil {
			s.t.Fatal(err)
		}
	}
	s.startNow("saved", "saved.1")
	s.reaches("saved", "completed", "")
}
