package nix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/nixlang"
	"github.com/nixbatch/nixbatch/internal/nixsource"
)

// provide puts the trees of path and git pins into the store, as the
// directory "source" by which their hash is known there. Those that are there
// already are left alone, unless again is set.
func (n *Nix) provide(ctx context.Context, sources []nixsource.Source, again bool) error {
	for _, s := range sources {
		if (s.Kind != "path" && s.Kind != "git") || (!again && s.InStore()) {
			continue
		}
		tree := s.Tree
		if s.Kind == "git" {
			dir, err := os.MkdirTemp(n.getenv("TMPDIR"), "nixbatch-git-")
			if err != nil {
				return nixsource.Failed(s.Pin, err, "")
			}
			defer os.RemoveAll(dir)
			if tree, err = n.checkout(ctx, s, dir); err != nil {
				return err
			}
			if err := s.Check(tree); err != nil {
				return err
			}
		}
		if err := n.add(ctx, s, tree); err != nil {
			return err
		}
	}
	return nil
}

// add copies a tree into the store; Nix checks that it has the source's hash.
func (n *Nix) add(ctx context.Context, s nixsource.Source, tree string) error {
	text := fmt.Sprintf("builtins.path { name = \"source\"; path = /. + %s; sha256 = %s; }\n", nixlang.QuoteString(tree), nixlang.QuoteString(s.Hash))
	a, err := n.run(ctx, job{
		phase:   "pin",
		program: n.Programs.instantiate(),
		args:    []string{"--eval", "--read-write-mode", "-E", text},
	})
	if err != nil && strings.Contains(a.stderr, "mismatch") {
		return nixsource.Failed(s.Pin, errors.New("the tree changed while it was read"), "run this again when nothing writes to it")
	}
	if err != nil {
		return err
	}
	if there, err := durable.There(s.StorePath()); err != nil {
		return nixsource.Failed(s.Pin, err, "")
	} else if !there {
		return nixsource.Failed(s.Pin, fmt.Errorf("Nix put it at %s, expected %s", lastLine(a.stdout), s.StorePath()), "")
	}
	return nil
}

// checkout fetches one revision with git into dir and returns its tree,
// without .git.
func (n *Nix) checkout(ctx context.Context, s nixsource.Source, dir string) (string, error) {
	repo, tree := filepath.Join(dir, "repo"), filepath.Join(dir, "source")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return "", nixsource.Failed(s.Pin, err, "")
	}
	git := func(args ...string) error {
		_, err := n.run(ctx, job{phase: "pin", program: n.Programs.git(), dir: dir, bare: true, args: args})
		return err
	}
	if err := git("init", "--quiet", "--bare", repo); err != nil {
		return "", err
	}
	// A server may refuse to hand out a revision that no branch ends in; then
	// everything is fetched.
	err := git("-C", repo, "fetch", "--quiet", "--depth=1", "--no-tags", "--", s.Pin.Git, s.Pin.Rev)
	if err != nil && ctx.Err() == nil {
		err = git("-C", repo, "fetch", "--quiet", "--", s.Pin.Git, "+refs/*:refs/fetched/*")
	}
	if err != nil {
		return "", fetchFailed(s, err)
	}
	// The tree is the repository's, whatever the user's git makes of files.
	err = git("-C", repo, "-c", "core.bare=false", "-c", "core.autocrlf=false", "-c", "core.eol=lf",
		"-c", "core.symlinks=true", "-c", "core.fileMode=true", "-c", "core.attributesFile=/dev/null",
		"--work-tree="+tree, "checkout", "--quiet", "--force", s.Pin.Rev, "--", ".")
	if err != nil {
		return "", fetchFailed(s, err)
	}
	return tree, nil
}

func fetchFailed(s nixsource.Source, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Way != "" || e.Err == context.Canceled || e.Err == context.DeadlineExceeded {
		return err
	}
	fe := &FetchError{URL: s.Pin.Git + " at " + s.Pin.Rev, Err: e.Err}
	return &Error{Phase: "pin", Message: fe.Error(), Decisive: e.Decisive, Err: fe,
		Way: "is the address right, is the revision in it, and does this machine reach it?"}
}
