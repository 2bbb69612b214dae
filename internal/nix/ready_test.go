package nix

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixtree"
)

// The warm path: no process, and a root that Nix itself knows.
func TestReady(t *testing.T) {
	n, c := testNix(t)
	ctx := context.Background()
	e := minipkgs(t, "final: prev: { unique = \""+t.TempDir()+"\"; }")
	ex := Expression(e)
	if _, ok := n.Ready(ex); ok {
		t.Fatal("ready before it is built")
	}
	ex, out := realise(t, n, e)
	before := c.count()
	got, ok := n.Ready(ex)
	if !ok || got != out || c.count() != before {
		t.Fatalf("%q, %v, %d processes", got, ok, c.count()-before)
	}
	link, err := n.link(ex)
	if err != nil {
		t.Fatal(err)
	}
	roots := mustRun(t, n.environ(), "nix-store", "--query", "--roots", out)
	if !strings.Contains(roots, link) {
		t.Errorf("Nix does not know the root %s:\n%s", link, roots)
	}

	// The same directory under another name is the same root.
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(n.Dir, alias); err != nil {
		t.Fatal(err)
	}
	other := &Nix{Runner: n.Runner, Dir: alias, Environ: n.Environ}
	if _, ok := other.Ready(ex); !ok {
		t.Error("not ready by way of a symbolic link")
	}

	// A directory that was moved: the store points to where it was.
	moved := n.Dir + "-moved"
	if err := os.Rename(n.Dir, moved); err != nil {
		t.Fatal(err)
	}
	n.Dir = moved
	if _, ok := n.Ready(ex); ok {
		t.Error("ready in a directory that was moved")
	}
	d, err := n.Instantiate(ctx, ex)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := n.Realise(ctx, ex, d); err != nil || again != out {
		t.Errorf("realised again: %q, %v", again, err)
	}

	// A link to something else, and none.
	link, err = n.link(ex)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/nix/store/00000000000000000000000000000000-gone", "/etc", ""} {
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if target != "" {
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
		}
		if _, ok := n.Ready(ex); ok {
			t.Errorf("ready with a link to %q", target)
		}
		if again, err := n.Realise(ctx, ex, d); err != nil || again != out {
			t.Errorf("realised over a link to %q: %q, %v", target, again, err)
		}
	}
}

// A derivation that was collected is evaluated again when it is built.
func TestRealiseAfterCollection(t *testing.T) {
	n, _ := testNix(t)
	e := minipkgs(t, "final: prev: { unique = \""+t.TempDir()+"\"; }")
	e.Name = "collected-" + filepath.Base(filepath.Dir(t.TempDir()))
	ex, d := instantiate(t, n, e)
	mustRun(t, n.environ(), "nix-store", "--delete", d.Drv)
	if out, err := n.Realise(context.Background(), ex, d); err != nil || out != d.Out {
		t.Errorf("%q, %v", out, err)
	}
}

func TestClosure(t *testing.T) {
	n, _ := testNix(t)
	_, out := realise(t, n, minipkgs(t, ""))
	paths, err := n.Closure(context.Background(), out)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]Path{}
	for _, p := range paths {
		have[p.Path] = p
		sri, err := nixtree.HashTree(p.Path)
		if err != nil || sri != p.NarHash {
			t.Errorf("%s: the store says %s, its tree is %s (%v)", p.Path, p.NarHash, sri, err)
		}
		if p.NarSize <= 0 || !strings.HasSuffix(p.Deriver, ".drv") {
			t.Errorf("%+v", p)
		}
	}
	if len(have) < 4 || have[out].Path != out {
		t.Errorf("%d paths, %v", len(have), have[out])
	}
	for _, p := range paths {
		for _, ref := range p.References {
			if _, ok := have[ref]; !ok {
				t.Errorf("%s refers to %s, which is not in the closure", p.Path, ref)
			}
		}
	}
	for _, bad := range []string{"x", "x\nzz\n1\n\n0\n", "x\n" + strings.Repeat("0", 64) + "\n1\n\n2\na\n"} {
		if got, err := parseDump(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func BenchmarkReady(b *testing.B) {
	n, c := testNix(b)
	ex, _ := realise(b, n, minipkgs(b, ""))
	before := c.count()
	for b.Loop() {
		if _, ok := n.Ready(ex); !ok {
			b.Fatal("not ready")
		}
	}
	if c.count() != before {
		b.Fatal("a process was started")
	}
}

// What a warm submit does for its environment: hash the pinned tree, write the
// expression, find the root.
func BenchmarkWarm(b *testing.B) {
	n, _ := testNix(b)
	realise(b, n, minipkgs(b, ""))
	for b.Loop() {
		if _, ok := n.Ready(Expression(minipkgs(b, ""))); !ok {
			b.Fatal("not ready")
		}
	}
}
