package status

import "testing"

// A final.json of the first nixbatch has words alone, and means the same.
func TestOldCause(t *testing.T) {
	old := finalFact{}
	for reason, want := range map[string]Cause{"preempted by a job of higher priority": Preempted, "preempted by a job of higher priority; its comment was changed": Preempted,
		"by nixbatch cancel": "", "": ""} {
		if got := old.cause(0, reason); got != want {
			t.Errorf("%q: %q", reason, got)
		}
	}
	if got := (finalFact{Causes: map[int]Cause{3: Preempted}}).cause(3, "in other words"); got != Preempted {
		t.Errorf("%q", got)
	}
}
