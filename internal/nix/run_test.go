package nix

import (
	"context"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// recorder keeps what a program says.
type recorder struct {
	proc.Runner
	to io.Writer
}

func (r recorder) Run(ctx context.Context, c proc.Cmd) (proc.Result, error) {
	c.Stderr = io.MultiWriter(c.Stderr, r.to)
	return r.Runner.Run(ctx, c)
}

func TestVersions(t *testing.T) {
	for in, want := range map[string][2]string{
		"nix (Nix) 2.8.0":                                {"Nix", "2.8.0"},
		"nix-instantiate (Nix) 2.18.9\n":                 {"Nix", "2.18.9"},
		"nix (Lix, like Nix) 2.91.1":                     {"Lix", "2.91.1"},
		"nix (Determinate Nix 3.4.1) 2.28.2":             {"Determinate Nix", "2.28.2"},
		"nix-instantiate (Nix) 2.25.0pre20240910_abcdef": {"Nix", "2.25.0"},
	} {
		v, err := ParseVersion(in)
		if err != nil || v.Flavour != want[0] || v.String() != want[1] {
			t.Errorf("%q: %+v, %v", in, v, err)
		}
	}
	for _, bad := range []string{"", "nix", "nix 2.8", "(Nix) x"} {
		if v, err := ParseVersion(bad); err == nil {
			t.Errorf("%q is %v", bad, v)
		}
	}
	v := Version{Parts: []int{2, 18, 1}}
	for min, want := range map[string]bool{"2.18": true, "2.18.1": true, "2.18.2": false, "2.9": true, "2.20": false, "3": false, "2": true, "x": false} {
		if v.AtLeast(min) != want {
			t.Errorf("2.18.1 at least %s: %v", min, !want)
		}
	}
	n, c := testNix(t)
	got, err := n.Version(context.Background())
	if err != nil || !got.AtLeast("2.3") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := n.Version(context.Background()); err != nil || c.count() != 1 {
		t.Errorf("asked %d times", c.count())
	}
}

// Nothing of the caller's Nix settings reaches an evaluation; where Nix is and
// how it reaches the network does.
func TestCleanEnviron(t *testing.T) {
	got := cleanEnviron([]string{"NIX_PATH=nixpkgs=/x", "NIXPKGS_CONFIG=/y", "NIXPKGS_ALLOW_UNFREE=1", "NIX_BUILD_SHELL=/z",
		"IN_NIX_SHELL=impure", "HOME=/h", "NIX_REMOTE=daemon", "NIX_CONF_DIR=/c", "SSL_CERT_FILE=/s", "https_proxy=p"})
	want := []string{"HOME=/h", "NIX_REMOTE=daemon", "NIX_CONF_DIR=/c", "SSL_CERT_FILE=/s", "https_proxy=p", "NIX_PATH="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The wrapper stands before Nix, and not before git.
func TestWrapper(t *testing.T) {
	n, c := testNix(t)
	n.Programs.Wrapper = []string{"env", "-u", "NOTHING"}
	if _, err := n.Version(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := "env -u NOTHING nix-instantiate --version"; c.lines[0] != want {
		t.Errorf("%q, want %q", c.lines[0], want)
	}
}
