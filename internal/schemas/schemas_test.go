package schemas_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/show"
	"github.com/nixbatch/nixbatch/internal/schemas"
	"github.com/nixbatch/nixbatch/internal/schemas/schemastest"
)

var update = flag.Bool("update", false, "write docs/schemas anew")

const published = "../../docs/schemas"

// What is published is what the types say.
func TestPublished(t *testing.T) {
	all := schemas.All()
	for name, want := range all {
		file := filepath.Join(published, name)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not as the types say (%v): run this test with -update", name, err)
		}
	}
	names, err := filepath.Glob(filepath.Join(published, "*.json"))
	if err != nil || len(names) != len(all) {
		t.Errorf("%d files are published, %d schemas there are (%v)", len(names), len(all), err)
	}
}

// Every fact of a run, redacted or not, is what its schema says.
func TestFactsAreValid(t *testing.T) {
	c := schemastest.New(t)
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 2})
	run.Seal(t)
	r, err := load.Open(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	redacted := filepath.Join(t.TempDir(), "redacted")
	if _, err := export.Write(t.Context(), r, export.Options{Format: "json", Out: redacted, Redact: true}); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{run.Dir, redacted} {
		n := 0
		err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".json") {
				return err
			}
			data, err := os.ReadFile(filepath.Join(root, name))
			c.Check(t, name, data)
			n++
			return err
		})
		if err != nil || n < 8 {
			t.Errorf("%d facts, %v", n, err)
		}
	}
	again, err := load.Open(redacted)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Lines(func(l seal.Line) error {
		if _, _, kind := l.Of(); kind != "log" {
			c.Check(t, l.Path, l.Fact)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	diff, err := compare.Runs(r, again)
	if err != nil {
		t.Fatal(err)
	}
	list := show.List{Schema: show.ListSchema, Records: []show.Entry{show.EntryOf(recordtest.ID, run.Dir)}}
	for what, v := range map[string]any{"verify": check.Of(context.Background(), again, check.Options{NoStore: true}), "diff": diff, "list": list} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		c.Check(t, what, data)
	}
	// The schemas do refuse something.
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"schema":"nixbatch/seal/v1"}`))
	if err != nil || c[seal.SealSchema].Validate(bad) == nil {
		t.Errorf("anything is a seal (%v)", err)
	}
}
