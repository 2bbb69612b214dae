package show_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/show"
)

// Inputs that changed and outputs that are missing have a line each, however
// many other files and tasks there are.
func TestChangedAndMissing(t *testing.T) {
	var outs []facts.File
	for i := range 10 {
		outs = append(outs, facts.File{Path: fmt.Sprintf("out%d", i), Size: 1, SHA256: strings.Repeat("a", 64)})
	}
	outs = append(outs, facts.File{Path: "never.dat", Skipped: "no such file"})
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3, Attempts: 2, Outputs: outs,
		Changed: []facts.InputChange{{Path: "water.xyz", What: "other contents"}}})
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if err := show.Text(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"changed     water.xyz: other contents, during task 0, attempt 0, and 5 more\n",
		"missing     never.dat: declared, and not written by task 0, attempt 1, and 2 more\n",
	} {
		if strings.Count(b.String(), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, b.String())
		}
	}
	if strings.Count(b.String(), "never.dat") != 1 {
		t.Error(b.String())
	}
}

// A CPU that was faked is not shown as the node's.
func TestFaked(t *testing.T) {
	r, err := load.Open(recordtest.Make(t, t.TempDir(), recordtest.Options{Faked: true}).Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if err := show.Text(&b, r); err != nil || strings.Contains(b.String(), "node        Test CPU") || !strings.Contains(b.String(), facts.Faked) {
		t.Errorf("%v\n%s", err, b.String())
	}
}
