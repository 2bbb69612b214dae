package nix

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/nixlog"
)

// Realise builds or fetches an environment and makes a root for it:
// Dir/roots/<hash>-<name>, registered in the store. It returns the output once
// Ready agrees. A derivation that was collected since it was evaluated is
// evaluated again.
func (n *Nix) Realise(ctx context.Context, ex Expr, d Derivation) (out string, err error) {
	if _, err := os.Lstat(d.Drv); err != nil {
		if d, err = n.Instantiate(ctx, ex); err != nil {
			return "", err
		}
	}
	link, err := n.link(ex)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(link), 0o700)
	}
	if err == nil {
		// Again, now that the directory surely exists.
		link, err = n.link(ex)
	}
	if err != nil {
		return "", &Error{Phase: "build", Message: "root link cannot be made: " + err.Error(), Err: err}
	}
	// A link that stands here unregistered (the directory was moved) is Nix's
	// to replace, and it refuses to replace what is no link into its store.
	if target, err := os.Readlink(link); err == nil && target != d.Out {
		if err := os.Remove(link); err != nil {
			return "", &Error{Phase: "build", Message: "root link cannot be made: " + err.Error(), Err: err}
		}
	}
	_, err = n.run(ctx, job{
		phase:   "build",
		program: n.Programs.store(),
		args:    []string{"--realise", d.Drv, "--add-root", link, "--indirect"},
		log:     "build-" + ex.Hash + "-" + ex.Name,
	})
	if err != nil {
		return "", n.readBuildLog(ctx, err)
	}
	out, ok := n.Ready(ex)
	if !ok || out != d.Out {
		return "", &Error{Phase: "build", Message: "environment is built, but its root " + link + " is not registered in the store",
			Way: "is /nix/var/nix/gcroots writable for you, or a Nix daemon running?"}
	}
	return out, nil
}

// readBuildLog finds the line that decides where Nix said no more than that a
// builder failed: it failed earlier, or its log went elsewhere.
func (n *Nix) readBuildLog(ctx context.Context, err error) error {
	var e *Error
	var be *BuildError
	if !errors.As(err, &e) || !errors.As(err, &be) || len(be.Tail) > 0 {
		return err
	}
	a, lerr := n.run(ctx, job{phase: "query", program: n.Programs.store(), args: []string{"--read-log", be.Drv}})
	if lerr != nil {
		return err
	}
	be.Tail = lastLines(string(a.stdout), nixlog.TailLines)
	e.Decisive = decisiveOfBuild(be.Tail, e.Decisive)
	return e
}
