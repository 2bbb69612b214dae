package slurm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed/oracle"
	"github.com/nixbatch/nixbatch/slurm"
)

// What the installed sbatch says by itself, before and while it calls a
// controller that never answers.
func TestSubmitErrorsOfSbatch(t *testing.T) {
	o := oracle.New(t)
	c := &slurm.Client{Env: o.Env}
	for script, line := range map[string]string{
		"":                                 "Batch script is empty!",
		"true\n":                           "This does not look like a batch script.  The first",
		"#!/bin/sh\r\ntrue\r\n":            `Batch script contains DOS line breaks (\r\n)`,
		"#!/bin/sh\n#SBATCH --time=soon\n": "Invalid --time specification",
		"#!/bin/sh\n#SBATCH --no-such-option=1\n": "unrecognized option '--no-such-option=1'",
		"#!/bin/sh\n#SBATCH --ntasks=many\n":      `Invalid numeric value "many" for --ntasks.`,
		"#!/bin/sh\n#SBATCH --hold=1\n":           "option '--hold' doesn't allow an argument",
		"#!/bin/sh\n#SBATCH --mem\n":              "option '--mem' requires an argument",
		"#!/bin/sh\n#SBATCH --nodes=3-1\n":        "Maximum node count 1 is less than minimum node count 3",
		"#!/bin/sh\n#SBATCH --hint=none\n":        `unrecognized --hint argument "none", see --hint=help`,
	} {
		_, err := c.Submit(context.Background(), []byte(script))
		var se *slurm.SubmitError
		if !errors.As(err, &se) || !se.Permanent || se.Line != line {
			t.Errorf("%q: %+v, want %q", script, se, line)
		}
	}
	away := oracle.New(t)
	if err := away.Away(); err != nil {
		t.Fatal(err)
	}
	_, err := (&slurm.Client{Env: away.Env}).Submit(context.Background(), []byte("#!/bin/sh\n"))
	var se *slurm.SubmitError
	if !errors.As(err, &se) || !se.Ambiguous || se.Line != "Unable to contact slurm controller (connect failure)" {
		t.Errorf("a controller that is away: %+v", se)
	}
	if v, err := c.Version(context.Background()); err != nil || !v.AtLeast(20, 0) {
		t.Errorf("version %+v, %v", v, err)
	}
}
