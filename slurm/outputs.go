package slurm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pathWidth is how wide squeue prints a path: it cuts what is longer, and Linux
// allows 4,096 bytes (limits.h, PATH_MAX).
const pathWidth = 4096

// Outputs fills in, for jobs that Queue returned, the file of their standard
// output and their working directory, which squeue's short format cannot tell:
// one more squeue. An array is asked about once, and a % in the file's name
// stands as it is or for what it means, by the release.
func (c *Client) Outputs(ctx context.Context, jobs []Job) error {
	var ids []string
	for _, j := range jobs {
		if id := strconv.FormatInt(j.Array, 10); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	parts, err := chunks(ids)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	format := fmt.Sprintf("ArrayJobID:32%s,WorkDir:%d%[1]s,StdOut:%[2]d%s", fieldEnd, pathWidth, recordEnd)
	told := map[int64][2]string{}
	for _, some := range parts {
		res, err := c.run(ctx, Command{Name: "squeue", Args: []string{"--noheader", "--states=all", "--jobs=" + strings.Join(some, ","), "--Format=" + format}}, true)
		if err != nil && !says(err, "Invalid job id specified") {
			return fmt.Errorf("outputs: %w", err)
		}
		for _, record := range strings.Split(string(res.Stdout), recordEnd) {
			f := strings.Split(record, fieldEnd)
			if len(f) == 3 {
				told[atoi64(f[0])] = [2]string{text(strings.TrimSpace(f[1])), text(strings.TrimSpace(f[2]))}
			}
		}
	}
	for i := range jobs {
		t := told[jobs[i].Array]
		jobs[i].WorkDir, jobs[i].StdOut = t[0], t[1]
	}
	return nil
}

// Unclear fills in what Outputs tells of those jobs that are one of the jobs
// wanted or not by no more than what everybody may change: see Wanted.Is.
func (c *Client) Unclear(ctx context.Context, jobs []Job, wants ...Wanted) error {
	byID := map[int64]Wanted{}
	for _, w := range wants {
		byID[w.ID] = w
	}
	var at []int
	var some []Job
	for i, j := range jobs {
		if w, ok := byID[j.Array]; ok && w.unclear(j.Sight()) {
			at, some = append(at, i), append(some, j)
		}
	}
	err := c.Outputs(ctx, some)
	for k, i := range at {
		jobs[i] = some[k]
	}
	return err
}
