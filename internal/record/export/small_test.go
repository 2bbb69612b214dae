package export_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/compare"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// The hash of a small file tells what is in it to whoever can guess all of it
// but a name: a list of nodes is short. So no redacted export has the hash of one
// that holds a name, that lists the hash of such a one, or that nobody could look
// at any more. What nothing private is in keeps its hash, and is proved by it.
func TestHashesOfSmallFiles(t *testing.T) {
	node := recordtest.Node
	hash := func(s string) string { return digest.Bytes([]byte(s)) }
	report := func(node string) string { return "host: " + node + "\n" + strings.Repeat("as known\n", 4000) }
	sums := func(node string) string { return hash(node) + "  node\n" }
	list := func(node string) string { return hash(sums(node)) + "  SHA256SUMS\n" }
	large := report(node) + strings.Repeat("x", 64<<10)
	contents := map[string]string{"node": node, "node.txt": node + "\n", "report": report(node), "SHA256SUMS": sums(node), "LIST": list(node),
		"blob": "\xff\xfe" + node, "empty": "", "large": large, "gone": node + " was here\n", "plain": "nothing to hide\n"}
	var out []facts.File
	for name, text := range contents {
		out = append(out, facts.File{Path: name, Size: int64(len(text)), SHA256: hash(text)})
	}
	slices.SortFunc(out, func(a, b facts.File) int { return strings.Compare(a.Path, b.Path) })
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 2, Outputs: out})
	for name, text := range contents {
		if name == "gone" {
			continue
		}
		if err := os.WriteFile(filepath.Join(run.WorkDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run.Seal(t)

	var guesses []string
	for i := range 1000 {
		n := fmt.Sprintf("n%03d", i)
		guesses = append(guesses, n, report(n), sums(n), list(n), "\xff\xfe"+n, n+" was here")
	}
	for _, format := range []string{"json", "ro-crate"} {
		dir, list := write(t, run, export.Options{Format: format, Redact: true})
		for _, found := range newAttack([]string{node}, guesses, files(t, dir)).found(files(t, dir)) {
			t.Errorf("%s: %.200s", format, found)
		}
		for name, text := range contents {
			f, ok := list.Find("output", name)
			whole := name == "empty" || name == "plain"
			if !ok || (f.SHA256 == hash(text)) != (whole || name == "large") || (f.At != "") != whole || whole != (f.Absent == "") {
				t.Errorf("%s: %+v", format, f)
			}
		}
		holds(t, dir)
	}
	// A file that comes back after the seal changes nothing.
	if err := os.WriteFile(filepath.Join(run.WorkDir, "gone"), []byte(contents["gone"]), 0o600); err != nil {
		t.Fatal(err)
	}
	redacted, _ := write(t, run, export.Options{Format: "json", Redact: true})
	holds(t, redacted)
	full, _ := write(t, run, export.Options{Format: "json"})
	holds(t, full)
	holds(t, run.Dir)
	all := files(t, full)
	if len(newAttack([]string{node}, guesses, all).found(all)) == 0 {
		t.Error("the attack finds nothing in a full export: it is none")
	}
	// Of what has no hash nobody says that it is the same.
	d := diff(t, full, redacted)
	if d.Verdict != compare.NotComparable || !strings.Contains(strings.Join(d.Notes, "\n"), "node.txt") {
		t.Errorf("%+v", d)
	}
}

// holds checks that nothing of a record has failed.
func holds(t *testing.T, path string) {
	t.Helper()
	for _, v := range check.Of(t.Context(), open(t, path), check.Options{NoStore: true}).Verdicts {
		if v.Verdict == check.Failed {
			t.Errorf("%s: %s: %s", path, v.What, v.Detail)
		}
	}
}

func diff(t *testing.T, a, b string) *compare.Report {
	t.Helper()
	r, err := compare.Runs(open(t, a), open(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
