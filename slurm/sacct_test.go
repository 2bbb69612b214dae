package slurm_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/slurm"
)

// sacct answers like sacct -P: rows of named fields in the order asked for.
// fields it does not know are refused, as by an older release.
func sacct(unknown string, rows ...map[string]string) *runner {
	return &runner{answer: func(c slurm.Command) (string, string, int) {
		var names []string
		sep := "|"
		for _, a := range c.Args {
			if f, ok := strings.CutPrefix(a, "--format="); ok {
				names = strings.Split(f, ",")
			}
			if d, ok := strings.CutPrefix(a, "--delimiter="); ok {
				sep = d
			}
		}
		if slices.Contains(names, unknown) {
			return "", "sacct: fatal: Invalid field requested: \"" + unknown + "\"\n", 1
		}
		out := ""
		for _, r := range rows {
			var f []string
			for _, n := range names {
				f = append(f, r[n])
			}
			out += strings.Join(f, sep) + "\n"
		}
		return out, "", 0
	}}
}

func TestAccounting(t *testing.T) {
	r := sacct("Restarts",
		map[string]string{"JobID": "12", "JobIDRaw": "12", "State": "NODE_FAIL", "ExitCode": "1:0", "Submit": "1795354224", "Start": "1795354230", "End": "1795354260", "ElapsedRaw": "30", "NodeList": "n1", "JobName": "water\nscf"},
		map[string]string{"JobID": "12", "JobIDRaw": "12", "State": "CANCELLED by 1000", "ExitCode": "0:15", "Submit": "1795354224", "Start": "1795354300", "End": "1795354400", "ElapsedRaw": "100",
			"TotalCPU": "01:40.125", "NodeList": "n2", "JobName": "water\nscf", "User": "ada", "Account": "chem", "Partition": "main", "AllocTRES": "cpu=4", "Comment": "run=7", "SubmitLine": "sbatch --parsable", "ConsumedEnergyRaw": "500"},
		map[string]string{"JobID": "12.batch", "JobIDRaw": "12.batch", "State": "CANCELLED", "ExitCode": "0:15", "MaxRSS": "1048576", "ElapsedRaw": "100", "TRESUsageInTot": "cpu=00:01:40"},
		map[string]string{"JobID": "12.0", "JobIDRaw": "12.0", "State": "OUT_OF_MEMORY", "ExitCode": "0:125"},
		map[string]string{"JobID": "13_4", "JobIDRaw": "17", "State": "PENDING", "ExitCode": "0:0", "Submit": "1795354224", "Start": "Unknown", "End": "Unknown", "NodeList": "None assigned"},
	)
	got, err := (&slurm.Client{Runner: r}).Accounting(context.Background(), slurm.Query{IDs: []string{"12", "13"}, Since: time.Unix(1795354000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	want := []slurm.AcctJob{
		{ID: 12, Array: 12, Task: -1, Name: "water\nscf", Submit: at(1795354224), Nodes: "n1",
			AcctStep: slurm.AcctStep{Ref: "12", State: slurm.NodeFail, Word: "NODE_FAIL", ExitCode: 1, Start: at(1795354230), End: at(1795354260), Elapsed: 30 * time.Second}},
		{ID: 12, Array: 12, Task: -1, Name: "water\nscf", Comment: "run=7", User: "ada", Account: "chem", Partition: "main", Submit: at(1795354224), Nodes: "n2", AllocTRES: "cpu=4", SubmitLine: "sbatch --parsable",
			AcctStep: slurm.AcctStep{Ref: "12", State: slurm.Cancelled, Word: "CANCELLED by 1000", Signal: 15, Start: at(1795354300), End: at(1795354400), Elapsed: 100 * time.Second, TotalCPU: 100 * time.Second, Energy: 500},
			Steps: []slurm.AcctStep{
				{Ref: "12.batch", State: slurm.Cancelled, Word: "CANCELLED", Signal: 15, Elapsed: 100 * time.Second, MaxRSS: 1 << 20, Usage: "cpu=00:01:40"},
				{Ref: "12.0", State: slurm.OutOfMemory, Word: "OUT_OF_MEMORY", Signal: 125},
			}},
		{ID: 17, Array: 13, Task: 4, Submit: at(1795354224), AcctStep: slurm.AcctStep{Ref: "13_4", State: slurm.Pending, Word: "PENDING"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(r.calls) != 2 { // once more, without Restarts
		t.Errorf("%d commands", len(r.calls))
	}
	for _, a := range []string{"--duplicates", "--noconvert", "--parsable2", "--starttime=" + time.Unix(1795354000, 0).Local().Format("2006-01-02T15:04:05")} {
		if !slices.Contains(r.calls[1].Args, a) {
			t.Errorf("sacct was called without %s: %v", a, r.calls[1].Args)
		}
	}
}

func TestNoAccounting(t *testing.T) {
	ctx := context.Background()
	for name, r := range map[string]*runner{
		"disabled": says("", "Slurm accounting storage is disabled\n", 1),
		"no sacct": {err: &slurm.CommandError{Missing: true, ExitCode: -1, Err: os.ErrNotExist}},
	} {
		if _, err := (&slurm.Client{Runner: r}).Accounting(ctx, slurm.Query{}); !errors.Is(err, slurm.ErrNoAccounting) {
			t.Errorf("%s: %v", name, err)
		}
	}
	down := says("", "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:localhost:6819: Connection refused\nsacct: error: Problem talking to the database: Connection refused\n", 1)
	if _, err := (&slurm.Client{Runner: down}).Accounting(ctx, slurm.Query{}); err == nil || errors.Is(err, slurm.ErrNoAccounting) {
		t.Errorf("a database that is down: %v", err)
	}
}

// An accounting that is down leaves open whether a job exists, unless squeue has
// it.
func TestFindWithAccountingDown(t *testing.T) {
	queue := ""
	r := &runner{answer: func(c slurm.Command) (string, string, int) {
		if c.Name == "sacct" {
			return "", "sacct: error: Problem talking to the database: Connection refused\n", 1
		}
		return queue, "", 0
	}}
	c := &slurm.Client{Runner: r}
	if ids, err := c.FindByComment(context.Background(), "7"); err == nil {
		t.Errorf("found %v", ids)
	}
	queue = row("12_1", "13", "12", "1", "RUNNING", "None", "p", "u", "n", "1", "1", "0:01", "1:00", "1", "1", "1", "x", "nixbatch run=7") +
		row("12_2", "12", "12", "2", "RUNNING", "None", "p", "u", "n", "1", "1", "0:01", "1:00", "1", "1", "1", "x", "nixbatch run=7") +
		row("14", "14", "14", "N/A", "RUNNING", "None", "p", "u", "n", "1", "1", "0:01", "1:00", "1", "1", "1", "x", "nixbatch run=77")
	if ids, err := c.FindByComment(context.Background(), "7"); err != nil || len(ids) != 1 || ids[0] != (slurm.JobRef{ID: 12, User: "u", Submitted: time.Unix(1, 0).UTC()}) {
		t.Errorf("found %v, %v", ids, err)
	}
	if _, err := c.FindByName(context.Background(), "a b"); err == nil {
		t.Error("a name with a space was looked up")
	}
}
