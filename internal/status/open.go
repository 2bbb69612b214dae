package status

import (
	"strconv"

	"github.com/nixbatch/nixbatch/slurm"
)

// Open are the jobs of the run that are not over: of one task, or with -1 of
// all, and their numbers.
func (s Status) Open(task int) (jobs []slurm.Wanted, ids []string) {
	seen := map[string]bool{}
	for _, t := range s.Tasks {
		if !t.Submitted || t.State.Final() || task >= 0 && t.Task != task {
			continue
		}
		id := strconv.FormatInt(t.Job, 10)
		if task >= 0 {
			id = t.Ref()
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
			w := t.Wanted
			if task < 0 {
				w.Task = -1
			}
			jobs = append(jobs, w)
		}
	}
	return jobs, ids
}
