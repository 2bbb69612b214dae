package plan

import (
	"slices"
)

// Kept is what a run keeps of its files.
type Kept struct {
	Below int64 `json:"below"` // bytes: what is larger is kept only where the file system clones it
	Files int   `json:"files"` // that the inputs are now
	Bytes int64 `json:"bytes"` // of these, the ones that are kept for sure
	// Large are the others, at most mostLarge of them.
	Large []string `json:"large,omitempty"`
	More  int      `json:"more_large,omitempty"`
}

const mostLarge = 20

// Own reports whether each task has a directory of its own.
func (p *Plan) Own() bool { return p.Workdir == "own" }

// Reads are the names of inputs that a task reads.
func (p *Plan) Reads() []string {
	if p.Scratch == nil {
		return p.Inputs
	}
	return slices.Concat(p.Inputs, p.Scratch.StageIn)
}

// Gives are the patterns of what comes back from a task's own directory.
func (p *Plan) Gives() []string {
	if p.Scratch == nil {
		return p.Outputs
	}
	return slices.Concat(p.Outputs, p.Scratch.StageOut)
}

// keep says what of the inputs is kept.
func (p *Plan) keep(in Input) {
	if !p.Own() {
		return
	}
	k := &Kept{Below: in.Site.Below(), Files: len(in.Files)}
	for _, f := range in.Files {
		switch {
		case f.Size <= k.Below:
			k.Bytes += f.Size
		case len(k.Large) < mostLarge:
			k.Large = append(k.Large, f.Path)
		default:
			k.More++
		}
	}
	p.Kept = k
}
