package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// accounted is the state of each task as the accounting has it: of its last start.
func accounted(r *load.Record) (map[int]string, error) {
	out := map[int]string{}
	if r.Accounting == nil {
		return out, nil
	}
	first, err := offsets(r)
	if err != nil {
		return nil, err
	}
	last := map[int]facts.Accounted{}
	for _, j := range r.Accounting.Jobs {
		task := 0
		if j.Task >= 0 {
			array, _, _ := strings.Cut(j.Ref, "_")
			id, err := strconv.ParseInt(array, 10, 64)
			offset, known := first[id]
			if err != nil || !known {
				continue // whose task that is, nobody can tell
			}
			task = j.Task + offset
		}
		if was, ok := last[task]; !ok || !j.Start.Before(was.Start) {
			last[task] = j
		}
	}
	for task, j := range last {
		out[task] = j.State
	}
	return out, nil
}

// offsets is what lies between a task and its index in Slurm's array, by the
// array's job: of all submissions of the run.
func offsets(r *load.Record) (map[int64]int, error) {
	out := map[int64]int{}
	for round := 0; ; round++ {
		name := facts.SubmitFile
		if round > 0 {
			name = fmt.Sprintf("submit-%d.json", round)
		}
		data, err := source.ReadAll(r.Source, name)
		if errors.Is(err, fs.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var s facts.Submit
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[s.JobID] = 0
		for _, j := range s.Jobs {
			out[j.JobID] = j.Offset
		}
	}
}
