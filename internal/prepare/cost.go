package prepare

import "context"

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
}

// Costs says for every build of the plan what there is to do. Nothing is built.
func (j *Job) Costs(ctx context.Context) ([]Cost, error) {
	out := []Cost{}
	for _, b := range j.Plan.Builds {
		c := Cost{Arch: b.Arch}
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
