package export_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/jobspec"
)

// The values of a sweep that the job file marks as private are in no file of a
// redacted export, however the job file has them and wherever the record repeats
// them; those that it does not mark are.
func TestRedactMarked(t *testing.T) {
	const long, lines, middle, short, open = "compound X-1138/b", "first line 1138\nsecond line 1139", "ben7ene", "oq", "sto-3g"
	row := func(patient, drug, q string) jobspec.Row {
		return jobspec.Row{{Name: "drug", Value: drug}, {Name: "patient", Value: patient}, {Name: "q", Value: q}, {Name: "BASIS", Value: open}}
	}
	quoted, _ := json.Marshal(lines)
	for name, block := range map[string]string{
		"rows":   "sweep:\n  rows: # not " + middle + "\n    - {drug: " + long + ", patient: " + string(quoted) + ", q: " + short + ", BASIS: " + open + "}\n    - {drug: " + middle + ", patient: x9, q: " + short + ", BASIS: " + open + "}\n",
		"matrix": "sweep:\n  matrix:\n    drug: [" + long + ",\n      " + middle + "]\n    patient: [x9, " + string(quoted) + "]\n    q:\n    - " + short + "\n    BASIS: [" + open + "]\n  exclude:\n  - {drug: " + long + "}\n  max-running: 7\n",
		"flow":   "sweep: {csv: t.csv, matrix: {\"q\": ['" + short + "'], drug: [\"compound X\\u002d1138/b\"]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			text := "basis " + open + ", q = " + short + "\n"
			run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 2, Sweep: []jobspec.Row{row(lines, long, short), row("x9", middle, short)},
				Private: []string{"drug", "patient", "q"}, Marks: block + "private: [drug, patient, q]\n",
				Outputs: []facts.File{{Path: "q.txt", Size: int64(len(text)), SHA256: digest.Bytes([]byte(text))}},
				Edit: func(p *plan.Plan) {
					p.Notes = append(p.Notes, "has_"+long+"_in it", url.QueryEscape(long), base64.StdEncoding.EncodeToString([]byte("a"+long)), hex.EncodeToString([]byte(long)),
						"second line 1139 alone", string(quoted), "x-"+middle+"-"+strings.ToUpper(middle)+"2", url.PathEscape(lines))
				}})
			if err := os.WriteFile(filepath.Join(run.WorkDir, "q.txt"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			run.Seal(t)
			dir, list := write(t, run, export.Options{Format: "json", Redact: true})
			all := files(t, dir)
			for file, text := range all {
				for _, p := range []string{long, "line 1138", "X-1138", "line 1139", middle, strings.ToUpper(middle), `"x9"`, "-x9-", `"` + short + `"`, "-" + short + "-", "=" + short, " " + short + "\n", url.QueryEscape(long)} {
					if strings.Contains(text, p) {
						t.Errorf("%s holds %q:\n%.600s", file, p, text)
					}
				}
			}
			if !strings.Contains(all["sweep.json"], open) || !strings.Contains(all["job.yaml"], "private: [drug, patient, q]") || strings.Contains(all["job.yaml"], "left out") {
				t.Errorf("too much is replaced:\n%s\n%s", all["job.yaml"], all["sweep.json"])
			}
			if f, _ := list.Find("output", "q.txt"); f.At != "" {
				t.Errorf("an output with a private value is in it: %+v", f)
			}
			rep, err := check.Verify(t.Context(), dir, check.Options{NoStore: true})
			if err != nil || !rep.OK {
				t.Errorf("%v: %+v", err, rep)
			}
			if rep, err = check.Verify(t.Context(), run.Dir, check.Options{NoStore: true}); err != nil || !rep.OK {
				t.Errorf("%v: %+v", err, rep)
			}
			var table struct{ Tasks [][]string }
			if err := json.Unmarshal([]byte(all["sweep.json"]), &table); err != nil || table.Tasks[0][2] != table.Tasks[1][2] || !private.Hidden(table.Tasks[0][2]) {
				t.Errorf("%v: %v", err, table.Tasks)
			}
		})
	}
}
