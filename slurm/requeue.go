package slurm

import (
	"context"
	"fmt"
)

// Requeue asks the controller to end a job, or a task such as "12_3", and to
// start it again from its beginning. The job may do that for itself: it is then
// ended like any other, with what slurm.conf(5) gives as KillWait to tidy up.
func (c *Client) Requeue(ctx context.Context, id string) error {
	if !idForm.MatchString(id) {
		return fmt.Errorf("requeue: %q is not a job id", id)
	}
	if _, err := c.run(ctx, Command{Name: "scontrol", Args: []string{"requeue", id}}, false); err != nil {
		return fmt.Errorf("requeue: %w", err)
	}
	return nil
}
