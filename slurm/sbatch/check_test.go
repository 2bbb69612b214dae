package sbatch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed/oracle"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// values are option values and whether Check lets them through. Every one
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

func TestCheck(t *testing.T) {
	for _, v := range values {
		for _, good := range slices.Concat(v.good, v.newer) {
			if err := sbatch.Check(v.option, good); err != nil {
				t.Errorf("%s=%q: %v", v.option, good, err)
			}
		}
		for _, bad := range slices.Concat(v.bad, v.ours, []string{"a\nb", "a\x00", "a\rb", "\x1b[1m", "\xff"}) {
			if sbatch.Check(v.option, bad) == nil {
				t.Errorf("%s=%q was let through", v.option, bad)
			}
		}
		if _, o := sbatch.Lookup(v.option); !o {
			t.Errorf("%s is not in the table", v.option)
		}
	}
}

// What Check lets through, sbatch lets through; what is called bad, sbatch
// refuses. `ours` documents where sbatch takes what has no meaning.
func TestCheckAgainstSbatch(t *testing.T) {
	o := oracle.New(t)
	for _, v := range values {
		ask := func(value string) oracle.Understood {
			l := "#SBATCH --" + v.option
			if value != "" {
				l += `="` + value + `"`
			}
			return o.Read(t, l)
		}
		for _, good := range v.good {
			if u := ask(good); u.Complaint != "" {
				t.Errorf("%s=%q: sbatch says %s", v.option, good, u.Complaint)
			}
		}
		for _, bad := range v.bad {
			if u := ask(bad); u.Complaint == "" {
				t.Errorf("%s=%q: sbatch took it as %v", v.option, bad, u.Options)
			}
		}
	}
}

// slurmctld cuts no comment: it refuses one that is too long.
func TestComment(t *testing.T) {
	for value, ok := range map[string]bool{"project x, third try": true, strings.Repeat("a", 1024): true, strings.Repeat("a", 1025): false} {
		if err := sbatch.Check("comment", value); (err == nil) != ok {
			t.Errorf("comment %.40q: %v", value, err)
		}
	}
}

func TestTable(t *testing.T) {
	if err := sbatch.Check("nodez", "1"); !errors.Is(err, sbatch.ErrUnknownOption) {
		t.Errorf("nodez: %v", err)
	}
	var names []string
	for _, o := range sbatch.Table() {
		names = append(names, o.Name)
		if got, ok := sbatch.Lookup(o.Name); !ok || got.Meaning != o.Meaning {
			t.Errorf("looked up %s, found %+v", o.Name, got)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(sbatch.Table()) {
		t.Errorf("not sorted, or a name is there twice: %v", names)
	}
}

// The table against sbatch: every option older than the installed release is
// one, with the same short letter, and every option that sbatch's manual page
// has is in the table.
func TestTableAgainstSbatch(t *testing.T) {
	o := oracle.New(t)
	help, err := o.Command(t, "sbatch", "--help")
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
		info, ok := sbatch.Lookup(name)
		if !ok || info.Short != short {
			t.Errorf("sbatch --help has --%s (%q), the table %+v", name, short, info)
		}
	}
	if seen < 80 {
		t.Errorf("only %d options in the help of sbatch:\n%s", seen, help)
	}
	for _, info := range sbatch.Table() {
		name := info.Name
		if slices.Contains([]string{"help", "usage", "version"}, name) {
			continue // they are answered before anything else is read
		}
		u := o.Read(t, "#SBATCH --"+name+"=", "#SBATCH --hold")
		unknown := strings.Contains(u.Complaint, "unrecognized option")
		// extra is an abbreviation of extra-node-info to an sbatch without it.
		if unknown && info.Since == "" {
			t.Errorf("sbatch does not know --%s: %s", name, u.Complaint)
		}
		if info.Meaning == "" || strings.HasSuffix(info.Meaning, ".") {
			t.Errorf("%s: meaning %q", name, info.Meaning)
		}
	}
}

func TestOptions(t *testing.T) {
	o := sbatch.Options{{"nodes", "1"}, {"time", "5"}}
	p := o.Set("nodes", "2").Set("mem", "1G")
	if v, ok := o.Get("nodes"); v != "1" || !ok {
		t.Errorf("Set changed its receiver: %v", o)
	}
	if want := (sbatch.Options{{"nodes", "2"}, {"time", "5"}, {"mem", "1G"}}); !slices.Equal(p, want) {
		t.Errorf("got %v, want %v", p, want)
	}
	if q := p.Without("time", "none"); !slices.Equal(q, sbatch.Options{{"nodes", "2"}, {"mem", "1G"}}) {
		t.Errorf("got %v", q)
	}
	if _, ok := p.Get("none"); ok {
		t.Error("none is there")
	}
	if i, ok := sbatch.LookupShort("N"); !ok || i.Name != "nodes" {
		t.Errorf("-N is %+v", i)
	}
	if i, ok := sbatch.LookupShort(""); ok {
		t.Errorf("the empty letter is %+v", i)
	}
}
