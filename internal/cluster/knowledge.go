package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/record"
)

// Schema is the name of the knowledge file's format.
const Schema = "nixbatch/cluster/v1"

// Knowledge is what was learnt of the nodes of one cluster. The zero value and
// nil know nothing.
type Knowledge struct {
	cpus     map[string]cpuflags.CPU
	nodes    map[string]learnt
	features map[string]string // Slurm feature → arch, as the site maps them
	override func(node string) (cpuflags.CPU, error)
	dirty    bool
}

type learnt struct {
	CPU      string    `json:"cpu"` // key into cpus
	Features []string  `json:"features"`
	From     string    `json:"from"`
	Seen     time.Time `json:"seen"`
}

type knowledgeFile struct {
	Schema string                  `json:"schema"`
	CPUs   map[string]cpuflags.CPU `json:"cpus"`
	Nodes  map[string]learnt       `json:"nodes"`
}

// Load reads what is known from files in the order given, a later one winning
// where it is newer; a file that does not exist is passed over. from, if not
// "", replaces the origin of what the first file says (an admin's file).
func Load(files ...string) (*Knowledge, error) {
	k := &Knowledge{cpus: map[string]cpuflags.CPU{}, nodes: map[string]learnt{}}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("what is known of the nodes: %w", err)
		}
		var f knowledgeFile
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("what is known of the nodes: %s: %w", path, err)
		}
		if f.Schema != Schema {
			return nil, fmt.Errorf("what is known of the nodes: %s: schema %q, want %q", path, f.Schema, Schema)
		}
		for key, c := range f.CPUs {
			k.cpus[key] = c
		}
		for name, l := range f.Nodes {
			if have, ok := k.nodes[name]; !ok || l.Seen.After(have.Seen) {
				k.nodes[name] = l
			}
		}
	}
	return k, nil
}

// Override makes every question be answered by f, for looking at other
// machines (NIXBATCH_CPUINFO).
func (k *Knowledge) Override(f func(node string) (cpuflags.CPU, error)) { k.override = f }

// MapFeatures sets the site's map from Slurm features to arches: the weakest
// source, used where nothing was seen.
func (k *Knowledge) MapFeatures(m map[string]string) { k.features = m }

// Of is what is known of a node that Slurm describes with these features; nil
// if nothing is. What was learnt under other features is of another machine.
func (k *Knowledge) Of(name string, features []string) *Known {
	if k == nil {
		return nil
	}
	if k.override != nil {
		if c, err := k.override(name); err == nil {
			return &Known{CPU: c, From: "override", key: Key(c)}
		}
		return nil
	}
	if l, ok := k.nodes[name]; ok && slices.Equal(l.Features, features) {
		return &Known{CPU: k.cpus[l.CPU], From: l.From, Seen: l.Seen, key: l.CPU}
	}
	for _, f := range features {
		a, ok := cpuflags.LookupArch(k.features[f])
		if ok {
			c := cpuflags.CPU{Arch: "x86_64", Vendor: vendorID(a.Vendor), Name: "mapped from feature " + f, Flags: a.Requires}
			return &Known{CPU: c, From: "feature", key: Key(c)}
		}
	}
	return nil
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

// Learn takes one observation; an older one than is known changes nothing.
func (k *Knowledge) Learn(l record.Learnt) {
	have, ok := k.nodes[l.Node]
	if ok && !l.Seen.After(have.Seen) {
		return
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
		var l record.Learnt
		if record.Read(name, &l) == nil && l.Schema == record.LearntSchema {
			k.Learn(l)
		}
	}
}

// Save writes what is known to path, atomically, if anything was learnt.
func (k *Knowledge) Save(path string) error {
	if !k.dirty {
		return nil
	}
	used := map[string]cpuflags.CPU{}
	for _, l := range k.nodes {
		used[l.CPU] = k.cpus[l.CPU]
	}
	data, err := json.Marshal(knowledgeFile{Schema, used, k.nodes})
	if err != nil {
		return fmt.Errorf("what is known of the nodes: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("what is known of the nodes: %w", err)
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("what is known of the nodes: %w", err)
	}
	k.dirty = false
	return nil
}

// Key is the same for CPUs that no build tells apart and that people call by
// the same name.
func Key(c cpuflags.CPU) string {
	text := strings.Join([]string{c.Arch, c.Vendor, fmt.Sprint(c.Family, c.Model, c.Implementer, c.Part),
		c.Name, strings.Join(c.Flags.Sorted(), " ")}, "\n")
	return record.HashBytes([]byte(text))[:16]
}
