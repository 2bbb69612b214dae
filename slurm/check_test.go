package slurm_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/slurm"
)

// values are option values and whether CheckOption lets them through. Every one
// is shown to sbatch as well (TestCheckAgainstSbatch).
var values = []struct {
	option    string
	good, bad []string
	ours      []string // refused here, taken by sbatch, which makes something else of it
	newer     []string // good, but unknown to sbatch before the release in the table
}{
	{option: "time", good: []string{"1", "01", "90:90", "1:90:90", "1-2", "1-2:3", "1-2:3:4", "0", "UNLIMITED", "infinite", "24855-3"},
		bad:  []string{"1-2:3:4:5", "1:2:3:4", "1:", ":1", "1h", "1.5", "+1", "unl", "1-2-3", "1::1", "-:1", "1-1:", "one day"},
		ours: []string{"-1", "1-", "99999999999", "999999-0", "71582788"}},
	{option: "time-min", good: []string{"10"}, bad: []string{"x"}},
	{option: "mem", good: []string{"0", "1", "1000", "1K", "1k", "60G", "2T", "1GB", "1gb", "01"},
		bad: []string{"1P", "1GiB", "1.5G", "-1", "G", "1 G", "0x10", "1B"}, ours: []string{"9007199254740992", "9999999999999"}},
	{option: "mem-per-cpu", good: []string{"2G"}, bad: []string{"2 G"}},
	{option: "tmp", good: []string{"1G"}, bad: []string{"x"}},
	{option: "nodes", good: []string{"1", "1-2", "1k", "1-1m"}, bad: []string{"2-1", "1-", "x", "1-3x"}, ours: []string{"0", "-1"}, newer: []string{"1,2", "1-9:2"}},
	{option: "ntasks", good: []string{"1", "01", "999999999"}, bad: []string{"0", "1k", "1-2", "x", "-1"}, ours: []string{"+1", "9999999999"}},
	{option: "cpus-per-task", good: []string{"2"}, bad: []string{"0", "x"}},
	{option: "core-spec", good: []string{"0", "2"}, bad: []string{"x"}},
	{option: "thread-spec", good: []string{"1"}, bad: []string{"0"}},
	{option: "nice", good: []string{"5", "-5", "+5"}, bad: []string{"2147483646"}, ours: []string{"x"}},
	{option: "signal", good: []string{"USR1", "SIGUSR1", "usr1", "10", "B:USR1@120", "R:10", "RB:INT@65535"},
		bad: []string{"foo", "0", "10@65536", "SEGV"}, ours: []string{"99", "10@"}},
	{option: "mail-type", good: []string{"ALL", "all", "NONE", "BEGIN,END", "TIME_LIMIT_80", "ALL,ARRAY_TASKS"}, bad: []string{"foo"}, ours: []string{"ALL,NONE", "BEGIN, END"}},
	{option: "hint", good: []string{"compute_bound", "Nomultithread"}, bad: []string{"x"}},
	{option: "exclusive", good: []string{"", "user", "USER", "mcs"}, bad: []string{"x"}, newer: []string{"topo"}},
	{option: "propagate", good: []string{"", "ALL", "CORE", "CORE,STACK"}, ours: []string{"core", "X", "ALL,CORE"} /* sbatch says so later */},
	{option: "kill-on-invalid-dep", good: []string{"yes", "NO"}, bad: []string{"y", "1"}},
	{option: "profile", good: []string{"all", "task,Energy"}, bad: []string{"x"}, ours: []string{"none,task"}},
	{option: "wait-all-nodes", good: []string{"0", "1"}, bad: []string{"2"}},
	{option: "switches", good: []string{"1", "1@30", "2@1-0"}, bad: []string{"x", "-1"}, ours: []string{"1@x"}},
	{option: "no-kill", good: []string{"", "off"}, bad: []string{"x"}},
	{option: "gres-flags", good: []string{"enforce-binding"}, bad: []string{"x"}},
	{option: "dependency", good: []string{"1", "1:2", "afterok:1", "afterok:1:2,afterany:3", "afterok:1?afterany:2", "singleton", "after:1+5", "aftercorr:1_2", "afterok:1_*"},
		ours: []string{"afterok", "foo:1", "afterok:x", "afterok:1,afterany:2?afterok:3"}},
	{option: "begin", good: []string{"now", "NOW", "now+1hour", "now + 2 hours", "now+60", "now+1minutes", "16:00", "4:00:00", "4:00pm", "4:00 PM", "midnight", "noon", "teatime", "today", "tomorrow", "tomorrow 16:00", "noon tomorrow", "2027-01-01", "2027-01-01T10:00", "2027-01-01T10:00:00", "12/24", "12/24/27-10:00", "12.24.27", "1224"},
		bad: []string{"x", "4pm", "now+1h", "now+1min", "now+", "16", "2027-01", "elevenses"}},
	{option: "deadline", good: []string{"now+1hour"}, bad: []string{"x"}},
	{option: "delay-boot", good: []string{"5", "1:00"}, bad: []string{"x"}},
	{option: "gpus", good: []string{"1", "a100:2", "a100:2,v100:1"}, ours: []string{"x y", "a100:"}},
	{option: "extra-node-info", good: []string{"2", "2:8:1", "2-4:1", "*:1"}, bad: []string{"x"}, ours: []string{"2:8:1:1"}},
	{option: "constraint", good: []string{"a", "a&b", "[a|b]", "[a*1&b*2]", "(a|b)&c", "CPU_GEN:RME", "E5-2695v4", "a#b"}, ours: []string{"a b", "[a", "a)", "[(a])", "a;b"}},
	{option: "nodelist", good: []string{"n1", "n[1-2],m"}, bad: []string{"./file"}, ours: []string{"n[1", "n 1"}},
	{option: "exclude", good: []string{"n[01-03]"}, ours: []string{"n[a]"}},
	{option: "partition", good: []string{"main", "a,b"}, ours: []string{"a b", "a,,b", " a"}},
	{option: "account", good: []string{"chem"}, ours: []string{" chem"}},
	{option: "hold", good: []string{""}, bad: []string{"yes"}},
	{option: "requeue", good: []string{""}, bad: []string{"x"}, newer: []string{"expedite"}},
	{option: "contiguous", good: []string{""}, bad: []string{"1"}},
}

func TestCheckOption(t *testing.T) {
	for _, v := range values {
		for _, good := range slices.Concat(v.good, v.newer) {
			if err := slurm.CheckOption(v.option, good); err != nil {
				t.Errorf("%s=%q: %v", v.option, good, err)
			}
		}
		for _, bad := range slices.Concat(v.bad, v.ours, []string{"a\nb", "a\x00", "a\rb", "\x1b[1m", "\xff"}) {
			if slurm.CheckOption(v.option, bad) == nil {
				t.Errorf("%s=%q was let through", v.option, bad)
			}
		}
		if _, o := slurm.Lookup(v.option); !o {
			t.Errorf("%s is not in the table", v.option)
		}
	}
}

// What CheckOption lets through, sbatch lets through; what is called bad, sbatch
// refuses. `ours` documents where sbatch takes what has no meaning.
func TestCheckAgainstSbatch(t *testing.T) {
	o := newOracle(t)
	for _, v := range values {
		ask := func(value string) understood {
			l := "#SBATCH --" + v.option
			if value != "" {
				l += `="` + value + `"`
			}
			return o.read(t, l)
		}
		for _, good := range v.good {
			if u := ask(good); u.complaint != "" {
				t.Errorf("%s=%q: sbatch says %s", v.option, good, u.complaint)
			}
		}
		for _, bad := range v.bad {
			if u := ask(bad); u.complaint == "" {
				t.Errorf("%s=%q: sbatch took it as %v", v.option, bad, u.options)
			}
		}
	}
}

// slurmctld cuts no comment: it refuses one that is too long.
func TestComment(t *testing.T) {
	for value, ok := range map[string]bool{"project x, third try": true, strings.Repeat("a", 1024): true, strings.Repeat("a", 1025): false} {
		if err := slurm.CheckOption("comment", value); (err == nil) != ok {
			t.Errorf("comment %.40q: %v", value, err)
		}
	}
}

func TestTable(t *testing.T) {
	if err := slurm.CheckOption("nodez", "1"); !errors.Is(err, slurm.ErrUnknownOption) {
		t.Errorf("nodez: %v", err)
	}
	var names []string
	for _, o := range slurm.Table() {
		names = append(names, o.Name)
		if got, ok := slurm.Lookup(o.Name); !ok || got.Meaning != o.Meaning {
			t.Errorf("looked up %s, found %+v", o.Name, got)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(slurm.Table()) {
		t.Errorf("not sorted, or a name is there twice: %v", names)
	}
}

// The table against sbatch: every option older than the installed release is
// one, with the same short letter, and every option that sbatch's manual page
// has is in the table.
func TestTableAgainstSbatch(t *testing.T) {
	o := newOracle(t)
	help, err := o.command(t, "sbatch", "--help")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, line := range strings.Split(help, "\n") {
		short := ""
		f := strings.Fields(line)
		if len(f) > 1 && len(strings.TrimSuffix(f[0], ",")) == 2 && f[0][0] == '-' {
			short, f = f[0][1:2], f[1:]
		}
		if len(f) == 0 || !strings.HasPrefix(f[0], "--") || !strings.HasPrefix(line, "  ") {
			continue
		}
		name := strings.TrimPrefix(f[0], "--")
		if i := strings.IndexAny(name, "=[,"); i >= 0 {
			name = name[:i]
		}
		seen++
		info, ok := slurm.Lookup(name)
		if !ok || info.Short != short {
			t.Errorf("sbatch --help has --%s (%q), the table %+v", name, short, info)
		}
	}
	if seen < 80 {
		t.Errorf("only %d options in the help of sbatch:\n%s", seen, help)
	}
	for _, info := range slurm.Table() {
		name := info.Name
		if slices.Contains([]string{"help", "usage", "version"}, name) {
			continue // they are answered before anything else is read
		}
		u := o.read(t, "#SBATCH --"+name+"=", "#SBATCH --hold")
		unknown := strings.Contains(u.complaint, "unrecognized option")
		// extra is an abbreviation of extra-node-info to an sbatch without it.
		if unknown && info.Since == "" {
			t.Errorf("sbatch does not know --%s: %s", name, u.complaint)
		}
		if info.Meaning == "" || strings.HasSuffix(info.Meaning, ".") {
			t.Errorf("%s: meaning %q", name, info.Meaning)
		}
	}
}

func TestOptions(t *testing.T) {
	o := slurm.Options{{"nodes", "1"}, {"time", "5"}}
	p := o.Set("nodes", "2").Set("mem", "1G")
	if v, ok := o.Get("nodes"); v != "1" || !ok {
		t.Errorf("Set changed its receiver: %v", o)
	}
	if want := (slurm.Options{{"nodes", "2"}, {"time", "5"}, {"mem", "1G"}}); !slices.Equal(p, want) {
		t.Errorf("got %v, want %v", p, want)
	}
	if q := p.Without("time", "none"); !slices.Equal(q, slurm.Options{{"nodes", "2"}, {"mem", "1G"}}) {
		t.Errorf("got %v", q)
	}
	if _, ok := p.Get("none"); ok {
		t.Error("none is there")
	}
	if i, ok := slurm.LookupShort("N"); !ok || i.Name != "nodes" {
		t.Errorf("-N is %+v", i)
	}
	if i, ok := slurm.LookupShort(""); ok {
		t.Errorf("the empty letter is %+v", i)
	}
}

func TestCleanEnv(t *testing.T) {
	in := []string{"PATH=/bin", "HOME=/x", "SLURM_JOB_ID=1", "SLURM_CONF=/c", "SLURM_CLUSTERS=a", "SBATCH_PARTITION=p", "SRUN_CPUS_PER_TASK=2",
		"SQUEUE_FORMAT=%i", "SACCT_FORMAT=x", "SINFO_FORMAT=x", "SCANCEL_STATE=x", "PMI_RANK=0", "PMI2_X=1", "PMIX_RANK=0", "SLURMD_NODENAME=n",
		"SLURM_CPU_BIND=none", "SLURM_TIME_FORMAT=relative", "SLURMX=keep", "MYSLURM_X=keep", "EMPTY="}
	want := []string{"PATH=/bin", "HOME=/x", "SLURM_CONF=/c", "SLURM_CLUSTERS=a", "SLURMX=keep", "MYSLURM_X=keep", "EMPTY="}
	if got := slurm.CleanEnv(in); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if len(in) != 20 || in[2] != "SLURM_JOB_ID=1" || os.Getenv("PATH") == "" {
		t.Error("CleanEnv changed its argument")
	}
}
