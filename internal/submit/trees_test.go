package submit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/jobspec"
)

// A tree that is not there is told with its key and its place in the job file.
func TestTrees(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"whole", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "whole", "default.nix"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for pin, want := range map[string]string{
		"whole":                       "",
		dir + "/whole":                "",
		"./whole/../whole/.":          "",
		"nope":                        `x.yaml:2:24: environment.nixpkgs.path: there is no directory "nope"`,
		"whole/default.nix":           `"whole/default.nix" is not a directory`,
		"whole/default.nix/deeper":    "cannot be read: not a directory",
		"empty":                       `environment.nixpkgs.path: "empty" has no default.nix`,
		"whole}, overlays: [{path: e": `environment.overlays.path: there is no directory "e"`,
		"whole}, overlays: [{path: whole, file: o.nix": `environment.overlays.path: "whole" has no o.nix`,
	} {
		end := "}, packages: [p]}\n"
		if strings.Contains(pin, "[") {
			end = "}], packages: [p]}\n"
		}
		spec, err := jobspec.Parse("x.yaml", []byte("name: x\nenvironment: {nixpkgs: {path: "+pin+end+"run: x\n"))
		if err != nil {
			t.Fatal(pin, err)
		}
		err = (&Loaded{Spec: spec, WorkDir: dir}).trees()
		var ps jobspec.Problems
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", pin, err)
		case want != "" && (!errors.As(err, &ps) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", pin, err, want)
		}
	}
}

// What costs time is said; what a small tree costs is not worth a line.
func TestTreeNotes(t *testing.T) {
	for _, c := range []struct {
		how  nixsource.Hashed
		want string
	}{
		{nixsource.Hashed{Why: "", Files: 44000}, ""},
		{nixsource.Hashed{Why: nixsource.HashedFirst, Files: 44000}, ""},
		{nixsource.Hashed{Why: nixsource.HashedChanged, Files: 3}, "the hash of ../pkgs was computed again from 3 files: it changed since it was last read"},
		{nixsource.Hashed{Why: nixsource.HashedRecent, Files: 3}, ""},
		{nixsource.Hashed{Why: nixsource.HashedRecent, Files: 44000}, "moments before"},
		{nixsource.Hashed{Why: nixsource.HashedUntold, Files: 3}, ""},
		{nixsource.Hashed{Why: nixsource.HashedUntold, Files: 44000}, "not known to tell"},
	} {
		j := Loaded{sources: []nixsource.Source{{Kind: "path", Pin: jobspec.Pin{Path: "../pkgs"}, Hashed: c.how}}}
		got := strings.Join(j.TreeNotes(), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.how, got, c.want)
		}
	}
}
