package main

import (
	"slices"
	"strings"
	"testing"

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
		{exitDone, "check job.yaml"},
		{exitUsage, "check wrong.yaml"},
		{exitUsage, "status no-such-run"},
		{exitDone, "plan job.yaml"},
		{exitDone, "build job.yaml"},
		{exitDone, "submit job.yaml"},
		{exitDone, "submit schemas-done.yaml --wait"},
		{exitJobFailed, "submit schemas-bad.yaml --wait"},
		{exitDone, "submit schemas-done.yaml schemas-last.yaml --chain"},
		{exitDone, "submit schemas-last.yaml --local"},
		{exitDone, "retry schemas-bad"},
		{exitDone, "status"},
		{exitDone, "status schemas-bad"},
		{exitDone, "why schemas-held"},
		{exitDone, "why schemas-bad"},
		{exitDone, "nodes"},
		{exitDone, "cpu"},
		{anyCode, "doctor"}, // the site's affair
		{exitDone, "gc --dry-run"},
		{exitDone, "record list"},
		{exitDone, "record show schemas-bad"},
		{exitDone, "record export schemas-last -o last.zip"},
		{exitDone, "record export schemas-last --format=methods -o methods"},
		{exitDone, "record show last.zip"},
		{exitDone, "record verify last.zip"},
		{exitDone, "record diff schemas-last last.zip"},
		{exitDone, "rerun last.zip --local --dir again"},
	} {
		seen[s.printsJSON(check, c.code, strings.Fields(c.line)...)] = true
	}
	s.must("cancel", "schemas-held")
	seen[s.printsJSON(check, exitDone, "record", "seal", "schemas-held")] = true
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
