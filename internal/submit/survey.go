package submit

import (
	"context"
	"slices"

	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// survey asks the pin what it knows. Which builds are wanted depends on that
// only where a CPU is newer than the pin's compiler or table: where an old
// compiler and one that knows everything would be given the same builds, these
// are evaluated along. Where they would not, the question is a small one, and
// the builds are evaluated afterwards, all in one.
func (j *Loaded) survey(ctx context.Context, in plan.Input) (nix.PinInfo, error) {
	pin := nix.Env{System: in.System, Nixpkgs: in.Nixpkgs, Overlays: in.Overlays, Config: j.Spec.Environment.Config}
	if info, ok := j.Nix.Known(pin); ok {
		return info, nil
	}
	likely, old := j.likely(in, newCompiler), j.likely(in, oldCompiler)
	if !slices.EqualFunc(likely, old, func(a, b nix.Env) bool { return nix.Expression(a).Hash == nix.Expression(b).Hash }) {
		likely = nil
	}
	return j.Nix.Survey(ctx, pin, likely)
}

// A compiler of a nixpkgs of some years ago, and one that is still to come.
const (
	oldCompiler = "12.2.0"
	newCompiler = "99.0.0"
)

// likely are the environments that would be wanted if the pin's GCC were of that
// version.
func (j *Loaded) likely(in plan.Input, gcc string) []nix.Env {
	in.Info = nix.PinInfo{GCC: gcc}
	p, err := plan.Make(in)
	if err != nil {
		return nil // why there is no plan is told by the real one
	}
	return j.wanted(p)
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
