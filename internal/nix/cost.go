package nix

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/nixgraph"
	"github.com/nixbatch/nixbatch/internal/nixlog"
)

// Cost is what making a derivation's output takes.
type Cost struct {
	// Present counts the derivations whose outputs are there and are used as
	// they are; Build those that have to be built; Fetch the store paths that a
	// binary cache has. What lies below one that is present or fetched is not
	// needed, and not counted.
	Present, Fetch, Build int
	// FetchDownload and FetchUnpacked are bytes, as precise as Nix prints them;
	// -1 when no cache told.
	FetchDownload, FetchUnpacked int64
	BuildNames                   []string // of the derivations to build, sorted
}

var (
	willBuildRe = lazyre.New(`^(?:this derivation|these (?:\d+ )?derivations) will be built:`)
	willFetchRe = lazyre.New(`^(?:this path|these (?:\d+ )?paths) will be fetched(?: \(([0-9.]+) ([KMGT]?i?B) download, ([0-9.]+) ([KMGT]?i?B) unpacked\))?:`)
)

// Cost asks Nix what realising drv would build and fetch, and counts the rest
// in the graph of derivations. Nothing is built or fetched.
func (n *Nix) Cost(ctx context.Context, drv string) (Cost, error) {
	g, err := n.Graph(drv)
	if err != nil {
		return Cost{}, err
	}
	a, err := n.run(ctx, job{phase: "query", program: n.Programs.store(), args: []string{"--realise", "--dry-run", drv}})
	if err != nil {
		return Cost{}, err
	}
	return costOf(g, a.stderr)
}

func costOf(g *nixgraph.Graph, dryRun string) (Cost, error) {
	c := Cost{FetchDownload: -1, FetchUnpacked: -1}
	build, fetch := map[string]bool{}, map[string]bool{}
	var into map[string]bool
	for _, line := range strings.Split(nixlog.AnsiRe.ReplaceAllString(dryRun, ""), "\n") {
		path := strings.TrimSpace(line)
		switch m := willFetchRe.FindStringSubmatch(line); {
		case m != nil:
			into = fetch
			if m[1] != "" {
				c.FetchDownload, c.FetchUnpacked = size(m[1], m[2]), size(m[3], m[4])
			}
		case willBuildRe.MatchString(line):
			into = build
		case into != nil && strings.HasPrefix(line, "  /nix/store/"):
			into[path] = true
		default:
			into = nil
		}
	}
	for drv := range build {
		node, ok := g.Nodes[drv]
		if !ok {
			err := fmt.Errorf("Nix would build %s, which is not below %s", drv, g.Root)
			return Cost{}, &Error{Phase: "query", Message: err.Error(), Err: err}
		}
		c.BuildNames = append(c.BuildNames, node.Name)
	}
	sort.Strings(c.BuildNames)
	c.Build, c.Fetch = len(build), len(fetch)
	c.Present = present(g, build, fetch)
	return c, nil
}

// present counts what is used as it is: reached from the root through
// derivations that are built, and itself neither built nor fetched.
func present(g *nixgraph.Graph, build, fetch map[string]bool) int {
	count := 0
	seen := map[string]bool{}
	for todo := []string{g.Root}; len(todo) > 0; {
		drv := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[drv] {
			continue
		}
		seen[drv] = true
		node := g.Nodes[drv]
		if build[drv] {
			for in := range node.Inputs {
				todo = append(todo, in)
			}
			continue
		}
		fetched := false
		for _, out := range node.Outputs {
			fetched = fetched || fetch[out]
		}
		if !fetched {
			count++
		}
	}
	return count
}

func size(number, unit string) int64 {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return -1
	}
	for _, u := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		if u == unit {
			return int64(f)
		}
		f *= 1024
	}
	return -1
}
