package status

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nixbatch/nixbatch/slurm"
)

// Cluster is where the run was submitted to; "" where that is not known.
func (s *Status) Cluster() string {
	if s.Job.Cluster != "" {
		return s.Job.Cluster
	}
	return s.cluster
}

// elsewhere marks the runs that are on another cluster than the one that is
// spoken to, which is here: its word on their numbers would be about other jobs.
// A cluster that does not tell its name is not asked about any that do.
func elsewhere(ctx context.Context, w Watcher, all []Status, ask []int) (here string, errs []error) {
	away := map[string][]string{}
	var failed error
	for _, i := range ask {
		s := &all[i]
		cluster := s.Cluster()
		if cluster == "" {
			continue
		}
		if here == "" && failed == nil {
			if here, failed = w.Cluster(ctx); failed != nil {
				errs = append(errs, failed)
			}
		}
		switch {
		case failed != nil:
			s.Elsewhere = "slurm does not answer"
		case here != cluster:
			s.Elsewhere = fmt.Sprintf("it is on cluster %s, and this shell speaks to cluster %s", cluster, here)
			away[cluster] = append(away[cluster], s.Run.ID)
		}
	}
	for _, cluster := range slices.Sorted(maps.Keys(away)) {
		ids := away[cluster]
		what := "run " + ids[0]
		if len(ids) > 1 {
			what = fmt.Sprintf("each of %d runs", len(ids))
		}
		errs = append(errs, &slurm.ElsewhereError{What: what, Cluster: cluster, Here: here})
	}
	return here, errs
}

// apart are the runs to ask about, and those on another cluster.
func apart(all []Status, ask []int) (here, away []int) {
	for _, i := range ask {
		if all[i].Elsewhere != "" {
			away = append(away, i)
		} else {
			here = append(here, i)
		}
	}
	return here, away
}
