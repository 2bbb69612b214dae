package site_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/jobspec"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// load writes the files of a system's and a user's directory ("" is no file)
// and reads them. DIR in an error is where they are.
func load(t *testing.T, system, user string) (*site.Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"etc/site.yaml": system, "config/nixbatch/site.yaml": user} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{site.EnvDir: filepath.Join(dir, "etc"), "XDG_CONFIG_HOME": filepath.Join(dir, "config")}
	c, err := site.Load(func(name string) string { return env[name] })
	if err != nil {
		var ps jobspec.Problems
		if !errors.As(err, &ps) {
			t.Errorf("%T: %v", err, err)
		}
		err = errors.New(strings.ReplaceAll(err.Error(), dir, "DIR"))
	}
	return c, err
}

func options(text string) (o sbatch.Options) {
	for _, w := range strings.Fields(text) {
		name, value, _ := strings.Cut(w, "=")
		o = append(o, sbatch.Option{Name: name, Value: value})
	}
	return o
}

func text(o sbatch.Options) string {
	var words []string
	for _, x := range o {
		if x.Value == "" {
			words = append(words, x.Name)
		} else {
			words = append(words, x.Name+"="+x.Value)
		}
	}
	return strings.Join(words, " ")
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, system, user, job string
		want                    string // options, or "error: …"
		notes                   string // what the notes hold, separated by "; "
	}{
		{name: "no file", job: "nodes=1", want: "nodes=1"},
		{name: "empty files", system: "# nothing yet\n", user: "\n", job: "nodes=1", want: "nodes=1"},
		{name: "a default", system: "slurm:\n  partition: main\n", job: "nodes=1", want: "nodes=1 partition=main", notes: "partition main from "},
		{name: "the job's own", system: "slurm: {partition: main}", job: "partition=gpu", want: "partition=gpu"},
		{name: "the user's outranks the system's", system: "slurm: {partition: main, account: a}", user: "slurm: {account: b}",
			job: "", want: "partition=main account=b", notes: "account b from "},
		{name: "a flag", system: "slurm: {exclusive: true}", job: "nodes=1", want: "nodes=1 exclusive", notes: "exclusive from "},
		{name: "memory is one thing", system: "slurm: {mem: 4G}", job: "mem-per-cpu=1G", want: "mem-per-cpu=1G"},
		{name: "and a user's default replaces another form", system: "slurm: {mem: 4G}", user: "slurm: {mem-per-cpu: 2G}", want: "mem-per-cpu=2G", notes: "mem-per-cpu 2G"},
		{name: "fixed", system: "fixed: {qos: normal}", job: "nodes=1", want: "nodes=1 qos=normal", notes: "qos normal, fixed by "},
		{name: "fixed, and the job says the same", system: "fixed: {qos: normal}", job: "qos=normal", want: "qos=normal"},
		{name: "fixed, and the job says else", system: "slurm: {nodes: 1}\nfixed:\n  qos: normal\n", job: "qos=high",
			want: "error: slurm.qos: the site has fixed qos normal (DIR/etc/site.yaml:3)"},
		{name: "fixed memory, and another form", system: "fixed: {mem: 4G}", job: "mem-per-cpu=4G", want: "error: slurm.mem-per-cpu: the site has fixed mem 4G"},

		{name: "memory as it is", system: "memory: node", job: "mem=4G", want: "mem=4G"},
		{name: "per CPU to per node", system: "memory: node", job: "nodes=2 ntasks-per-node=4 cpus-per-task=2 mem-per-cpu=1500M time=10",
			want: "nodes=2 ntasks-per-node=4 cpus-per-task=2 mem=12000M time=10", notes: "mem 12000M in place of mem-per-cpu 1500M, for 8 CPUs a node"},
		{name: "per node to per CPU, rounded up", system: "memory: cpu", job: "ntasks=1 cpus-per-task=3 mem=10G", want: "ntasks=1 cpus-per-task=3 mem-per-cpu=3414M", notes: "for 3 CPUs a node"},
		{name: "one task where nothing is said", system: "memory: cpu", job: "mem=1G", want: "mem-per-cpu=1G", notes: "for 1 CPUs a node"},
		{name: "tasks shared out evenly", system: "memory: cpu", job: "nodes=2 ntasks=8 mem=4G", want: "nodes=2 ntasks=8 mem-per-cpu=1G", notes: "for 4 CPUs"},
		{name: "left to Slurm", system: "memory: cpu", job: "ntasks=8 mem=4G", want: "error: slurm.mem: the site takes mem-per-cpu (DIR/etc/site.yaml:1)"},
		{name: "uneven", system: "memory: cpu", job: "nodes=3 ntasks=8 mem=4G", want: "error: slurm.mem:"},
		{name: "a range of nodes", system: "memory: node", job: "nodes=2-4 ntasks=8 mem-per-cpu=4G", want: "error: slurm.mem-per-cpu:"},
		{name: "all of a node's", system: "memory: cpu", job: "mem=0", want: "error: slurm.mem:"},
		{name: "none", system: "memory: none", job: "mem=4G nodes=1", want: "nodes=1", notes: "mem 4G left out"},
		{name: "none, for GPUs too", system: "memory: none", job: "mem-per-gpu=4G nodes=1", want: "nodes=1", notes: "mem-per-gpu 4G left out"},
		{name: "a default in the wrong form is turned too", system: "slurm: {mem: 4G, cpus-per-task: 2}\nmemory: cpu", want: "mem-per-cpu=2G cpus-per-task=2",
			notes: "mem 4G from ; cpus-per-task 2 from ; mem-per-cpu 2G in place of mem 4G"},
		{name: "the user knows better", system: "memory: none", user: "memory: node", job: "mem=4G", want: "mem=4G"},

		{name: "cpus-per-task allowed", system: "cpus-per-task: allowed", job: "cpus-per-task=4", want: "cpus-per-task=4"},
		{name: "cpus-per-task forbidden, one", system: "cpus-per-task: forbidden", job: "cpus-per-task=1 nodes=1", want: "nodes=1", notes: "cpus-per-task 1 left out"},
		{name: "cpus-per-task forbidden", system: "cpus-per-task: forbidden", job: "cpus-per-task=4", want: "error: slurm.cpus-per-task: the site refuses the option (DIR/etc/site.yaml:1)"},
	} {
		conf, err := load(t, c.system, c.user)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		job := options(c.job)
		o, notes, err := conf.Apply(job)
		if err != nil {
			var re *fault.Error
			if !errors.As(err, &re) || re.Hint() == "" {
				t.Errorf("%s: %T without a hint", c.name, err)
			}
			got := err.Error()
			if i := strings.Index(got, "/"); i >= 0 {
				got = got[:i] + "DIR" + got[strings.Index(got, "/etc/site"):]
			}
			if !strings.HasPrefix("error: "+got, c.want) {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
			continue
		}
		if text(o) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, text(o), c.want)
		}
		if text(job) != c.job {
			t.Errorf("%s: the job's own options became %s", c.name, text(job))
		}
		all := strings.Join(notes, "\n")
		if c.notes == "" && all != "" && text(o) == c.job {
			t.Errorf("%s: nothing changed, but %q", c.name, all)
		}
		for _, n := range strings.Split(c.notes, "; ") {
			if !strings.Contains(all, n) {
				t.Errorf("%s: no note %q in %q", c.name, n, all)
			}
		}
		if text(o) != c.job && !strings.Contains(all, "site.yaml:") {
			t.Errorf("%s: the notes %q name no file", c.name, all)
		}
	}
	var none *site.Config
	if o, notes, err := none.Apply(options("nodes=1")); text(o) != "nodes=1" || notes != nil || err != nil {
		t.Error(o, notes, err)
	}
	if len(none.FeatureMap()) != 0 {
		t.Error(none.FeatureMap())
	}
}

func TestFeatures(t *testing.T) {
	c, err := load(t, "features:\n  CPU_GEN:RME: znver2\n  epyc_7352: znver2\n  avx2: x86-64-v3\n", "features: {avx2: haswell}\nprobe: {timeout: 90s}\n")
	if err != nil {
		t.Fatal(err)
	}
	m := c.FeatureMap()
	if len(m) != 3 || m["CPU_GEN:RME"] != "znver2" || m["avx2"] != "haswell" || c.Probe.Timeout != 90*time.Second || len(c.Files) != 2 {
		t.Errorf("%v %+v", m, c)
	}
}

// Every problem at once, with its place, in the words of a job file's problems.
func TestProblems(t *testing.T) {
	_, err := load(t, `feature: {zen: znver2}
features:
  zen: znver22
  old: generic
  here: native
slurm:
  partitoin: main
  time: 1:2:3:4
  job-name: x
fixed: main
memory: gib
cpus-per-task: no
probe:
  timeout: 5
  retry: 3
`, "")
	want := []string{
		"DIR/etc/site.yaml:1:1: unknown key \"feature\"", "did you mean features?",
		"DIR/etc/site.yaml:3:8: features.zen: \"znver22\" is not an arch that is known here", "did you mean znver2?",
		"DIR/etc/site.yaml:4:8: features.old: \"generic\" is no arch of a CPU",
		"DIR/etc/site.yaml:5:9: features.here: \"native\" would be the CPU of whoever builds",
		"DIR/etc/site.yaml:7:3: unknown option \"partitoin\" in slurm", "did you mean partition?",
		"DIR/etc/site.yaml:8:9: slurm.time:", "DIR/etc/site.yaml:9:3: slurm.job-name cannot be set here",
		"DIR/etc/site.yaml:10:8: fixed: expected a map", "DIR/etc/site.yaml:11:9: memory: expected one of node, cpu, none",
		"DIR/etc/site.yaml:12:16: cpus-per-task: expected one of allowed, forbidden",
		"DIR/etc/site.yaml:14:12: probe.timeout: \"5\" is not a time", "DIR/etc/site.yaml:15:3: unknown key \"retry\" in probe",
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in\n%v", w, err)
		}
	}
	for name, c := range map[string]struct{ system, user, want string }{
		"fixed by a user":        {"", "fixed: {qos: high}", "DIR/config/nixbatch/site.yaml:1:8: fixed: only the admin's file may fix values"},
		"against what is fixed":  {"fixed: {qos: normal}", "slurm:\n  account: a\n  qos: high\n", "DIR/config/nixbatch/site.yaml:3:3: slurm.qos: it is fixed to normal by DIR/etc/site.yaml:1"},
		"no YAML":                {"slurm: [", "", "DIR/etc/site.yaml:1:1: this is not YAML"},
		"two documents":          {"slurm: {}\n---\nslurm: {}\n", "", "a site file has one"},
		"an anchor":              {"slurm: &a {}\n", "", "site files have no anchors"},
		"a list":                 {"- slurm\n", "", "the site file: expected a map of names and values"},
		"a key that is the same": {"memory: cpu\nmemory: node\n", "", "duplicate key"},
	} {
		if _, err := load(t, c.system, c.user); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	get := func(env ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(env); i += 2 {
				if env[i] == name {
					return env[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct{ got, want string }{
		{site.Dir(get()), "/etc/nixbatch"}, {site.Dir(get(site.EnvDir, "/x")), "/x"},
		{site.UserFile(get()), ""}, {site.UserFile(get("HOME", "/h")), "/h/.config/nixbatch/site.yaml"},
		{site.UserFile(get("HOME", "/h", "XDG_CONFIG_HOME", "/c")), "/c/nixbatch/site.yaml"},
		// A relative path is to be ignored (XDG Base Directory Specification).
		{site.UserFile(get("HOME", "/h", "XDG_CONFIG_HOME", "c")), "/h/.config/nixbatch/site.yaml"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "site.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Load(get(site.EnvDir, dir)); err == nil {
		t.Error("a directory in the file's place is no error")
	}
}
