package ui

import (
	"io"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/screen"
)

// Nodes is what nodes --json prints.
type Nodes struct {
	Schema  string      `json:"schema"`
	Classes []classJSON `json:"classes"`
	// Level and Arch are what every node can run; "" while some are unknown.
	Level string `json:"shared_level"`
	Arch  string `json:"shared_arch"`
	// Probes is what became of each class that --probe asked.
	Probes    []Probe `json:"probes,omitempty"`
	Published string  `json:"published,omitempty"` // the file that --publish wrote
}

// Probe is what became of a class that was asked.
type Probe struct {
	Nodes    string `json:"nodes"` // the class, a host list
	Node     string `json:"node"`  // the one that was asked
	JobID    int64  `json:"job_id,omitempty"`
	Answered bool   `json:"answered"`
	Error    string `json:"error,omitempty"`
}

// ProbeOf is that of a probe's result.
func ProbeOf(r probe.Result) Probe {
	out := Probe{Nodes: r.Class.Hosts(), Node: r.Node, JobID: r.JobID, Answered: r.Err == nil}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return out
}

type classJSON struct {
	Nodes      string           `json:"nodes"`
	Count      int              `json:"count"`
	Partitions []string         `json:"partitions"`
	Sockets    int              `json:"sockets"`
	Cores      int              `json:"cores_per_socket"`
	Threads    int              `json:"threads_per_core"`
	MemoryMiB  int64            `json:"memory_mib"`
	Features   []string         `json:"features"`
	Active     []string         `json:"active_features"`
	From       string           `json:"cpu_from,omitempty"`
	Seen       *time.Time       `json:"cpu_seen,omitempty"`
	CPU        *cpuflags.Report `json:"cpu,omitempty"`
}

// Describe takes over the classes.
func (out *Nodes) Describe(classes []cluster.Class) {
	out.Classes = []classJSON{}
	for _, c := range classes {
		j := classJSON{Nodes: c.Hosts(), Count: len(c.Nodes), Partitions: c.Partitions, Sockets: c.Sockets, Cores: c.Cores,
			Threads: c.Threads, MemoryMiB: c.MemoryMiB, Features: c.Features, Active: c.Active}
		if c.Known != nil {
			r := cpuflags.NewReport(c.Known.CPU, cpuflags.Limits{})
			j.CPU, j.From = &r, c.Known.From
			if !c.Known.Seen.IsZero() {
				j.Seen = &c.Known.Seen
			}
		}
		out.Classes = append(out.Classes, j)
	}
	if best, ok := shared(classes); ok {
		out.Level, out.Arch = best.Level, best.Arch
	}
}

// shared is the best that every node can run; not ok while some are unknown.
func shared(classes []cluster.Class) (cpuflags.Choice, bool) {
	var cpus []cpuflags.CPU
	for _, c := range classes {
		if c.Known == nil {
			return cpuflags.Choice{}, false
		}
		cpus = append(cpus, c.Known.CPU)
	}
	return cpuflags.BestCommon(cpus, cpuflags.Limits{}), len(cpus) > 0
}

// PrintNodes prints a table of them.
func PrintNodes(w io.Writer, classes []cluster.Class) {
	t := Table(w)
	screen.Printf(t, "NODES\tCOUNT\tPARTITIONS\tS×C×T\tMEMORY\tFEATURES\tCPU\tFROM\tAGE\tLEVEL\tARCH\n")
	unknown := 0
	for _, c := range classes {
		cpu, from, age, level, arch := "unknown", "-", "-", "-", "generic"
		if c.Known != nil {
			best := cpuflags.Best(c.Known.CPU, cpuflags.Limits{})
			cpu, from, level, arch = c.Known.CPU.Name, c.Known.From, best.Level, best.Arch
			if !c.Known.Seen.IsZero() {
				age = Age(time.Since(c.Known.Seen))
			}
		} else {
			unknown += len(c.Nodes)
		}
		screen.Printf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Hosts(), len(c.Nodes), strings.Join(c.Partitions, ","), c.Layout(),
			Bytes(c.MemoryMiB<<20), strings.Join(c.Features, ","), cpu, from, age, level, arch)
	}
	t.Flush()
	if best, ok := shared(classes); ok {
		screen.Printf(w, "\nevery node can run %s (level %s)\n", best.Arch, best.Level)
	}
	if unknown > 0 {
		screen.Printf(w, "\nnothing is known of the CPUs of %d nodes: nixbatch nodes --probe asks them\n", unknown)
	}
}
