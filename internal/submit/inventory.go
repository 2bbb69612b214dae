package submit

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/ledger"
	"github.com/nixbatch/nixbatch/internal/probe"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/slurm"
)

// Inventory is the cluster's nodes and its default partition.
func Inventory(ctx context.Context, c *slurm.Client) (nodes []slurm.Node, defaultPartition string, err error) {
	nodes, defaultPartition, err = c.Inventory(ctx)
	if err != nil {
		return nil, "", &ledger.SlurmError{Err: err}
	}
	return nodes, defaultPartition, nil
}

// inventoryAge is how long what sinfo said serves a project's plans. What a plan
// takes from it is names, features and sizes of nodes; what a node really is, is
// looked at on it.
const inventoryAge = time.Minute

// inventoryMemory is what sinfo said: a cache.
type inventoryMemory struct {
	Schema  string       `json:"schema"`
	Conf    string       `json:"slurm_conf"` // another cluster, or another state of its configuration
	Time    time.Time    `json:"time"`
	Default string       `json:"default_partition"`
	Nodes   []slurm.Node `json:"nodes"`
}

const inventorySchema = "nixbatch/inventory/v1"

func inventoryFile(p rundir.Project) string { return filepath.Join(p.Dir, "inventory.json") }

// inventory is Inventory, remembered for a minute; remembered says that it was
// not asked now. What no plan can be made from is asked again: see MakePlan.
func (j *Loaded) inventory(ctx context.Context, fresh bool) (nodes []slurm.Node, def string, remembered bool, err error) {
	conf, now := confState(), j.opts.Now()
	var m inventoryMemory
	// Without Slurm on this machine nothing is remembered of it either.
	if _, err := proc.Look("sinfo"); err == nil && !fresh && durable.Read(inventoryFile(j.Project), &m) == nil {
		age := now.Sub(m.Time)
		if m.Schema == inventorySchema && m.Conf == conf && age >= 0 && age < inventoryAge && len(m.Nodes) > 0 {
			return m.Nodes, m.Default, true, nil
		}
	}
	if nodes, def, err = Inventory(ctx, j.Slurm); err != nil {
		return nil, "", false, err
	}
	_ = durable.Replace(inventoryFile(j.Project), inventoryMemory{inventorySchema, conf, now.UTC(), def, nodes})
	return nodes, def, false, nil
}

// confState names the configuration of Slurm that its commands read here.
func confState() string {
	text := slurm.Where(os.Getenv) + "\n"
	// One that cannot be looked at is Slurm's own commands' to tell.
	if st, err := durable.Stat(slurm.ConfFile(os.Getenv)); err == nil && st != nil {
		text += st.ModTime().UTC().Format(time.RFC3339Nano)
	}
	return text
}

// slurmClasses is where the job may land in Slurm.
func (j *Loaded) slurmClasses(ctx context.Context, conf *site.Config, fresh bool) (_ []cluster.Class, remembered bool, err error) {
	opts, _, err := conf.Apply(j.Spec.Slurm)
	if err != nil {
		return nil, false, err
	}
	k, err := probe.Knowledge(ctx, j.Slurm, j.Project, conf)
	if err != nil {
		return nil, false, err
	}
	nodes, def, remembered, err := j.inventory(ctx, fresh)
	if err != nil {
		return nil, false, err
	}
	nodes, err = cluster.Eligible(nodes, cluster.PlaceOf(opts), def)
	if err != nil && remembered {
		return j.slurmClasses(ctx, conf, true)
	}
	if err != nil {
		return nil, false, err
	}
	return cluster.Classes(nodes, k), remembered, nil
}
