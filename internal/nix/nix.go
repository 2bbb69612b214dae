// Package nix makes the environments of jobs: it fetches their pinned trees, writes
// the pure expression of an environment, has Nix evaluate
// and build it, keeps the result from garbage collection, and reads what Nix
// left in its store.
//
// It promises that the text of an expression decides the derivation (every
// input is named by hash, nothing of the user's Nix configuration is read),
// that what was evaluated once is remembered by that text, that a build which
// is Ready is found without starting a process, and that whatever goes wrong
// comes back as an *Error with the line that decides.
//
// It never builds for a CPU by itself (the arch is given), never overrides the
// user's substituters, never writes outside Nix.Dir, Nix.LogDir and the Nix
// store, and never parses the JSON of the experimental nix commands: their shape
// changes between versions, .drv files do not.
package nix

import (
	"sync"

	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixlog"
	"github.com/nixbatch/nixbatch/internal/proc"
)

// Nix is one user's way to Nix: which programs, in which environment, with
// which directory for what is remembered.
type Nix struct {
	Runner  proc.Runner // nil: proc.System{}
	Dir     string      // the .nixbatch directory; eval/ and roots/ are below it
	LogDir  string      // where the log of a failure goes; "": Dir/logs
	Environ []string    // KEY=VALUE; nil: this process's own. Cleaned before use
	// Programs names the programs, where not the usual ones.
	Programs Programs
	// Progress is told what Nix does while it evaluates and builds; nil: nobody.
	// It is called from one goroutine at a time.
	Progress func(nixlog.Event)

	mu      sync.Mutex
	version *Version
	graphs  nixgraph.Reader
}

// Programs names the programs Nix is used through.
type Programs struct {
	Instantiate string // "": nix-instantiate
	Store       string // "": nix-store
	Git         string // "": git
	// Wrapper is put before the first two: nix-user-chroot and its arguments,
	// say.
	Wrapper []string
}

// Derivation is an evaluated environment.
type Derivation struct {
	Drv string `json:"drv"` // store path of the .drv
	Out string `json:"out"` // store path its build will have
}

// PinInfo is what a pinned nixpkgs says about itself.
type PinInfo struct {
	System     string `json:"system"`
	MinNix     string `json:"min_nix"`     // lib/minver.nix; "" when the pin has none
	NixVersion string `json:"nix_version"` // of the Nix that evaluated
	GCC        string `json:"gcc"`         // stdenv.cc.version; "" when it has none or is no GCC
	// Arches are the names of lib.systems.architectures.features, sorted; nil
	// when the pin has no such table.
	Arches []string `json:"arches"`
}
