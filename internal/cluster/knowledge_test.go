package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/slurm"
)

func cpu(t testing.TB, name string) cpuflags.CPU {
	t.Helper()
	f, err := os.Open(filepath.Join("../../cpuflags/testdata/cpuinfo", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := cpuflags.ParseCPUInfo(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// day is a time that many days after some day.
func day(n int) time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

func saw(t testing.TB, node, name string, when time.Time, features ...string) facts.Learnt {
	return facts.Learnt{Schema: facts.LearntSchema, Node: node, CPU: cpu(t, name), Seen: when, From: "job", Features: features}
}

// told is the classes in short: nodes, arch and origin of each.
func told(classes []cluster.Class) string {
	var out []string
	for _, c := range classes {
		s := c.Hosts() + " unknown"
		if c.Known != nil {
			s = c.Hosts() + " " + cpuflags.Best(c.Known.CPU, cpuflags.Limits{}).Arch + " " + c.Known.From
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestClasses(t *testing.T) {
	hsw, zen := []string{"haswell", "avx2"}, []string{"zen4", "avx512"}
	features := map[string]string{"haswell": "haswell", "avx512": "x86-64-v4", "zen4": "znver4", "arm": "neoverse-n1"}
	for _, c := range []struct {
		name    string
		learn   []facts.Learnt
		mapped  map[string]string
		want    string
		changed map[string][]string // features of nodes that differ from the inventory
	}{
		{name: "nothing known", want: "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] unknown"},
		{name: "one node speaks for its class", learn: []facts.Learnt{saw(t, "hsw2", "haswell", day(0), hsw...)},
			want: "hsw[1-2] haswell job; skx[1-2] unknown; zen[1-2] unknown"},
		{name: "a node that differs is a class of its own, and the newest speaks for those not seen",
			learn: []facts.Learnt{saw(t, "zen1", "zen4", day(1), zen...), saw(t, "zen2", "zen3", day(0), zen...)},
			want:  "hsw[1-2] unknown; skx[1-2] unknown; zen1 znver4 job; zen2 znver3 job"},
		{name: "corrected by what was seen later",
			learn: []facts.Learnt{saw(t, "zen1", "zen3", day(0), zen...), saw(t, "zen1", "zen4", day(1), zen...)},
			want:  "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] znver4 job"},
		{name: "an older observation changes nothing",
			learn: []facts.Learnt{saw(t, "zen1", "zen4", day(1), zen...), saw(t, "zen1", "zen3", day(0), zen...)},
			want:  "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] znver4 job"},
		{name: "one without features is made under those known",
			learn: []facts.Learnt{saw(t, "zen1", "zen3", day(0), zen...), saw(t, "zen1", "zen4", day(1))},
			want:  "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] znver4 job"},
		{name: "dropped when the features change", learn: []facts.Learnt{saw(t, "zen1", "zen4", day(0), "zen3", "avx2")},
			want: "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] unknown"},
		{name: "mapped features, the most demanding one", mapped: features,
			want: "hsw[1-2] haswell feature; skx[1-2] x86-64-v4 feature; zen[1-2] znver4 feature"},
		{name: "what was seen outranks the map, for the nodes not seen too", mapped: features,
			learn: []facts.Learnt{saw(t, "zen1", "zen5", day(0), zen...)},
			want:  "hsw[1-2] haswell feature; skx[1-2] x86-64-v4 feature; zen[1-2] znver5 job"},
		{name: "a feature can stand for another architecture", mapped: features, changed: map[string][]string{"zen2": {"arm"}},
			want: "hsw[1-2] haswell feature; skx[1-2] x86-64-v4 feature; zen1 znver4 feature; zen2 armv8-a feature"},
	} {
		k := &cluster.Knowledge{}
		for _, l := range c.learn {
			k.Learn(l)
		}
		k.MapFeatures(c.mapped)
		nodes := inventory()
		for i := range nodes {
			if f, ok := c.changed[nodes[i].Name]; ok {
				nodes[i].Features, nodes[i].Active = f, f
			}
		}
		if got := told(cluster.Classes(nodes, k)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	if got := told(cluster.Classes(inventory(), nil)); !strings.HasPrefix(got, "hsw[1-2] unknown") {
		t.Errorf("nil knows %s", got)
	}
}

// Nodes that Slurm describes alike are one class; whatever differs, splits.
func TestClassesSplit(t *testing.T) {
	for what, change := range map[string]func(*slurm.Node){
		"memory": func(n *slurm.Node) { n.MemoryMiB++ }, "cores": func(n *slurm.Node) { n.Cores++ },
		"active features": func(n *slurm.Node) { n.Active = nil }, "threads": func(n *slurm.Node) { n.Threads++ },
	} {
		nodes := inventory()[:2]
		if n := len(cluster.Classes(nodes, nil)); n != 1 {
			t.Fatalf("%d classes, want 1", n)
		}
		change(&nodes[1])
		if n := len(cluster.Classes(nodes, nil)); n != 2 {
			t.Errorf("%s differ: %d classes, want 2", what, n)
		}
	}
}

func TestFiles(t *testing.T) {
	zen := []string{"zen4", "avx512"}
	dir := t.TempDir()
	admin, mine := filepath.Join(dir, "site", "nodes", "c.json"), filepath.Join(dir, "state", "c.json")
	var k cluster.Knowledge
	k.Learn(saw(t, "zen1", "zen3", day(1), zen...))
	k.Learn(saw(t, "hsw1", "haswell", day(1), "haswell", "avx2"))
	if n, err := k.Publish(admin); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if st, err := os.Stat(admin); err != nil || st.Mode().Perm() != 0o644 {
		t.Fatal(st.Mode(), err)
	}
	files := []cluster.File{{Path: admin, From: "admin"}, {Path: mine}}
	load := func() *cluster.Knowledge {
		t.Helper()
		k, err := cluster.Load(files...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	u := load()
	if err := u.Save(mine); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err == nil {
		t.Fatal("Save wrote although nothing was learnt")
	}
	// What this user's job saw later outranks what the admin published.
	u.Learn(saw(t, "zen1", "zen4", day(2), zen...))
	if err := u.Save(mine); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(mine); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	want := "hsw[1-2] haswell admin; skx[1-2] unknown; zen[1-2] znver4 job"
	if got := told(cluster.Classes(inventory(), load())); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	// What the admin published is not copied into the user's own file.
	if alone, err := cluster.Load(cluster.File{Path: mine}); err != nil {
		t.Fatal(err)
	} else if got := told(cluster.Classes(inventory(), alone)); got != "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] znver4 job" {
		t.Errorf("the user's file alone says %s", got)
	}
	// Until the admin publishes something newer.
	k.Learn(saw(t, "zen1", "zen5", day(3), zen...))
	if _, err := k.Publish(admin); err != nil {
		t.Fatal(err)
	}
	if got := told(cluster.Classes(inventory(), load())); got != "hsw[1-2] haswell admin; skx[1-2] unknown; zen[1-2] znver5 admin" {
		t.Errorf("after publishing again: %s", got)
	}
}

func TestFilesThatAreWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	for name, text := range map[string]string{
		"cut off":       `{"schema": "nixbatch/cluster/v1", "cpus": {`,
		"empty":         ``,
		"other schema":  `{"schema": "nixbatch/cluster/v9"}`,
		"CPU not there": `{"schema": "nixbatch/cluster/v1", "cpus": {}, "nodes": {"n1": {"cpu": "x", "from": "job"}}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for from, way := range map[string]string{"": "remove it", "admin": "its keeper"} {
			_, err := cluster.Load(cluster.File{Path: path, From: from})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.HasPrefix(fault.Hint(err), way) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestHarvest(t *testing.T) {
	dir := t.TempDir()
	if err := durable.Replace(filepath.Join(dir, "zen1.json"), saw(t, "zen1", "zen4", day(0), "zen4", "avx512")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hsw1.json"), []byte(`{"schema": "nixb`), 0o600); err != nil {
		t.Fatal(err)
	}
	var k cluster.Knowledge
	k.Harvest(dir)
	k.Harvest(filepath.Join(dir, "nowhere"))
	if got := told(cluster.Classes(inventory(), &k)); got != "hsw[1-2] unknown; skx[1-2] unknown; zen[1-2] znver4 job" {
		t.Error(got)
	}
}
