package facts

import "time"

// Machine is what of a node's hardware bears on speed and on the last bits of a
// result, beside its CPU.
type Machine struct {
	Sockets  int      `json:"sockets,omitempty"`
	Cores    int      `json:"cores,omitempty"`   // a socket
	Threads  int      `json:"threads,omitempty"` // a core
	NUMA     int      `json:"numa_nodes,omitempty"`
	MemoryKB int64    `json:"memory_kib,omitempty"`
	Governor string   `json:"governor,omitempty"` // of CPU frequency: "performance", "powersave"
	GPUs     []string `json:"gpus,omitempty"`     // models
	Driver   string   `json:"gpu_driver,omitempty"`
}

// Environment is one build: what it was made from, and everything that it needs
// at run time. It is written once for all runs that share the build.
type Environment struct {
	Schema string      `json:"schema"`
	Key    string      `json:"key"` // of the expression: plan.Build.Key
	Drv    string      `json:"drv"`
	Out    string      `json:"output"`
	System string      `json:"system"`
	Nix    NixVersion  `json:"nix"`
	Paths  []StorePath `json:"closure"` // sorted by path
	Time   time.Time   `json:"time"`
	Tool   Tool        `json:"tool"`
	Priv   struct {
		Host string `json:"host,omitempty"`
	} `json:"private"`
}

// NixVersion is the Nix that evaluated and built.
type NixVersion struct {
	Implementation string `json:"implementation"` // "Nix", "Lix", "Determinate Nix"
	Version        string `json:"version"`
}

// StorePath is one path of a closure.
type StorePath struct {
	Path       string   `json:"path"`
	NarHash    string   `json:"nar_hash"` // SRI
	NarSize    int64    `json:"nar_size"` // bytes
	References []string `json:"references"`
	Deriver    string   `json:"deriver"` // "" when not known
}
