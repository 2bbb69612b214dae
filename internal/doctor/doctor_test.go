package doctor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/doctor"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/probetest"
	"github.com/nixbatch/nixbatch/internal/testbed"
	"github.com/nixbatch/nixbatch/slurm"
)

// verdicts is the checks by "about name".
func verdicts(t *testing.T, s probetest.Scene) map[string]doctor.Check {
	t.Helper()
	h := doctor.Look(probetest.Ctx, s.Client, &nix.Nix{Dir: s.Project.Dir, Environ: os.Environ()}, s.Project, os.Getenv)
	if h.Schema != "nixbatch/doctor/v1" {
		t.Error(h.Schema)
	}
	if _, err := json.Marshal(h); err != nil {
		t.Error(err)
	}
	out := map[string]doctor.Check{}
	for _, c := range h.Checks {
		if c.Says == "" || strings.Contains(c.Says, "\n") || c.Verdict != doctor.Good && c.Verdict != doctor.Unknown && c.Verdict != doctor.Bad {
			t.Errorf("%+v", c)
		}
		if c.Verdict == doctor.Bad && c.Way == "" {
			t.Errorf("bad, without a way out: %+v", c)
		}
		out[c.About+" "+c.Name] = c
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(s.Project.Dir), ".nixbatch-doctor-*"))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	return out
}

func expect(t *testing.T, got map[string]doctor.Check, name, verdict, says string) {
	t.Helper()
	if c, ok := got[name]; !ok || c.Verdict != verdict || !strings.Contains(c.Says, says) {
		t.Errorf("%s: %+v, want %s: %s", name, c, verdict, says)
	}
}

func TestDoctor(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	got := verdicts(t, s)
	expect(t, got, "site files", doctor.Good, "none: neither ")
	expect(t, got, "slurm commands", doctor.Good, "slurm")
	expect(t, got, "slurm controller", doctor.Good, "6 nodes, 6 of them up; default partition main")
	expect(t, got, "clock controller", doctor.Good, "agrees")
	expect(t, got, "clock file system", doctor.Good, "agrees")
	expect(t, got, "nix commands", doctor.Good, "Nix")
	expect(t, got, "nix store", doctor.Good, "/nix/store answers")
	expect(t, got, "project writable", doctor.Good, "")
	if c := got["slurm mpi"]; !strings.Contains(c.Says, "pmi2") || !strings.Contains(c.Says, "none") {
		t.Errorf("%+v", c)
	}
	if got["project directory"].Verdict == doctor.Bad {
		t.Errorf("%+v", got["project directory"])
	}

	probetest.Write(t, "etc/site.yaml", "slurm: {partition: main}\nfixed: {qos: normal}\nfeatures: {zen4: znver4}\n")
	probetest.Write(t, "config/nixbatch/site.yaml", "memory: none\n")
	h := doctor.Look(probetest.Ctx, s.Client, &nix.Nix{Dir: s.Project.Dir, Environ: os.Environ()}, s.Project, os.Getenv)
	if !strings.HasSuffix(h.Checks[0].Says, "etc/site.yaml: 1 features, fixed qos normal, partition main") ||
		!strings.HasSuffix(h.Checks[1].Says, "config/nixbatch/site.yaml: memory none") {
		t.Errorf("%+v", h.Checks[:2])
	}
	probetest.Write(t, "etc/site.yaml", "slurm: {partitoin: main}\nmemory: x\n")
	got = verdicts(t, s)
	expect(t, got, "site files", doctor.Bad, "etc/site.yaml:1:9: unknown option \"partitoin\" in slurm (and 1 more)")
	if got["site files"].Way != "did you mean partition?" {
		t.Errorf("%+v", got["site files"])
	}

	probetest.Scontrol(s, "update", "NodeName=ALL", "State=DRAIN", "Reason=test")
	defer probetest.Resume(s, "ALL")
	expect(t, verdicts(t, s), "slurm controller", doctor.Bad, "6 nodes, 0 of them up")
}

func TestDoctorWithoutAnything(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	t.Setenv("PATH", t.TempDir())
	got := verdicts(t, s)
	expect(t, got, "slurm commands", doctor.Bad, "sbatch")
	expect(t, got, "nix commands", doctor.Bad, "no Nix on this machine")
	if _, ok := got["slurm controller"]; ok {
		t.Error("a controller is told of without Slurm's commands")
	}
}

func TestDoctorWithADeadController(t *testing.T) {
	s := probetest.NewScene(t, testbed.ForTest(t))
	dir := t.TempDir()
	for _, name := range []string{"sbatch", "sinfo", "scontrol", "srun"} {
		text := "#!/bin/sh\necho 'slurm_load_partitions: Unable to contact slurm controller (connect failure)' >&2\nexit 1\n"
		if name == "sbatch" {
			text = "#!/bin/sh\necho 'slurm 23.11.4'\n"
		}
		probetest.Write(t, filepath.Join(dir, name), text)
		if err := os.Chmod(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	s.Client = &slurm.Client{Env: os.Environ(), QueryTimeout: time.Minute}
	got := verdicts(t, s)
	expect(t, got, "slurm commands", doctor.Good, "23.11.4")
	expect(t, got, "slurm controller", doctor.Bad, "Unable to contact slurm controller")
	expect(t, got, "slurm mpi", doctor.Unknown, "tells nothing")
}
