package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// Schema is the name of the knowledge file's format.
const Schema = "nixbatch/cluster/v1"

type knowledgeFile struct {
	Schema string                  `json:"schema"`
	CPUs   map[string]cpuflags.CPU `json:"cpus"`
	Nodes  map[string]learnt       `json:"nodes"`
}

// File is a file of what is known.
type File struct {
	Path string
	// From, if not "", is told as the origin of all that is in it ("admin").
	// None of it is saved again by Save.
	From string
}

// unreadable says that the file cannot be read.
func (f File) unreadable(err error) error {
	way := "remove it: what it held is learnt again"
	if f.From != "" {
		way = "its keeper can write it again with nixbatch nodes --publish"
	}
	return fault.New(fmt.Sprintf("what is known of the nodes: %s: %v", f.Path, err), way).Because(err)
}

// Load reads what is known from files. Where two know a node, the newer
// observation counts, and of equally new ones the first. A file that does not
// exist is passed over; one that is not whole is an
// error.
func Load(files ...File) (*Knowledge, error) {
	k := &Knowledge{cpus: map[string]cpuflags.CPU{}, nodes: map[string]learnt{}}
	for _, file := range files {
		f, err := readKnowledge(file.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, file.unreadable(err)
		}
		for key, c := range f.CPUs {
			k.cpus[key] = c
		}
		for name, l := range f.Nodes {
			if _, ok := f.CPUs[l.CPU]; !ok {
				return nil, file.unreadable(fmt.Errorf("node %s has the CPU %q, of which it says nothing", name, l.CPU))
			}
			if have, ok := k.nodes[name]; !ok || l.Seen.After(have.Seen) {
				l.via = file.From
				k.nodes[name] = l
			}
		}
	}
	return k, nil
}

func readKnowledge(path string) (f knowledgeFile, err error) {
	data, err := durable.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, err
	}
	if f.Schema != Schema {
		return f, fmt.Errorf("its schema is %q, not %q", f.Schema, Schema)
	}
	return f, nil
}

// Save writes what this user's jobs and probes saw to path, atomically, if
// anything was learnt.
func (k *Knowledge) Save(path string) error {
	if !k.dirty {
		return nil
	}
	if err := k.write(path, 0o700, 0o600, func(l learnt) bool { return l.via == "" }); err != nil {
		return err
	}
	k.dirty = false
	return nil
}

// Publish writes all that was seen to path, atomically, for everybody to read.
// It returns the number of nodes.
func (k *Knowledge) Publish(path string) (int, error) {
	return len(k.nodes), k.write(path, 0o755, 0o644, func(learnt) bool { return true })
}

func (k *Knowledge) write(path string, dirMode, mode fs.FileMode, keep func(learnt) bool) error {
	f := knowledgeFile{Schema, map[string]cpuflags.CPU{}, map[string]learnt{}}
	for name, l := range k.nodes {
		if keep(l) {
			f.Nodes[name], f.CPUs[l.CPU] = l, k.cpus[l.CPU]
		}
	}
	data, err := json.Marshal(f)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), dirMode)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(data, '\n'), mode, renameio.IgnoreUmask())
	}
	if err != nil {
		return fmt.Errorf("what is known of the nodes: %w", err)
	}
	return nil
}
