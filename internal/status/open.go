package status

import (
	"fmt"
	"strconv"
	"strings"
)

// Open are the jobs of the run, as scancel takes them, that are not over: of one
// task, or with -1 of all. told names them for people.
func (s Status) Open(task int) (ids []string, told string) {
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
		}
	}
	switch {
	case task >= 0:
		told = fmt.Sprintf("task %d", task)
	case len(ids) == 1:
		told = "job " + ids[0]
	default:
		told = "jobs " + strings.Join(ids, ", ")
	}
	return ids, told
}
