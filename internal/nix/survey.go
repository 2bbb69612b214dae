package nix

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/nixbatch/nixbatch/internal/nixsource"
)

// Info asks the pin of e about itself; the answer holds for every Arch and
// every set of packages, and is remembered. A Nix older than the pin asks for
// is refused before the pin is evaluated (*TooOld).
func (n *Nix) Info(ctx context.Context, e Env) (PinInfo, error) { return n.Survey(ctx, e, nil) }

// Known is what Info remembers, if it does.
func (n *Nix) Known(e Env) (info PinInfo, ok bool) {
	ex := survey(bare(e), nil)
	return info, ex.err == nil && n.recall(ex.Hash, &info)
}

func bare(e Env) Env {
	return Env{System: e.System, Nixpkgs: e.Nixpkgs, Overlays: e.Overlays, Config: e.Config}
}

// Survey is Info, and Instantiate of jobs made of the same pins, in one
// evaluation that reads the package set once. What can be remembered of it is,
// for Info and Instantiate to find. Where a job cannot be evaluated it is Info
// alone: why not is told by who needs that job.
func (n *Nix) Survey(ctx context.Context, e Env, jobs []Env) (PinInfo, error) {
	about := survey(bare(e), nil)
	if about.err != nil {
		return PinInfo{}, about.err
	}
	info, known := n.Known(e)
	var open []Env
	var exprs []Expr
	for _, job := range jobs {
		ex := Expression(job)
		if _, ok := n.instantiated(ex); !ok && ex.err == nil {
			open, exprs = append(open, job), append(exprs, ex)
		}
	}
	if known && len(open) == 0 {
		return info, nil
	}
	answer, err := n.ask(ctx, survey(bare(e), open))
	if err != nil && len(open) > 0 && ctx.Err() == nil && !ofSource(err) {
		forgetLog(err)
		if known {
			return info, nil
		}
		answer, err = n.ask(ctx, about)
		exprs = nil
	}
	if err != nil {
		return PinInfo{}, err
	}
	if answer.About == nil {
		old := &TooOld{Have: answer.NixVersion, Want: answer.MinNix}
		return PinInfo{}, &Error{Phase: "version", Message: old.Error(), Err: old,
			Way: "use a newer Nix, or pin an older nixpkgs (its lib/minver.nix says what it needs)"}
	}
	for i, ex := range exprs {
		// One that is not kept is evaluated by who needs it.
		if i < len(answer.Drvs) {
			_, _ = n.keepDrv(ex, answer.Drvs[i])
		}
	}
	info = PinInfo{System: e.System, MinNix: answer.MinNix, NixVersion: answer.NixVersion, GCC: answer.About.GCC, Arches: answer.About.Arches}
	return info, n.remember(about.Hash, info)
}

// surveyed is what survey of environment.nix answers.
type surveyed struct {
	MinNix     string `json:"minNix"`
	NixVersion string `json:"nixVersion"` // the language's: Lix calls itself 2.18.3-lix here
	About      *struct {
		GCC    string   `json:"gcc"`
		Arches []string `json:"arches"`
	} `json:"about"` // nil: this Nix is too old for the pin
	Drvs []string `json:"drvs"`
}

func (n *Nix) ask(ctx context.Context, ex Expr) (s surveyed, err error) {
	if ex.err != nil {
		return s, ex.err
	}
	stdout, err := n.evaluate(ctx, ex, surveyArgs)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(stdout, &s); err != nil {
		return s, &Error{Phase: "evaluate", Message: "what the pin says about itself cannot be read: " + err.Error(), Err: err}
	}
	return s, nil
}

// surveyArgs: without --read-write-mode --eval writes no derivations (since 2.0).
var surveyArgs = append([]string{"--read-write-mode"}, jsonArgs...)

// ofSource reports an error of a pin itself, which every other evaluation of it
// would have as well.
func ofSource(err error) bool {
	var fetch *FetchError
	var hash *nixsource.HashError
	var source *nixsource.Error
	var e *Error
	return errors.As(err, &fetch) || errors.As(err, &hash) || errors.As(err, &source) || errors.As(err, &e) && e.Phase != "evaluate"
}

// forgetLog removes the log of a failure that nobody is told of.
func forgetLog(err error) {
	var e *Error
	if errors.As(err, &e) && e.LogFile != "" {
		_ = os.Remove(e.LogFile)
	}
}
