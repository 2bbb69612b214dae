package slurm

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Cancel asks scancel to end jobs, tasks ("12_3") or several tasks
// ("12_[1-3]"). Jobs that are over, or that the controller has forgotten, are no
// error: there is nothing left to cancel. Every chunk of ids is tried, whatever
// became of the one before.
func (c *Client) Cancel(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
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
