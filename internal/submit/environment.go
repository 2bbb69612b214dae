package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/plan"
)

// describe writes down what a build is, once for all runs that share it: its
// derivation and its closure. Where that was done before it costs one look at
// the file system.
func (j *Job) describe(ctx context.Context, b plan.Build, out string) error {
	if j.described == nil {
		j.described = map[string]string{}
	}
	hash, _, _ := strings.Cut(filepath.Base(out), "-")
	file := filepath.Join(j.Project.Dir, "closures", b.Key+"-"+hash+".json")
	j.described[b.Arch] = file
	if _, err := os.Lstat(file); err == nil {
		return nil
	}
	d, err := j.Nix.Instantiate(ctx, b.Expr)
	if err != nil {
		return err
	}
	paths, err := j.Nix.Closure(ctx, out)
	if err != nil {
		return err
	}
	version, err := j.Nix.Version(ctx)
	if err != nil {
		return err
	}
	e := facts.Environment{
		Schema: facts.EnvironmentSchema, Key: b.Key, Drv: d.Drv, Out: out, System: j.Plan.System,
		Nix:   facts.NixVersion{Implementation: version.Flavour, Version: version.String()},
		Paths: make([]facts.StorePath, len(paths)), Time: j.opts.Now().UTC(), Tool: j.opts.Tool,
	}
	for i, p := range paths {
		e.Paths[i] = facts.StorePath(p)
	}
	e.Priv.Host, _ = os.Hostname()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("closure: %w", err)
	}
	// Somebody else may have been quicker: the same build has the same closure.
	if err := durable.Write(file, e); err != nil && !errors.Is(err, durable.ErrExists) {
		return fmt.Errorf("closure: %w", err)
	}
	return nil
}
