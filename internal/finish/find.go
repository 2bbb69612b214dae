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
	IsRun bool // of this project; else an export
	// Unsealed is why a run that is over could not be sealed, which keeps nobody
	// from reading it.
	Unsealed error
}

// Find finds the record that a run's name or a path means; "" is the newest run.
// A run that is over is sealed before it is read.
func Find(ctx context.Context, name string, here func() (rundir.Project, error), w status.Watcher, p ledger.About) (Found, error) {
	if name != "" && isExport(name) {
		return Found{Path: name}, load.NoRecord(name)
	}
	project, err := here()
	if err != nil {
		return Found{}, err
	}
	r, err := project.Get(name)
	if err != nil {
		if st, serr := durable.Stat(name); name != "" && serr == nil && st != nil && st.IsDir() {
			return Found{Path: name}, load.NoRecord(name) // what is left of one: record verify tells
		}
		return Found{}, err
	}
	out := Found{Path: r.Dir, IsRun: true}
	if !Sealed(r) {
		// Whether it is over is asked where Slurm is; a record can be read anywhere.
		states, serr := status.States(ctx, w, []rundir.Run{r}, p)
		if err := ctx.Err(); err != nil {
			return Found{}, err
		}
		if serr == nil {
			out.Unsealed = SealOver(context.WithoutCancel(ctx), w, states, p)
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
