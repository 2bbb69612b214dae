package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// forged is what a record would write to a terminal: a line of its own, over
// lines of ours, hidden, turned round.
const forged = "\nFORGED all is proved\r\nFORGED\u2028FORGED\x1b[2A\x1b]0;FORGED\a\u009b2J\x7f\u202e\u2066\u200b\ufe0f\tx"

// poison adds forged to every text of a fact that is free to be anything.
func poison(v any, key string) any {
	fixed := []string{"schema", "run_id", "token", "time", "submit", "start", "end", "expression", "key", "state", "how", "arch", "build", "store", "drv", "out", "flags", "script", "job"}
	switch v := v.(type) {
	case string:
		if v == "" || slices.Contains(fixed, key) {
			return v
		}
		return v + forged
	case []any:
		for i := range v {
			v[i] = poison(v[i], key)
		}
	case map[string]any:
		for k := range v {
			v[k] = poison(v[k], k)
		}
	}
	return v
}

func poisonAll(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		var v any
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &v)
		}
		if err == nil {
			data, err = json.Marshal(poison(v, ""))
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// steered is what in a text a terminal would obey, "" if nothing.
func steered(text string) string {
	for i, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0xfe0f || r == unicode.ReplacementChar) {
			return text[max(0, i-60):min(len(text), i+20)]
		}
	}
	for l := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(l), "FORGED") {
			return l
		}
	}
	return ""
}

// A record, a run, an export and file names of somebody who wants to write on
// the reader's terminal: every command shows them, and none obeys.
func TestHostileRecordOnAScreen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env, err := place(bed(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	run := recordtest.Make(t, dir, recordtest.Options{Tasks: 2, NoEnd: map[int]bool{1: true}})
	poisonAll(t, run.Dir)
	// The lines of a log that why shows, too.
	log := "error: no such file" + forged + "\nslurmstepd: error: *** JOB 12 ON n1" + strings.ReplaceAll(forged, "\n", "") + " CANCELLED AT 2026-01-02T03:05:00 DUE TO TIME LIMIT ***\n"
	if err := os.WriteFile(filepath.Join(run.Dir, "logs", "0.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	sealed := run.Seal(t)
	me := at{t, run.WorkDir, env}
	show := func(args ...string) {
		t.Helper()
		for _, more := range [][]string{nil, {"--json"}} {
			if more != nil && (args[0] == "logs" || args[0] == "cancel") {
				continue
			}
			res, _ := proc.System{}.Run(t.Context(), proc.Cmd{Path: bin(t), Args: append(args, more...), Dir: me.dir, Env: env}) // most of it fails
			text := string(res.Stdout) + string(res.Stderr)
			if bad := steered(text); bad != "" {
				t.Errorf("%q: the terminal obeys %q in\n%q", args, bad, text)
			}
			if len(text) == 0 || strings.Contains(text, "goroutine") {
				t.Errorf("%q printed %q", args, text)
			}
		}
	}
	odd := filepath.Join(dir, "odd"+strings.ReplaceAll(forged, "/", "")+".yaml")
	if err := os.WriteFile(odd, []byte("name: x\nrun: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lines.yaml"), []byte("name: \"x\\e[2A\"\n\"a\\nFORGED\": 1\nrun: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	show("check", odd)
	show("check", "../lines.yaml")
	show("check", forged)
	show("status", forged)
	for _, c := range [][]string{{"status"}, {"status", recordtest.ID}, {"why"}, {"record", "show"}, {"record", "list"}, {"record", "verify"},
		{"record", "diff", recordtest.ID, recordtest.ID}, {"record", "export", "-o", "x"}, {"record", "show", "./x"}, {"record", "verify", "./x"},
		{"rerun", "--local", "--dir", "again", "./x"}, {"rerun", "--dir", "again2", recordtest.ID}, {"retry"}, {"cancel"}, {"record", "seal", recordtest.ID}} {
		show(c...)
	}
	// One that was changed since: the errors quote it.
	if err := os.WriteFile(filepath.Join(run.WorkDir, "x", "evil"+strings.ReplaceAll(forged, "/", "")), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(run.WorkDir, "x", "plan.json")
	if err := os.WriteFile(plan, []byte(`{"schema":"nixbatch/plan/v9\nFORGED\u001b[A"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	show("record", "verify", "./x")
	show("record", "show", "./x")
	show("rerun", "--dir", "again3", "./x")
	if res, err := (proc.System{}).Run(t.Context(), proc.Cmd{Path: bin(t), Args: []string{"record", "show", recordtest.ID}, Dir: me.dir, Env: env}); err != nil || !strings.Contains(string(res.Stdout), sealed.ID) || !strings.Contains(string(res.Stdout), `\nFORGED`) {
		t.Errorf("%v: the page is\n%s", err, res.Stdout)
	}
}
