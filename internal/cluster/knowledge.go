package cluster

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// Knowledge is what was learnt of the nodes of one cluster. The zero value and
// nil know nothing.
type Knowledge struct {
	cpus     map[string]cpuflags.CPU
	nodes    map[string]learnt
	features map[string]string // Slurm feature → arch, as the site maps them
	byArch   map[string]*Known // what a mapped arch stands for
	override func(node string) (cpuflags.CPU, error)
	dirty    bool
}

type learnt struct {
	CPU      string    `json:"cpu"` // key into cpus
	Features []string  `json:"features"`
	From     string    `json:"from"`
	Seen     time.Time `json:"seen"`

	via string // who told us, where it was not our own jobs
}

// Override makes every question be answered by f, for looking at other
// machines (NIXBATCH_CPUINFO).
func (k *Knowledge) Override(f func(node string) (cpuflags.CPU, error)) { k.override = f }

// MapFeatures sets the site's map from Slurm features to arches: the weakest
// source, used where nothing was seen. A name that is no arch maps nothing.
func (k *Knowledge) MapFeatures(m map[string]string) {
	k.features, k.byArch = m, map[string]*Known{}
	for _, name := range m {
		b, _ := cpuflags.ParseBuild(name)
		a, ok := b.Arch()
		if !ok || k.byArch[name] != nil {
			continue
		}
		c := cpuflags.CPU{Arch: a.Machine, Vendor: vendorID(a.Vendor), Name: name, Flags: b.Flags().Union(a.Requires.Intersect(cpuflags.Soft()))}
		k.byArch[name] = &Known{CPU: c, From: "feature", key: Key(c)}
	}
}

// seen is what was seen of a node that Slurm describes with these features; nil
// if nothing was. What was seen under other features is of another machine.
func (k *Knowledge) seen(name string, features []string) *Known {
	if k == nil {
		return nil
	}
	if k.override != nil {
		if c, err := k.override(name); err == nil {
			return &Known{CPU: c, From: "override", key: Key(c)}
		}
		return nil
	}
	l, ok := k.nodes[name]
	if !ok || !slices.Equal(l.Features, features) {
		return nil
	}
	from := l.From
	if l.via != "" {
		from = l.via
	}
	return &Known{CPU: k.cpus[l.CPU], From: from, Seen: l.Seen, key: l.CPU}
}

// mapped is what the site's map says of features: the most demanding arch of
// those that they stand for.
func (k *Knowledge) mapped(features []string) *Known {
	if k == nil || k.override != nil || len(k.features) == 0 {
		return nil
	}
	var names []string
	for _, f := range features {
		if a := k.features[f]; k.byArch[a] != nil {
			names = append(names, a)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return k.byArch[cpuflags.Rank(names)[0]]
}

func vendorID(v string) string {
	switch v {
	case "intel":
		return "GenuineIntel"
	case "amd":
		return "AuthenticAMD"
	}
	return v
}

// Learn takes one observation; an older one than is known changes nothing. One
// that does not tell the node's features is taken to be made under those that
// are known.
func (k *Knowledge) Learn(l facts.Learnt) {
	have, ok := k.nodes[l.Node]
	if ok && !l.Seen.After(have.Seen) {
		return
	}
	if len(l.Features) == 0 {
		l.Features = have.Features
	}
	if k.nodes == nil {
		k.cpus, k.nodes = map[string]cpuflags.CPU{}, map[string]learnt{}
	}
	key := Key(l.CPU)
	k.cpus[key] = l.CPU
	k.nodes[l.Node] = learnt{CPU: key, Features: l.Features, From: l.From, Seen: l.Seen}
	k.dirty = true
}

// Harvest learns from every file that jobs left in dir (.nixbatch/learnt). A
// file that is not whole is passed over: its job writes another one.
func (k *Knowledge) Harvest(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, name := range names {
		var l facts.Learnt
		if durable.Read(name, &l) == nil && l.Schema == facts.LearntSchema {
			k.Learn(l)
		}
	}
}

// Key is the same for CPUs that no build tells apart and that people call by
// the same name.
func Key(c cpuflags.CPU) string {
	text := strings.Join([]string{c.Arch, c.Vendor, fmt.Sprint(c.Family, c.Model, c.Implementer, c.Part),
		c.Name, strings.Join(c.Flags.Sorted(), " ")}, "\n")
	return digest.Bytes([]byte(text))[:16]
}
