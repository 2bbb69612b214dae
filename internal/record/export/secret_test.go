package export_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
)

// A value of env: that the job repeats in its notes, its lines and the names of
// its outputs, in any of the ways in which programs write it, is in no file of
// any redacted export; and what can be verified still is.
func TestNoSecretLeaves(t *testing.T) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > 12 { // an export costs more than a text
			return
		}
		s := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019~!@#%&*()_+-=[]|;':\",./<>?\\üé水")), 8, 40, -1).Draw(rt, "secret")
		quoted, _ := json.Marshal(s)
		forms := map[string]string{"plain": s, "json": string(quoted[1 : len(quoted)-1]), "query": url.QueryEscape(s), "path": url.PathEscape(s), "shell": proc.Quote(s)}
		for i := range 3 {
			forms[fmt.Sprint("base64 ", i)] = strings.Trim(base64.StdEncoding.EncodeToString([]byte("abc"[:i]+s)), "=")
		}
		env := []facts.Var{{Name: "TOKEN", Value: s, From: "job file"}}
		dir := t.TempDir()
		run := recordtest.Make(t, dir, recordtest.Options{Env: env, EnvYAML: "env: {TOKEN: " + string(quoted) + "}\n", Edit: func(p *plan.Plan) {
			for _, f := range forms {
				p.Notes = append(p.Notes, "it is "+f+".", "a="+f+"&b")
				p.Outputs = append(p.Outputs, "out"+f)
				p.Packages = append(p.Packages, "pkg"+f)
				p.Pins[0].From = "ssh://x/" + url.PathEscape(s)
			}
		}})
		run.Seal(t)
		for _, format := range export.Formats {
			r, err := load.Open(run.Dir)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, format)
			if _, err := export.Write(t.Context(), r, export.Options{Format: format, Redact: true, Out: out}); err != nil {
				t.Fatal(err)
			}
			r.Close()
			for name, text := range files(t, out) {
				for kind, f := range forms {
					if strings.Contains(text, f) {
						rt.Fatalf("%s of the %s export holds %q (%s)", name, format, f, kind)
					}
				}
				if strings.Contains(text, recordtest.User) {
					rt.Fatalf("%s of the %s export names the user", name, format)
				}
			}
			if format == "json" || format == "ro-crate" {
				if rep, err := check.Verify(t.Context(), out, check.Options{NoStore: true}); err != nil || !rep.OK {
					rt.Fatalf("%v: %+v", err, rep)
				}
			}
		}
	})
}
