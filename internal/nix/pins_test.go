package nix

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixsource"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/proc"
	"github.com/nixbatch/nixbatch/jobspec"
)

func mustRun(t testing.TB, env []string, path string, args ...string) string {
	t.Helper()
	res, err := proc.System{}.Run(context.Background(), proc.Cmd{Path: path, Args: args, Env: env})
	if err != nil {
		t.Fatalf("%v\n%s", err, res.Stderr)
	}
	return strings.TrimSpace(string(res.Stdout))
}

// oddTree has what makes hashing a tree hard: order, modes, links, empties.
func oddTree(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree-1.0")
	for name, text := range map[string]string{
		"default.nix": "{ }", "a/b": "1", "a-b": "2", "a.b/c": "3", "A": "", ".hidden/x": "y", "ünïcode": "z", "with space": "w",
		".nixbatch/roots/x": "counts too", "big": strings.Repeat("0123456789", 50_000), t.Name(): "unique\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(dir, "A"), 0o755), os.Chmod(filepath.Join(dir, "a-b"), 0o611),
		os.Symlink("../nowhere", filepath.Join(dir, "a", "link")), os.Mkdir(filepath.Join(dir, "empty"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func tarball(t testing.TB, dir string) []byte {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH")}
	file := filepath.Join(t.TempDir(), "t.tar.gz")
	mustRun(t, env, "tar", "-C", filepath.Dir(dir), "-czf", file, filepath.Base(dir))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The hash of a tree, and its store path, are Nix's own.
func TestHashesAreNixs(t *testing.T) {
	n, _ := testNix(t)
	dir := oddTree(t)
	got, err := nixtree.HashTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := mustRun(t, n.environ(), "nix-hash", "--type", "sha256", "--base32", dir)
	if nixtree.ToSRI("sha256:"+want) != got {
		t.Errorf("tree: %s, Nix says %s", got, want)
	}
	source := filepath.Join(t.TempDir(), "source")
	if err := os.Rename(dir, source); err != nil {
		t.Fatal(err)
	}
	s := resolvePath(t, source)
	if path := mustRun(t, n.environ(), "nix-store", "--add-fixed", "--recursive", "sha256", source); path != s.StorePath() {
		t.Errorf("store path: %s, Nix says %s", s.StorePath(), path)
	}
	if err := n.provide(context.Background(), []nixsource.Source{s}, true); err != nil {
		t.Errorf("adding again: %v", err)
	}
}

// pinnedPkgs is a tree that can be a nixpkgs for Info, never seen before.
func pinnedPkgs(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pkgs")
	writeFile(t, dir+"/default.nix", "_: { }\n")
	writeFile(t, dir+"/lib/minver.nix", "\"2.1\"\n")
	writeFile(t, dir+"/unique", dir)
	return dir
}

// Tarballs by file:// and over HTTP: the right hash, a wrong one, a dead URL.
func TestTarballPins(t *testing.T) {
	ctx := context.Background()
	for _, kind := range []string{"file", "http"} {
		n, _ := testNix(t)
		dir := pinnedPkgs(t)
		sri, err := nixtree.HashTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "pkgs.tar.gz")
		if err := os.WriteFile(file, tarball(t, dir), 0o644); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(file))))
		t.Cleanup(server.Close)
		base := map[string]string{"file": "file://" + filepath.Dir(file), "http": server.URL}[kind]
		info := func(url, hash string) (PinInfo, error) {
			s, err := nixsource.Resolve(jobspec.Pin{URL: url, Hash: hash}, ".")
			if err != nil {
				t.Fatal(err)
			}
			return n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: s})
		}
		wrong := "sha256-" + strings.Repeat("A", 43) + "="
		var he *nixsource.HashError
		var fe *FetchError
		var e *Error
		_, err = info(base+"/pkgs.tar.gz", wrong)
		if !errors.As(err, &he) || he.Want != wrong || he.Got != sri || he.What != base+"/pkgs.tar.gz" || !errors.As(err, &e) || !strings.Contains(e.Hint(), sri) {
			t.Errorf("%s: wrong hash: %v", kind, err)
		}
		// The tree just fetched is in the store under its own hash by now, and a
		// dead URL with that hash would succeed.
		_, err = info(base+"/none.tar.gz", "sha256-"+strings.Repeat("B", 42)+"A=")
		if !errors.As(err, &fe) || fe.URL != base+"/none.tar.gz" || !errors.As(err, &e) || e.Hint() == "" || e.LogFile == "" {
			t.Errorf("%s: dead URL: %v", kind, err)
		}
		got, err := info(base+"/pkgs.tar.gz", sri)
		if err != nil || got.MinNix != "2.1" {
			t.Errorf("%s: right hash: %+v, %v", kind, got, err)
		}
	}
}

func TestGitPins(t *testing.T) {
	n, c := testNix(t)
	ctx := context.Background()
	dir := pinnedPkgs(t)
	writeFile(t, dir+"/crlf.txt", "a\r\nb\r\n")
	writeFile(t, dir+"/.gitattributes", "dropped export-ignore\n")
	writeFile(t, dir+"/dropped", "still there\n")
	sri, err := nixtree.HashTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		t.Helper()
		return mustRun(t, n.environ(), "git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main"}, args...)...)
	}
	git("init", "--quiet")
	git("add", "--all")
	git("commit", "--quiet", "-m", "first")
	rev := git("rev-parse", "HEAD")
	writeFile(t, dir+"/later", "x")
	git("add", "--all")
	git("commit", "--quiet", "-m", "second")

	resolve := func(url, rev, hash string) nixsource.Source {
		t.Helper()
		s, err := nixsource.Resolve(jobspec.Pin{Git: url, Rev: rev, Hash: hash}, ".")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var he *nixsource.HashError
	var fe *FetchError
	wrong := "sha256-" + strings.Repeat("A", 43) + "="
	if _, err := n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: resolve(dir, rev, wrong)}); !errors.As(err, &he) || he.Got != sri || he.What != dir {
		t.Errorf("wrong hash: %v", err)
	}
	if _, err := n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: resolve(dir, strings.Repeat("1", 40), sri)}); !errors.As(err, &fe) {
		t.Errorf("no such revision: %v", err)
	}
	if _, err := n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: resolve(dir+"/none", rev, sri)}); !errors.As(err, &fe) {
		t.Errorf("no such repository: %v", err)
	}
	if _, err := n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: resolve("--upload-pack=touch /tmp/never", rev, sri)}); !errors.As(err, &fe) {
		t.Errorf("a URL that looks like an option: %v", err)
	}
	s := resolve(dir, rev, sri)
	if min, err := n.Info(ctx, Env{System: "x86_64-linux", Nixpkgs: s}); err != nil || min.MinNix != "2.1" {
		t.Errorf("%+v, %v", min, err)
	}
	if _, err := os.Lstat(s.StorePath() + "/.git"); err == nil {
		t.Error(".git is in the source")
	}
	before := c.count()
	if err := n.provide(ctx, []nixsource.Source{s}, false); err != nil || c.count() != before {
		t.Errorf("a source that is there was fetched again: %v", err)
	}
	if _, err := os.Lstat("/tmp/never"); err == nil {
		t.Error("a URL was run")
	}
	left, err := filepath.Glob(filepath.Join(n.getenv("TMPDIR"), "nixbatch-git-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A tree that changes after it was hashed is not put into the store.
func TestTreeChanges(t *testing.T) {
	n, _ := testNix(t)
	dir := pinnedPkgs(t)
	s := resolvePath(t, dir)
	writeFile(t, dir+"/default.nix", "changed")
	var e *nixsource.Error
	if _, err := n.Info(context.Background(), Env{System: "x86_64-linux", Nixpkgs: s}); !errors.As(err, &e) || !strings.Contains(e.Error(), "changed while it was read") || e.Hint() == "" {
		t.Errorf("%v", err)
	}
}

// What an interrupted copy leaves in the store, Nix does not know of: it is
// put there again.
func TestUnregisteredSource(t *testing.T) {
	n, _ := testNix(t)
	s := resolvePath(t, pinnedPkgs(t))
	writeFile(t, s.StorePath()+"/lib/minver.nix", "half a cop")
	if min, err := n.Info(context.Background(), Env{System: "x86_64-linux", Nixpkgs: s}); err != nil || min.MinNix != "2.1" {
		t.Errorf("%+v, %v", min, err)
	}
	if sri, err := nixtree.HashTree(s.StorePath()); err != nil || sri != s.Hash {
		t.Errorf("in the store: %s, %v, want %s", sri, err, s.Hash)
	}
}
