package submit

import (
	"context"

	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// survey asks the pin what it knows. Which builds are wanted depends on that
// only where a CPU is newer than the pin's compiler or table; so they are
// evaluated along, as the plan would be without such limits. Where that guess is
// wrong, the right ones are evaluated later.
func (j *Loaded) survey(ctx context.Context, in plan.Input) (nix.PinInfo, error) {
	pin := nix.Env{System: in.System, Nixpkgs: in.Nixpkgs, Overlays: in.Overlays, Config: j.Spec.Environment.Config}
	if info, ok := j.Nix.Known(pin); ok {
		return info, nil
	}
	var likely []nix.Env
	in.Info = nix.PinInfo{}
	if p, err := plan.Make(in); err == nil { // why there is no plan is told by the real one
		likely = j.wanted(p)
	}
	return j.Nix.Survey(ctx, pin, likely)
}

// wanted are the environments of a plan that Nix will be asked for.
func (j *Loaded) wanted(p *plan.Plan) (out []nix.Env) {
	for _, b := range p.Builds {
		if _, ready := j.Nix.Ready(b.Expr); !ready || j.opts.Count && counted(b) {
			out = append(out, b.Env)
		}
		if !j.opts.Count || !counted(b) {
			continue
		}
		out = append(out, genericOf(b.Env))
		if j.opts.Everywhere {
			out = append(out, everywhere(b.Env))
		}
	}
	return out
}

// counted reports whether a build is one of which Costs counts what is rebuilt.
func counted(b plan.Build) bool {
	return b.Arch != plan.Generic && len(b.Env.OptimizePackages)+len(b.Env.OptimizeConfig) > 0
}

func genericOf(e nix.Env) nix.Env {
	e.Arch, e.Tune, e.NoTests = plan.Generic, "", false
	e.Options, e.Compiler, e.Whole, e.WholeTune = nil, "", "", ""
	return e
}

func everywhere(e nix.Env) nix.Env {
	e.Everywhere = true
	return e
}
