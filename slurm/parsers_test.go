package slurm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/slurm"
)

func TestParseNodes(t *testing.T) {
	for in, want := range map[string][2]int{
		"1": {1, 1}, "01": {1, 1}, "2-4": {2, 4}, "1k": {1024, 1024}, "1-1M": {1, 1 << 20}, "1,2": {1, 2}, "4-8:2": {4, 8}, "9,1,4-8:2": {1, 9},
		"2147483647": {1<<31 - 1, 1<<31 - 1},
	} {
		if least, most, err := slurm.ParseNodes(in); err != nil || least != want[0] || most != want[1] {
			t.Errorf("%s: %d to %d, %v", in, least, most, err)
		}
	}
	for _, in := range []string{"", "0", "0-2", "2-1", "1-", "-1", "x", "1-3x", "k", "1,", "1:x", "1kk", "+1", "2147483648", "3000m", "9999999999"} {
		if least, most, err := slurm.ParseNodes(in); err == nil {
			t.Errorf("%q was read as %d to %d", in, least, most)
		}
	}
}

// What `scontrol show config` of 22.05.8 printed, in part.
func TestParseConfig(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "scontrol-show-config-22.05.txt"))
	if err != nil {
		t.Fatal(err)
	}
	c := slurm.ParseConfig(string(text))
	if c.ClusterName() != "testbed" || c.MaxArraySize() != 1001 || c.Get("killwait") != "2 sec" || c.Get("AccountingStorageBackupHost") != "" {
		t.Errorf("cluster %q, arrays of %d, KillWait %q", c.ClusterName(), c.MaxArraySize(), c.Get("killwait"))
	}
	if want := time.Date(2026, 11, 27, 20, 12, 9, 0, time.Local); !c.Time.Equal(want) {
		t.Errorf("sent at %s, want %s", c.Time, want)
	}
	file := slurm.ParseConfig("# ClusterName=old\nclustername = Frontier # the new one\nMaxArraySize=10\nNodeName=n[1-2] CPUs=4\n")
	if file.ClusterName() != "frontier" || file.MaxArraySize() != 10 || !file.Time.IsZero() {
		t.Errorf("%+v", file)
	}
	if none := slurm.ParseConfig("scontrol: error: nothing here\n"); none.ClusterName() != "" || none.MaxArraySize() != 0 {
		t.Errorf("%+v", none)
	}
}

// What srun --mpi=list printed in several releases.
func TestParseMPITypes(t *testing.T) {
	for _, c := range []struct{ out, want string }{
		{"MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\nspecific pmix plugin versions available: pmix_v4\n", "cray_shasta none pmi2 pmix pmix_v4"},
		{"srun: MPI types are...\nsrun: none\nsrun: pmi2\nsrun: pmix\nsrun: pmix_v3\n", "none pmi2 pmix pmix_v3"},
		{"MPI plugin types are...\n\tnone\n\tpmi2\nspecific pmix plugin versions available: pmix_v4,pmix_v5\n", "none pmi2 pmix_v4 pmix_v5"},
		{"srun: error: something\n", ""},
	} {
		if got := strings.Join(slurm.ParseMPITypes(c.out), " "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.out, got, c.want)
		}
	}
}

func TestParseEndings(t *testing.T) {
	out := "step 1\nslurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***\n" +
		"slurmstepd: error: *** STEP 12.0 ON n1 CANCELLED AT 2026-03-01T12:00:00 DUE TO TIME LIMIT ***\n" +
		"slurmstepd-n1: error: *** JOB 13 ON n1 CANCELLED AT 2026-03-01T12:00:01 DUE TO PREEMPTION ***\n" +
		"[2026-03-01T12:00:02.953] error: *** JOB 14 ON n1 CANCELLED AT 2026-03-01T12:00:02 ***\n" +
		"slurmstepd: error: *** JOB 15 ON n1 CANCELLED AT x DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n" +
		"slurmstepd: error: *** JOB 16 ON n1 CANCELLED AT 2026-03-01T12:00:03 DUE TO SIGNAL Terminated ***\n" +
		"slurmstepd: error: *** JOB 17 ON n1 CANCELLED AT 2026-03-01T12:00:03 DUE TO SOLAR WIND ***\n" +
		"echo: *** JOB 99 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***\n"
	at := func(s int) time.Time { return time.Date(2026, 3, 1, 12, 0, s, 0, time.Local).UTC() }
	want := []slurm.Ending{
		{12, slurm.CauseTime, at(0)}, {13, slurm.CausePreempted, at(1)}, {14, slurm.CauseCancel, at(2)}, {15, slurm.CauseNode, time.Time{}},
		{16, slurm.CauseCancel, at(3)}, {17, slurm.CauseUnknown, at(3)},
	}
	if d := cmp.Diff(want, slurm.ParseEndings([]byte(out))); d != "" {
		t.Error(d)
	}
}

func TestParseComplaints(t *testing.T) {
	out := "step 1\nslurmstepd-n1: error: StepId=12_3(15).batch exceeded memory limit (300 > 100), being killed\n" +
		"[2026-11-27T18:35:50.953] error: Detected 1 oom_kill event in StepId=14.batch. Some of the step tasks have been OOM Killed.\n" +
		"  progress slurmstepd: error: *** JOB 15 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***\n" +
		"slurmstepd: error: couldn't chdir to `/x': No such file or directory: going to /tmp instead\n" +
		"echo: StepId=99.0 exceeded memory limit\n"
	want := []slurm.Complaint{
		{[]string{"12_3"}, true, "slurmstepd-n1: error: StepId=12_3(15).batch exceeded memory limit (300 > 100), being killed"},
		{[]string{"14"}, true, "[2026-11-27T18:35:50.953] error: Detected 1 oom_kill event in StepId=14.batch. Some of the step tasks have been OOM Killed."},
		{[]string{"15"}, false, "slurmstepd: error: *** JOB 15 ON n1 CANCELLED AT 2026-03-01T12:00:00 ***"},
	}
	if d := cmp.Diff(want, slurm.ParseComplaints([]byte(out))); d != "" {
		t.Error(d)
	}
}

func TestParseReason(t *testing.T) {
	for in, want := range map[string]struct {
		reason         slurm.Reason
		waiting, ended string
	}{
		"(Priority)": {slurm.Reason{Code: "Priority"}, "other jobs come first", ""},
		"Priority":   {slurm.Reason{Code: "Priority"}, "other jobs come first", ""},
		"ReqNodeNotAvail,_UnavailableNodes:n[1-2]": {slurm.Reason{Code: "ReqNodeNotAvail", Detail: "UnavailableNodes:n[1-2]"}, "nodes that it needs are down, drained or reserved", ""},
		"(Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions)": {
			slurm.Reason{Code: "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"}, "nodes that it needs are down, drained or reserved", ""},
		"(launch failed requeued held)": {slurm.Reason{Code: "launch failed requeued held"}, "it could not be started on its node, and is held", ""},
		"RaisedSignal:9(Killed)":        {slurm.Reason{Code: "RaisedSignal", Detail: "9(Killed)"}, "", "it was ended by signal 9"},
		"NonZeroExitCode":               {slurm.Reason{Code: "NonZeroExitCode"}, "it ended with an exit code that is not 0", "it ended with an exit code that is not 0"},
		"OutOfMemory":                   {slurm.Reason{Code: "OutOfMemory"}, "", "it ran out of memory"},
		"Some later reason":             {slurm.Reason{Code: "Some later reason"}, "", ""},
		"":                              {},
	} {
		got := slurm.ParseReason(in)
		if got != want.reason {
			t.Errorf("%q: %+v", in, got)
		}
		if known := got.Kind() != slurm.OtherReason; known != (want.waiting != "" || want.ended != "" && got.Code != "RaisedSignal") {
			t.Errorf("%q: kind %d", in, got.Kind())
		}
		if got.Waiting() != want.waiting || got.Ended() != want.ended {
			t.Errorf("%q: waits because %q, ended because %q", in, got.Waiting(), got.Ended())
		}
	}
}
