package facts_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/slurm/sbatch"
)

// What a script says of its call is what the agent reads.
func TestTicket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100000)
		want := facts.Ticket{Round: n.Draw(t, "round"), Call: n.Draw(t, "call"), Calls: n.Draw(t, "calls"), Offset: n.Draw(t, "offset"), Attempt: n.Draw(t, "attempt")}
		if want.Calls == 1 {
			want.Calls = 0 // one call needs no number
		}
		got, ok := facts.ParseTicket(strings.Fields(want.Words()))
		if !ok || got != want {
			t.Fatalf("%+v is %q, read as %+v, %v", want, want.Words(), got, ok)
		}
	})
	for _, bad := range []string{"round", "round=", "round=-1", "rounds=1", "=1"} {
		if got, ok := facts.ParseTicket([]string{bad}); ok {
			t.Errorf("%q is %+v", bad, got)
		}
	}
	if words := facts.TicketOf(facts.Intent{Calls: []facts.Call{{Count: 1}}}, 0).Words(); words != "" {
		t.Errorf("a plain job has the ticket %q", words)
	}
}

// The options of a call keep their form in the file: older records have it.
func TestArguments(t *testing.T) {
	words := []string{"--mem=8G", "--dependency=afterok:7:8,singleton", "--comment=a=b c", "--requeue"}
	o := facts.Call{Options: words}.Asked()
	if v, _ := o.Get("comment"); v != "a=b c" || len(o) != 4 || !slices.Equal(facts.Arguments(o), words) {
		t.Errorf("%q, %q", o, facts.Arguments(o))
	}
	if facts.Arguments(sbatch.Options{}) != nil {
		t.Error("no options are a list")
	}
}
