package slurm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// ConfFile is where Slurm's commands look for slurm.conf(5): the file that
// SLURM_CONF names, else where most systems have it. There need not be one, for
// instance where slurmd hands it out (SLURM_CONF_SERVER).
func ConfFile(getenv func(string) string) string {
	if conf := getenv("SLURM_CONF"); conf != "" {
		return conf
	}
	return "/etc/slurm/slurm.conf"
}

// asked keeps what a controller said of its name for as long as the process
// lives: a cluster is not renamed while it is asked.
var asked sync.Map

// ManyClustersError says that Slurm's commands speak to several clusters here, so
// that a number would not tell a job.
type ManyClustersError struct{ List string } // SLURM_CLUSTERS

func (e *ManyClustersError) Error() string {
	return fmt.Sprintf("SLURM_CLUSTERS=%s names several clusters, and a job is followed on one", e.List)
}

// Hint is the way out.
func (e *ManyClustersError) Hint() string {
	return "set SLURM_CLUSTERS to the one that is meant, or unset it where that is the own one"
}

// Cluster is the name of the cluster that Slurm's commands speak to, in lower
// case as Slurm has it: the one in SLURM_CLUSTERS, else ClusterName of
// slurm.conf(5) where that can be read, which is what the commands go by and
// costs no process, else the controller's own word.
func (c *Client) Cluster(ctx context.Context) (string, error) {
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	get := func(name string) (value string) {
		for _, kv := range env {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				value = v
			}
		}
		return value
	}
	if list := get("SLURM_CLUSTERS"); list != "" {
		if strings.ContainsAny(list, ", ") || list == "all" {
			return "", &ManyClustersError{list}
		}
		return strings.ToLower(list), nil
	}
	conf := ConfFile(get)
	if get("SLURM_CONF") == "" && get("SLURM_CONF_SERVER") != "" {
		conf = "" // the file in the usual place is not the one that counts
	}
	if text, err := os.ReadFile(conf); err == nil {
		if name := ParseConfig(string(text)).ClusterName(); name != "" {
			return name, nil
		}
	}
	key := strings.Join([]string{conf, get("SLURM_CONF_SERVER"), get("PATH")}, "\n")
	own := c.Runner == nil // another one may reach another cluster
	if name, ok := asked.Load(key); ok && own {
		return name.(string), nil
	}
	told, err := c.Config(ctx)
	if err != nil {
		return "", err
	}
	name := told.ClusterName()
	if name == "" {
		return "", errors.New("cluster: scontrol show config tells no ClusterName")
	}
	if own {
		asked.Store(key, name)
	}
	return name, nil
}
