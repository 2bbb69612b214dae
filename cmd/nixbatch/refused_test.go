package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/cmd/nixbatch/internal/command"
)

// What the machine refuses is not the job file's fault, and has an exit code of
// its own. The disk is a small one that is full, or that became read-only; root
// without the capability that passes over permissions is an ordinary user.
func TestMachineRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, "refused")
	const (
		disk   = `set -e; mkdir -p at; mount -t tmpfs -o size=64k none at; cp job.yaml at; cd at; mkdir -m 700 .nixbatch; sed -i s,minipkgs,../minipkgs, job.yaml; `
		full   = disk + `cat /dev/zero >fill 2>/dev/null || :; "$@"`
		locked = disk + `mount -o remount,ro .; "$@"`
		user   = `set -e; mkdir -p at; cp job.yaml at; chmod 0 at/job.yaml; mkdir -p closed; chmod 500 closed; cd at; exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"`
	)
	for _, tc := range []struct{ how, args, words string }{
		{full, "init new.yaml", "no space left on device"},
		{full, "build job.yaml", "no space left on device"},
		{full, "submit job.yaml", "no space left on device"},
		{locked, "init new.yaml", "read-only file system"},
		{locked, "submit job.yaml", "read-only file system"},
		{user, "check job.yaml", "permission denied"},
		{user, "init ../closed/new.yaml", "permission denied"},
	} {
		cmd, out, diag := s.cmd()
		args := []string{"--mount", "--propagation=private", "sh", "-c", tc.how, "sh", filepath.Join(s.c.Dir, "bin", "nixbatch")}
		inside := exec.Command("unshare", append(args, strings.Fields(tc.args)...)...)
		inside.Env, inside.Dir, inside.Stdout, inside.Stderr = cmd.Env, s.dir, out, diag
		err := inside.Run()
		if code := inside.ProcessState.ExitCode(); code != command.SystemFailed || !strings.Contains(diag.String(), tc.words) {
			t.Errorf("%s: %v: exit code %d, want %d and %q\n%s%s", tc.args, err, code, command.SystemFailed, tc.words, out, diag)
		}
		if jobs, err := queued(s.c, "refused"); err != nil || len(jobs) > 0 {
			t.Fatalf("%s: in the queue: %+v, %v", tc.args, jobs, err)
		}
	}
}
