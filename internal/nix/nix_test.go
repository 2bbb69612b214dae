package nix

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/jobspec"
)

// counter runs real programs and counts them.
type counter struct {
	proc.System
	mu    sync.Mutex
	lines []string
}

func (c *counter) Run(ctx context.Context, cmd proc.Cmd) (proc.Result, error) {
	c.mu.Lock()
	c.lines = append(c.lines, cmd.String())
	c.mu.Unlock()
	return c.System.Run(ctx, cmd)
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

// environ is an environment for Nix that reads nothing of the machine's
// settings: its own nix.conf and home.
func environ(t testing.TB, settings ...string) []string {
	t.Helper()
	home := t.TempDir()
	conf := strings.Join(append([]string{
		"sandbox = false", "build-users-group =", "substituters =", "max-jobs = 2", "cores = 2",
	}, settings...), "\n") + "\n"
	writeFile(t, filepath.Join(home, "conf", "nix.conf"), conf)
	return []string{
		"NIX_CONF_DIR=" + filepath.Join(home, "conf"), "NIX_USER_CONF_FILES=", "HOME=" + home,
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + home, "GIT_CONFIG_NOSYSTEM=1",
	}
}

func testNix(t testing.TB, settings ...string) (*Nix, *counter) {
	t.Helper()
	c := &counter{}
	return &Nix{Runner: c, Dir: filepath.Join(t.TempDir(), ".nixbatch"), Environ: environ(t, settings...)}, c
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func resolvePath(t testing.TB, dir string) nixsource.Source {
	t.Helper()
	s, err := nixsource.Resolve(jobspec.Pin{Kind: jobspec.Path, Path: dir}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// minipkgs is the miniature package set, with an overlay of the test's if text
// is not empty.
func minipkgs(t testing.TB, overlay string) Env {
	t.Helper()
	e := Env{Name: "test", System: "x86_64-linux", Nixpkgs: resolvePath(t, "../../examples/minipkgs"), Packages: []string{"hello"}}
	if overlay != "" {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "default.nix"), overlay)
		e.Overlays = []nixsource.OverlaySource{{Source: resolvePath(t, dir)}}
	}
	return e
}

func instantiate(t testing.TB, n *Nix, e Env) (Expr, Derivation) {
	t.Helper()
	ex := Expression(e)
	d, err := n.Instantiate(context.Background(), ex)
	if err != nil {
		t.Fatalf("%v\n%+v", err, err)
	}
	return ex, d
}

func realise(t testing.TB, n *Nix, e Env) (Expr, string) {
	t.Helper()
	ex, d := instantiate(t, n, e)
	out, err := n.Realise(context.Background(), ex, d)
	if err != nil {
		t.Fatal(err)
	}
	return ex, out
}
