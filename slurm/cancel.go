package slurm

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Cancel asks scancel to end jobs and tasks that a look at the queue has
// confirmed. Those that are over by now are no error: there is nothing left to
// cancel. Every chunk of them is tried, whatever became of the one before.
func (c *Client) Cancel(ctx context.Context, jobs ...Confirmed) error {
	if len(jobs) == 0 {
		return nil
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.id
	}
	parts, err := chunks(ids)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	var errs []error
	for _, some := range parts {
		if _, err := c.run(ctx, Command{Name: "scancel", Args: some}, true); err != nil && !allOver(err) {
			errs = append(errs, fmt.Errorf("cancel: %w", err))
		}
	}
	return errors.Join(errs...)
}

// allOver reports whether every complaint of scancel is about a job that is
// over.
func allOver(err error) bool {
	var ce *CommandError
	if !errors.As(err, &ce) || ce.ExitCode < 1 {
		return false
	}
	complaints := 0
	for _, l := range strings.Split(string(ce.Stderr), "\n") {
		if !strings.Contains(l, "error:") {
			continue
		}
		complaints++
		if !strings.Contains(l, "Invalid job id specified") && !strings.Contains(l, "already completing or completed") {
			return false
		}
	}
	return complaints > 0
}
