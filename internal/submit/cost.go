package submit

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/nixbatch/nixbatch/internal/nix"
)

// Cost is what one build of the plan still takes.
type Cost struct {
	Arch     string   `json:"arch"`
	Ready    bool     `json:"ready"`
	Drv      string   `json:"drv,omitempty"`
	Out      string   `json:"out"`
	Present  int      `json:"present"` // derivations whose outputs are in the store
	Fetch    int      `json:"fetch"`
	Build    int      `json:"build"`
	Download int64    `json:"download_bytes,omitempty"` // as the cache tells; 0 when nothing is fetched
	Unpacked int64    `json:"unpacked_bytes,omitempty"`
	Builds   []string `json:"builds,omitempty"` // names of what is to be built
	// Total counts the derivations below the environment; Rebuilt names those
	// among them that are not the generic build's; Everywhere counts those that
	// would not be if the arch were set for all of nixpkgs, if that was asked
	// for. Counted in the derivation graphs; 0 for the generic build.
	Total      int      `json:"total,omitempty"`
	Rebuilt    []string `json:"rebuilt,omitempty"`
	Everywhere int      `json:"everywhere,omitempty"`
	// Twice are packages that are below the environment in the generic form too.
	Twice []Twofold `json:"twice,omitempty"`
}

// Twofold is a package of which there are two copies below an environment.
type Twofold struct {
	Name string   `json:"name"`
	By   []string `json:"generic_for"` // derivations that use the generic one
}

// Costs says for every build of the plan what there is to do. Nothing is built.
func (j *Planned) Costs(ctx context.Context) ([]Cost, error) {
	// What was not evaluated with the plan is now, all in one; why one of them
	// cannot be is told below.
	if len(j.Plan.Builds) > 0 {
		b := j.Plan.Builds[0].Env
		_, _ = j.Nix.Survey(ctx, nix.Env{System: b.System, Nixpkgs: b.Nixpkgs, Overlays: b.Overlays, Config: b.Config}, j.wanted(j.Plan))
	}
	if err := j.Reach(ctx); err != nil {
		return nil, err
	}
	out := make([]Cost, len(j.Plan.Builds))
	drvs := make([]string, len(out))
	for i, b := range j.Plan.Builds {
		c := &out[i]
		c.Arch = b.Arch
		if c.Out, c.Ready = j.Nix.Ready(b.Expr); c.Ready {
			continue
		}
		d, err := j.Nix.Instantiate(ctx, b.Expr)
		if err != nil {
			return nil, err
		}
		c.Drv, c.Out, drvs[i] = d.Drv, d.Out, d.Drv
	}
	// Graphs are read while Nix says what there is to build.
	g, gctx := errgroup.WithContext(ctx)
	for i := range out {
		if drvs[i] != "" {
			g.Go(func() error { return j.work(gctx, drvs[i], &out[i]) })
		}
	}
	for i, b := range j.Plan.Builds {
		if counted(b) {
			if err := j.count(ctx, b.Env, &out[i]); err != nil {
				return nil, errors.Join(err, g.Wait())
			}
		}
	}
	return out, g.Wait()
}

// work asks Nix what there is to build and to fetch.
func (j *Planned) work(ctx context.Context, drv string, c *Cost) error {
	n, err := j.Nix.Cost(ctx, drv)
	if err != nil {
		return err
	}
	c.Present, c.Fetch, c.Build, c.Builds = n.Present, n.Fetch, n.Build, n.BuildNames
	c.Download, c.Unpacked = max(n.FetchDownload, 0), max(n.FetchUnpacked, 0)
	return nil
}

// count compares the derivation graphs of a build, of the generic build, and, if
// asked, of one with the arch set for all of nixpkgs.
func (j *Planned) count(ctx context.Context, e nix.Env, c *Cost) error {
	envs := []nix.Env{e, genericOf(e)}
	if j.opts.Everywhere {
		envs = append(envs, everywhere(e))
	}
	drvs := make([]string, len(envs))
	for i, env := range envs {
		d, err := j.Nix.Instantiate(ctx, nix.Expression(env))
		if err != nil {
			return err
		}
		drvs[i] = d.Drv
	}
	diff, err := j.Nix.Changed(drvs[0], drvs[1])
	if err != nil {
		return err
	}
	c.Total, c.Rebuilt = diff.Total, diff.Names
	for _, t := range diff.Twice {
		c.Twice = append(c.Twice, Twofold(t))
	}
	if len(drvs) > 2 {
		if diff, err = j.Nix.Changed(drvs[2], drvs[1]); err != nil {
			return err
		}
		c.Everywhere = len(diff.Names)
	}
	return nil
}
