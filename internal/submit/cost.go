package submit

import (
	"context"

	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/plan"
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
	// would not be if the arch were set for all of nixpkgs. Counted in the
	// derivation graphs; 0 for the generic build.
	Total      int      `json:"total,omitempty"`
	Rebuilt    []string `json:"rebuilt,omitempty"`
	Everywhere int      `json:"everywhere,omitempty"`
}

// Costs says for every build of the plan what there is to do. Nothing is built.
func (j *Planned) Costs(ctx context.Context) ([]Cost, error) {
	out := []Cost{}
	for _, b := range j.Plan.Builds {
		c := Cost{Arch: b.Arch}
		if b.Arch != plan.Generic && len(b.Env.OptimizePackages)+len(b.Env.OptimizeConfig) > 0 {
			if err := j.count(ctx, b.Env, &c); err != nil {
				return nil, err
			}
		}
		if c.Out, c.Ready = j.Nix.Ready(b.Expr); c.Ready {
			out = append(out, c)
			continue
		}
		d, err := j.Nix.Instantiate(ctx, b.Expr)
		if err != nil {
			return nil, err
		}
		n, err := j.Nix.Cost(ctx, d.Drv)
		if err != nil {
			return nil, err
		}
		c.Drv, c.Out, c.Present, c.Fetch, c.Build, c.Builds = d.Drv, d.Out, n.Present, n.Fetch, n.Build, n.BuildNames
		c.Download, c.Unpacked = max(n.FetchDownload, 0), max(n.FetchUnpacked, 0)
		out = append(out, c)
	}
	return out, nil
}

// count compares the derivation graphs of a build, of the generic build, and of
// one with the arch set for all of nixpkgs.
func (j *Planned) count(ctx context.Context, e nix.Env, c *Cost) error {
	generic, everywhere := e, e
	generic.Arch, generic.Tune, generic.NoTests = plan.Generic, "", false
	everywhere.Everywhere = true
	var graphs [3]*nix.Graph
	for i, env := range []nix.Env{e, generic, everywhere} {
		d, err := j.Nix.Instantiate(ctx, nix.Expression(env))
		if err != nil {
			return err
		}
		if graphs[i], err = j.Nix.Graph(d.Drv); err != nil {
			return err
		}
	}
	for _, n := range graphs[0].Diff(graphs[1]) {
		if n.Drv != graphs[0].Root {
			c.Rebuilt = append(c.Rebuilt, n.Name)
		}
	}
	for _, n := range graphs[2].Diff(graphs[1]) {
		if n.Drv != graphs[2].Root {
			c.Everywhere++
		}
	}
	c.Total = len(graphs[0].Nodes) - 1
	return nil
}
