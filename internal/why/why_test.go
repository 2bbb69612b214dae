package why_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/rundir"
	"github.com/nixbatch/nixbatch/internal/runtest"
	"github.com/nixbatch/nixbatch/internal/status"
	"github.com/nixbatch/nixbatch/internal/why"
	"github.com/nixbatch/nixbatch/slurm"
)

// Failed, and why.
func TestReasonsOfFailures(t *testing.T) {
	for _, tc := range []struct {
		name, slurm string
		start       bool
		end         int
		want        string
	}{
		{"no start", "JobLaunchFailure", false, -1, "Slurm could not start it on its node"},
		{"no start, no word", "None", false, -1, ""},
		{"a word that nobody knows", "Moonshine", false, -1, "Slurm says: Moonshine"},
		{"the agent was killed", "NonZeroExitCode", true, -1, "the agent was killed before it could write the end"},
		{"the agent was killed, by a signal", "RaisedSignal:9(Killed)", true, -1, "the agent was killed before it could write the end: it was ended by signal 9"},
		{"plain", "NonZeroExitCode", true, 3, "exit code 3"},
		{"killed", "NonZeroExitCode", true, 137, "exit code 137: killed, often out of memory"},
		{"segmentation fault", "NonZeroExitCode", true, 139, "exit code 139: segmentation fault"},
		{"illegal instruction", "NonZeroExitCode", true, 132, "exit code 132: illegal instruction"},
		{"abort", "NonZeroExitCode", true, 134, "exit code 134: aborted"},
		{"pipe", "NonZeroExitCode", true, 141, "exit code 141: a pipe was closed early"},
		{"not executable", "NonZeroExitCode", true, 126, "exit code 126: not executable"},
		{"not found", "NonZeroExitCode", true, 127, "exit code 127: command not found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runtest.Sent(t)
			if tc.start {
				runtest.Started(t, r, 0)
			}
			if tc.end >= 0 {
				runtest.Ended(t, r, 0, tc.end, "")
			}
			w := &runtest.Witness{T: t, AcctErr: slurm.ErrNoAccounting, InQueue: []slurm.Job{{ID: 7, Array: 7, Task: -1, State: slurm.Failed, Reason: tc.slurm, Submit: runtest.Noon}}}
			all, err := status.States(t.Context(), w, []rundir.Run{r}, runtest.About())
			if err != nil || all[0].State != slurm.Failed || all[0].Reason != tc.want {
				t.Errorf("%s (%s), %v", all[0].State, all[0].Reason, err)
			}
			if tc.end < 100 {
				return
			}
			y, err := why.Explain(t.Context(), r, w, -1, runtest.About())
			if err != nil || len(y.Next) != 2 {
				t.Errorf("%+v, %v", y, err)
			}
		})
	}
}
