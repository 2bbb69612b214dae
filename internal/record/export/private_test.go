package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/check"
	"github.com/nixbatch/nixbatch/internal/record/export"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// The values of env: are in no file of a redacted export, however the job file
// has them; what is equal stays equal, and the export verifies.
func TestRedactEnv(t *testing.T) {
	const secret, short = "hunter2-and-more", "zq7"
	env := []facts.Var{{Name: "TOKEN", Value: secret, From: "job file"}, {Name: "PIN", Value: short, From: "job file"}, {Name: "NONE", From: "job file"}}
	for name, block := range map[string]string{
		"block":     "",
		"comments":  "env: # " + secret + "\n  TOKEN: " + secret + " # was " + short + "\n  # " + secret + "\n  PIN: " + short + "\n  NONE: ''\n",
		"flow":      "env: {TOKEN: " + secret + ", PIN: '" + short + "', NONE: ''}\n",
		"two lines": "env:\n  TOKEN: |-\n    " + secret + "\n  PIN:\n    " + short + "\n  NONE: ''\n",
		"quoted":    "\"env\":\n  \"TOKEN\": \"hunter2-and-\\\n    more\"\n  PIN: \"z\\x717\"\n  NONE: ''\n",
		// To the parser a carriage return ends a line.
		"odd ends": "# x\r# y\r# z\nenv:\n  PIN: " + short + "\n  TOKEN: " + secret + "\n  NONE: ''\n",
		"returns":  "env:\r\n  TOKEN: " + secret + "\r\n  PIN: " + short + "\r\n  NONE: ''\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			run := sealed(t, recordtest.Options{Env: env, EnvYAML: block, Edit: func(p *plan.Plan) {
				p.Notes = append(p.Notes, "TOKEN is "+secret)
			}})
			job, err := os.ReadFile(filepath.Join(run.Dir, "job.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			dir, _ := write(t, run, export.Options{Format: "ro-crate", Redact: true})
			all := files(t, dir)
			for file, text := range all {
				for _, p := range []string{secret, short, "hunter2", `z\x717`, digest.Bytes(job)} {
					if strings.Contains(text, p) {
						t.Errorf("%s holds %s:\n%s", file, p, text)
					}
				}
			}
			var p plan.Plan
			if err := json.Unmarshal([]byte(all["plan.json"]), &p); err != nil {
				t.Fatal(err)
			}
			token := p.Env[0].Value
			if !private.Hidden(token) || p.Env[2].Value != "" || !strings.Contains(all[seal.TasksFile], token) || !strings.Contains(all["plan.json"], "TOKEN is "+token) {
				t.Errorf("%+v", p)
			}
			if name != "odd ends" {
				var got struct {
					Env map[string]string
					Run string
				}
				if err := yaml.Unmarshal([]byte(all["job.yaml"]), &got); err != nil || got.Env["TOKEN"] != token || got.Env["NONE"] != "" || got.Run == "" {
					t.Errorf("%v: %+v\n%s", err, got, all["job.yaml"])
				}
			}
			rep, err := check.Verify(t.Context(), dir, check.Options{NoStore: true})
			if err != nil || !rep.OK {
				t.Errorf("%v: %+v", err, rep)
			}
		})
	}
	// The full export has them.
	dir, _ := write(t, sealed(t, recordtest.Options{Env: env}), export.Options{Format: "json"})
	if !strings.Contains(files(t, dir)["job.yaml"], secret) {
		t.Error("the full export is redacted")
	}
}

// The hash of a job file with nothing private but a short value of env: would
// let anybody try the value out.
func TestRedactHashOfJob(t *testing.T) {
	job := []byte("name: water\nenv: {PIN: zq7}\nrun: rhf\n")
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Env: []facts.Var{{Name: "PIN", Value: "zq7", From: "job file"}},
		Edit: func(p *plan.Plan) { p.Job = digest.Bytes(job) }})
	if err := os.WriteFile(filepath.Join(run.Dir, "job.yaml"), job, 0o600); err != nil {
		t.Fatal(err)
	}
	run.Seal(t)
	dir, _ := write(t, run, export.Options{Format: "json", Redact: true})
	for name, text := range files(t, dir) {
		if strings.Contains(text, digest.Bytes(job)) {
			t.Errorf("%s has the hash of the job file", name)
		}
	}
}

// A run that was sealed before env: was private verifies, and is not exported as
// if it were redacted.
func TestRedactEnvOfOldSeal(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Env: []facts.Var{{Name: "TOKEN", Value: "hunter2-and-more", From: "job file"}}})
	run.Seal(t)
	r := open(t, run.Dir)
	r.Source = older{r.Source}
	_, err := export.Write(t.Context(), r, export.Options{Format: "json", Redact: true, Out: filepath.Join(t.TempDir(), "x")})
	var ee *fault.Error
	if !errors.As(err, &ee) || !strings.Contains(ee.Message, "env:") {
		t.Error(err)
	}
}

// older has the private values as they were kept before env: was among them.
type older struct{ source.Source }

func (o older) Open(name string) (io.ReadCloser, error) {
	if name != private.PrivateFile {
		return o.Source.Open(name)
	}
	data, err := source.ReadAll(o.Source, name)
	return io.NopCloser(bytes.NewReader(bytes.Replace(data, []byte(`"env":true,`), nil, 1))), err
}

// No output comes from outside the job's directory through a link, and nothing
// from nixbatch's own.
func TestNothingFromElsewhere(t *testing.T) {
	const text = "not yours\n"
	names := map[string]string{
		"link":             "symbolic link",
		"dir/secret":       "symbolic link",
		".nixbatch/salt2":  "file of nixbatch",
		"mine/salt2":       "file of nixbatch",
		"../beside":        "",
		"sub/plain":        "",
		"inside/plain":     "",
		"absolute/plain":   "",
		"sub/../sub/plain": "",
	}
	var outs []facts.File
	for n := range names {
		outs = append(outs, facts.File{Path: n, Size: int64(len(text)), SHA256: digest.Bytes([]byte(text))})
	}
	run := sealed(t, recordtest.Options{Outputs: outs})
	elsewhere := t.TempDir()
	at := func(name string) string { return filepath.Join(run.WorkDir, name) }
	if err := errors.Join(os.Mkdir(at("sub"), 0o700), os.WriteFile(filepath.Join(elsewhere, "secret"), []byte(text), 0o600), os.WriteFile(at("../beside"), []byte(text), 0o600),
		os.WriteFile(at("sub/plain"), []byte(text), 0o600), os.WriteFile(filepath.Join(run.Project, "salt2"), []byte(text), 0o600),
		os.Symlink(filepath.Join(elsewhere, "secret"), at("link")), os.Symlink(elsewhere, at("dir")), os.Symlink(".nixbatch", at("mine")),
		os.Symlink("sub", at("inside")), os.Symlink(at("sub"), at("absolute"))); err != nil {
		t.Fatal(err)
	}
	_, list := write(t, run, export.Options{Format: "json"})
	for n, why := range names {
		f, ok := list.Find("output", n)
		if !ok || (f.At == "") != (why != "") || !strings.Contains(f.Absent, why) {
			t.Errorf("%s: %+v, want %q", n, f, why)
		}
	}
}
