package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
	"github.com/nixbatch/nixbatch/internal/schemas"
	"github.com/nixbatch/nixbatch/internal/schemas/schemastest"
)

// What every command prints with --json is what its published schema says.
func TestPrintedJSONIsAsPublished(t *testing.T) {
	t.Parallel()
	s := newSite(t, "schemas-held")
	const small = "mem: 100M, time: 5"
	s.job("schemas-done", small, "outputs: [out.txt]\ncompare: [{file: out.txt, pattern: 'e=(\\S+)'}]\n", "echo e=1 >out.txt")
	s.job("schemas-bad", small, "sweep: {matrix: {n: [0, 3]}}\n", "exit $n")
	s.job("schemas-last", small, "", "echo last")
	s.write("wrong.yaml", "name: x\nrun: [\n", 0o600)
	const anyCode = -1
	check, seen := schemastest.New(t), map[string]bool{}
	for _, c := range []struct {
		code int
		line string
	}{
		{command.Done, "check job.yaml"},
		{command.Usage, "check wrong.yaml"},
		{command.Usage, "status no-such-run"},
		{command.Done, "plan job.yaml"},
		{command.Done, "build job.yaml"},
		{command.Done, "submit job.yaml"},
		{command.Done, "submit schemas-done.yaml --wait"},
		{command.JobFailed, "submit schemas-bad.yaml --wait"},
		{command.Done, "submit schemas-done.yaml schemas-last.yaml --chain"},
		{command.Done, "submit schemas-last.yaml --local"},
		{command.Done, "retry schemas-bad"},
		{command.Done, "status"},
		{command.Done, "status schemas-bad"},
		{command.Done, "why schemas-held"},
		{command.Done, "why schemas-bad"},
		{command.Done, "nodes"},
		{command.Done, "cpu"},
		{anyCode, "doctor"}, // the site's affair
		{command.Done, "gc --dry-run"},
		{command.Done, "results schemas-bad"},
		{command.Done, "ls"},
		{command.Usage, "rm schemas-held"},
		{command.Done, "record list"},
		{command.Done, "record show schemas-bad"},
		{command.Done, "record export schemas-last -o last.zip"},
		{command.Done, "record export schemas-last --format=methods -o methods"},
		{command.Done, "record show last.zip"},
		{command.Done, "record verify last.zip"},
		{command.Done, "record diff schemas-last last.zip"},
		{command.Done, "rerun last.zip --local --dir again"},
	} {
		seen[s.printsJSON(check, c.code, strings.Fields(c.line)...)] = true
	}
	s.must("cancel", "schemas-held")
	seen[s.printsJSON(check, command.Done, "record", "seal", "schemas-held")] = true
	for _, name := range schemas.Printed() {
		if !seen[name] {
			t.Errorf("no command printed %s", name)
		}
	}
}

// printsJSON runs a command with --json and returns the schema that it names,
// which it has to fulfil.
func (s *site) printsJSON(check schemastest.Checker, code int, args ...string) string {
	s.t.Helper()
	if args[0] == "cpu" || slices.Contains(args, "--local") {
		// The simulated CPUs are the nodes', not this machine's.
		own := *s
		own.env = slices.DeleteFunc(slices.Clone(s.env), func(kv string) bool { return strings.HasPrefix(kv, "NIXBATCH_CPUINFO=") })
		s = &own
	}
	got, out, diag := s.run(append(slices.Clone(args), "--json")...)
	if got != code && code >= 0 {
		s.t.Errorf("nixbatch %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, diag)
	}
	return check.Check(s.t, strings.Join(args, " "), []byte(out))
}
