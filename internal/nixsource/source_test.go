package nixsource

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/jobspec"
)

func TestResolvePath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree-1.0")
	writeFile(t, dir+"/default.nix", "{ }")
	writeFile(t, dir+"/.hidden/x", "counts too")
	base := filepath.Dir(dir)
	sri, err := nixtree.HashTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"tree-1.0", "./tree-1.0/", "link", dir} {
		s, err := Resolve(jobspec.Pin{Path: path}, base)
		if err != nil || s.Hash != sri || s.Tree != dir || strings.Contains(s.URL, base) {
			t.Errorf("%s: %+v, %v", path, s, err)
		}
	}
	var he *HashError
	wrong := "sha256-" + strings.Repeat("A", 43) + "="
	_, err = Resolve(jobspec.Pin{Path: dir, Hash: wrong}, base)
	if !errors.As(err, &he) || he.Want != wrong || he.Got != sri || !strings.Contains(err.(*Error).Hint(), sri) {
		t.Errorf("wrong hash: %v", err)
	}
	for _, bad := range []jobspec.Pin{{}, {Path: "none"}, {Path: dir + "/default.nix"}, {URL: "https://example.org/x"},
		{Git: "x", Rev: "y", Hash: "sha256-short"}, {URL: "u", Hash: "sha512-x"}} {
		var e *Error
		if s, err := Resolve(bad, base); !errors.As(err, &e) || fault.KindOf(err) != fault.Nix && fault.KindOf(err) != fault.System {
			t.Errorf("%+v: %+v, %v", bad, s, err)
		}
	}
	s, err := Resolve(jobspec.Pin{GitHub: "NixOS/nixpkgs", Rev: strings.Repeat("a", 40), Hash: sri}, base)
	if err != nil || s.URL != "https://github.com/NixOS/nixpkgs/archive/"+strings.Repeat("a", 40)+".tar.gz" {
		t.Errorf("%+v, %v", s, err)
	}
}
