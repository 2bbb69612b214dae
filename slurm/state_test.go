package slurm_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/slurm"
)

func TestParseState(t *testing.T) {
	for in, want := range map[string]slurm.State{
		"PENDING": slurm.Pending, "PD": slurm.Pending, "CONFIGURING": slurm.Pending, "REQUEUED": slurm.Pending, "SPECIAL_EXIT": slurm.Pending,
		"RUNNING": slurm.Running, "R": slurm.Running, "running": slurm.Running, "COMPLETING": slurm.Running, "SUSPENDED": slurm.Running, "STAGE_OUT": slurm.Running,
		"COMPLETED": slurm.Completed, "CD": slurm.Completed, "FAILED": slurm.Failed, "F": slurm.Failed,
		"CANCELLED": slurm.Cancelled, "CANCELLED by 1000": slurm.Cancelled, "CANCELLED+": slurm.Cancelled, "PREEMPTED": slurm.Cancelled,
		"TIMEOUT": slurm.TimedOut, "DEADLINE": slurm.TimedOut, "OUT_OF_MEMORY": slurm.OutOfMemory, "OUT_OF_ME+": slurm.OutOfMemory, "OOM": slurm.OutOfMemory,
		"NODE_FAIL": slurm.NodeFail, "BOOT_FAIL": slurm.NodeFail, "NF": slurm.NodeFail, "LAUNCH_FAILED": slurm.NodeFail,
		"REVOKED": slurm.Unknown, "": slurm.Unknown, "+": slurm.Unknown, " ": slurm.Unknown, "NEW_STATE": slurm.Unknown, "COMPLET+": slurm.Unknown, "COMPLETE": slurm.Unknown, "COMPLETE+": slurm.Unknown, "C": slurm.Unknown,
	} {
		if got := slurm.ParseState(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestParseManner(t *testing.T) {
	for in, want := range map[string]slurm.Manner{
		"SUSPENDED": slurm.Suspended, "S": slurm.Suspended, "SUSP+": slurm.Suspended, "STOPPED": slurm.Stopped, "REQUEUED": slurm.Requeued,
		"REQUEUE_HOLD": slurm.RequeuedHeld, "SPECIAL_EXIT": slurm.RequeuedHeld, "PREEMPTED": slurm.Preempted, "PREEMPT+": slurm.Preempted,
		"PREEMPTED by 12": slurm.Preempted, "DEADLINE": slurm.PastDeadline, "DL": slurm.PastDeadline,
		"REQUEUE+": "", "S+": "", "RUNNING": "", "CANCELLED by 1000": "", "": "", "+": "", "NEW_STATE": "",
	} {
		if got := slurm.ParseManner(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Nothing but Slurm's own word, code, or an unmistakable cut of it is success.
func TestUnknownIsNeverCompleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.StringMatching(`[A-Z_+ ]{0,12}`), rapid.String(),
			rapid.Custom(func(t *rapid.T) string {
				return "COMPLETED"[:rapid.IntRange(0, 9).Draw(t, "cut")] + rapid.SampledFrom([]string{"", "+", "X", " by 1"}).Draw(t, "tail")
			})).Draw(t, "state")
		word := strings.ToUpper(strings.TrimSpace(in))
		if slurm.ParseState(in) == slurm.Completed && word != "CD" && word != "COMPLETED" && word != "COMPLETED+" && !strings.HasPrefix(word, "COMPLETED ") {
			t.Errorf("%q is completed", in)
		}
	})
	for s, final := range map[slurm.State]bool{slurm.Pending: false, slurm.Running: false, slurm.Unknown: false, slurm.Completed: true, slurm.Failed: true, slurm.NodeFail: true} {
		if s.Final() != final {
			t.Errorf("%s: final %v", s, s.Final())
		}
	}
}
