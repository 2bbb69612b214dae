package nix

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/jobspec"
)

// What pin prints is a pin that the job file takes, with Nix's own hash, and a
// name that moves is pinned to the commit it stands for.
func TestPinText(t *testing.T) {
	n, _ := testNix(t)
	ctx := context.Background()
	dir := oddTree(t)
	if err := os.RemoveAll(dir + "/empty"); err != nil { // git keeps no empty directory
		t.Fatal(err)
	}
	sri, err := nixtree.HashTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	data := tarball(t, dir)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/t.tar.gz" {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}))
	defer srv.Close()
	file := t.TempDir() + "/it's.tar.gz"
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	repo := dir
	git := func(args ...string) string {
		t.Helper()
		return mustRun(t, n.environ(), "git", append([]string{"-C", repo, "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main"}, args...)...)
	}
	git("init", "--quiet")
	git("add", "--all", "--force")
	git("commit", "--quiet", "-m", "first")
	rev := git("rev-parse", "HEAD")
	git("tag", "-a", "-m", "a tag", "v1")
	git("checkout", "--quiet", "-b", "old/main")
	git("commit", "--quiet", "--allow-empty", "-m", "second")

	for given, want := range map[string]string{
		srv.URL + "/t.tar.gz":                "url: " + srv.URL + "/t.tar.gz\nhash: " + sri + "\n",
		"file://" + file:                     "url: 'file://" + strings.ReplaceAll(file, "'", "''") + "'\nhash: " + sri + "\n",
		"git+file://" + repo + "?rev=" + rev: "git: file://" + repo + "\nrev: " + rev + "\nhash: " + sri + "\n",
		"git+file://" + repo + "?ref=main":   "git: file://" + repo + "\nrev: " + rev + "\nhash: " + sri + "\n",
		"git+file://" + repo + "?ref=v1":     "git: file://" + repo + "\nrev: " + rev + "\nhash: " + sri + "\n",
	} {
		got, err := n.PinText(ctx, given)
		if err != nil || got != want {
			t.Errorf("%s:\n got %q (%v)\nwant %q", given, got, err, want)
			continue
		}
		job := "name: x\nenvironment:\n  nixpkgs:\n    " + strings.ReplaceAll(strings.TrimSpace(got), "\n", "\n    ") + "\n  packages: [hello]\nrun: hello\n"
		if _, err := jobspec.Parse("job.yaml", []byte(job)); err != nil {
			t.Errorf("the pin is refused in a job file: %v", err)
		}
	}
	if err := os.RemoveAll(dir + "/.git"); err != nil {
		t.Fatal(err)
	}
	if got, err := n.PinText(ctx, dir); err != nil || got != "path: "+dir+"\nhash: "+sri+"\n" {
		t.Errorf("a directory: %q, %v", got, err)
	}

	var no *NotASource
	for _, given := range []string{"nixpkgs", "<nixpkgs>", "github:NixOS/nixpkgs", "git+file://" + repo, file, ""} {
		if _, err := n.PinText(ctx, given); !errors.As(err, &no) || no.Hint() == "" {
			t.Errorf("%q: %v", given, err)
		}
	}
	var fe *FetchError
	noTar := t.TempDir() + "/no.tar.gz"
	if err := os.WriteFile(noTar, []byte("no tarball"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{srv.URL + "/none", "file:///nowhere.tar.gz", "http://127.0.0.1:1/t.tar.gz", "file://" + noTar} {
		var e *Error
		if _, err := n.PinText(ctx, given); !errors.As(err, &fe) || !errors.As(err, &e) || e.Decisive == "" || e.Hint() == "" {
			t.Errorf("%q: %v", given, err)
		}
	}
}
