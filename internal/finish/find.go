package finish

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/status"
)

// Found is where a record lies.
type Found struct {
	Path  string
	Task  int  // the one that was named, or -1
	IsRun bool // of this project; else an export
	// Status is what became of a run that is not sealed; nil where that was not asked.
	Status *status.Status
	// Unsealed is why a run that is over could not be sealed, which keeps nobody
	// from reading it.
	Unsealed error
}

// Find finds the record that a run's name or a path means; "" is the newest run,
// and find tells a run by its name. A run that is over is sealed before it is read.
func Find(ctx context.Context, name string, find func(name string) (rundir.Run, int, error), w status.Watcher, p ledger.About) (Found, error) {
	if name != "" && isExport(name) {
		return Found{Path: name, Task: -1}, load.NoRecord(name)
	}
	r, task, err := find(name)
	if err != nil {
		if st, serr := durable.Stat(name); name != "" && serr == nil && st != nil && st.IsDir() {
			return Found{Path: name, Task: -1}, load.NoRecord(name) // what is left of one: record verify tells
		}
		return Found{}, err
	}
	out := Found{Path: r.Dir, Task: task, IsRun: true}
	if !Sealed(r) {
		// Whether it is over is asked where Slurm is; a record can be read anywhere.
		states, serr := status.States(ctx, w, []rundir.Run{r}, p)
		if err := ctx.Err(); err != nil {
			return Found{}, err
		}
		if serr == nil {
			out.Unsealed = SealOver(context.WithoutCancel(ctx), w, states, p)
			out.Status = &states[0]
		}
	}
	return out, nil
}

// isExport tells a path from the name of a run.
func isExport(name string) bool {
	st, err := durable.Stat(name)
	switch {
	case err != nil:
		return true // it is told when it is read
	case st == nil:
		return strings.Contains(name, "/") || strings.HasSuffix(name, ".zip")
	case st.IsDir():
		there, err := durable.There(filepath.Join(name, facts.PlanFile))
		return there || err != nil || strings.Contains(name, "/")
	}
	return true
}

// How a run is sealed.
type How struct {
	Anew   bool   // also one whose seal is gone: see Anew
	Key    string // the file of an SSH key that signs the seal; "" for none
	Runner proc.Runner
}

// Now seals a run of which at least its files tell that it is over, and signs it.
func Now(ctx context.Context, r rundir.Run, w status.Watcher, p ledger.About, how How) (*seal.Seal, error) {
	if !Sealed(r) {
		states, serr := status.States(ctx, w, []rundir.Run{r}, p)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if serr != nil {
			return nil, &ledger.UncertainError{RunID: r.ID, Err: serr}
		}
		make := Seal
		if how.Anew {
			make = Anew
		}
		if _, err := make(ctx, states[0], w, p, true); err != nil {
			return nil, err
		}
	} else if how.Key == "" {
		return nil, fault.New("run "+r.ID+" is sealed already", "nixbatch record verify "+r.ID)
	}
	if how.Key != "" {
		if err := seal.Sign(ctx, how.Runner, r.Dir, how.Key); errors.Is(err, durable.ErrExists) {
			return nil, fault.New("run "+r.ID+" is signed already", "nixbatch record verify "+r.ID)
		} else if err != nil {
			return nil, err
		}
	}
	src, err := source.Open(r.Dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return seal.Read(src)
}
