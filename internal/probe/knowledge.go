package probe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/cpuflags"
	"github.com/nixbatch/nixbatch/internal/cluster"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/site"
	"github.com/nixbatch/nixbatch/slurm"
)

// stateDir is this user's own memory of clusters (XDG Base Directory
// Specification: XDG_STATE_HOME); "" where there is no home.
func stateDir() string {
	if d := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "nixbatch")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "nixbatch")
}

// Knowledge is what is known of the cluster's nodes: what the admin published,
// what this user's jobs saw before, what the jobs of this project left, and
// what the site says of Slurm's features. New observations are kept for the
// user's other projects.
func Knowledge(ctx context.Context, c *slurm.Client, p rundir.Project, conf *site.Config) (*cluster.Knowledge, error) {
	name := clusterName(ctx, c)
	mine := ""
	files := []cluster.File{{Path: published(name), From: "admin"}}
	if d := stateDir(); d != "" {
		mine = filepath.Join(d, "nodes", name+".json")
		files = append(files, cluster.File{Path: mine})
	}
	k, err := cluster.Load(files...)
	if err != nil {
		return nil, err
	}
	k.Harvest(p.Learnt())
	if mine != "" {
		// A cache for other projects: this one knows already.
		_ = k.Save(mine)
	}
	k.MapFeatures(conf.FeatureMap())
	if os.Getenv(cpuflags.EnvCPUInfo) != "" {
		k.Override(func(node string) (cpuflags.CPU, error) {
			cpu, _, err := cpuflags.Load(node)
			return cpu, err
		})
	}
	return k, nil
}

// published is the file of what an admin published of a cluster.
func published(name string) string {
	return filepath.Join(site.Dir(os.Getenv), "nodes", name+".json")
}

// Publish writes what is known of the cluster's nodes to where all users of
// this machine look. It returns the file and the number of nodes in it.
func Publish(ctx context.Context, c *slurm.Client, k *cluster.Knowledge) (file string, nodes int, err error) {
	file = published(clusterName(ctx, c))
	nodes, err = k.Publish(file)
	if errors.Is(err, fs.ErrPermission) {
		err = fault.New(err.Error(), "publishing is for the site's admin; "+site.EnvDir+" names another directory").Because(err)
	}
	return file, nodes, err
}

var fileName = lazyre.New(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// clusterName is the cluster's name; "default" where nobody tells: what is
// learnt is checked on the node in any case.
func clusterName(ctx context.Context, c *slurm.Client) string {
	name, err := c.Cluster(ctx)
	if err != nil || !fileName.MatchString(name) {
		return "default"
	}
	return name
}
