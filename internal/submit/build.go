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

// Built is a job whose builds are all in the store.
type Built struct {
	*Planned
	Envs map[string]string // store paths, by arch
	// described is the file that describes each build, by arch.
	described map[string]string
}

// Build has every build of the plan made and pinned; one that is ready costs no
// process.
func (j *Planned) Build(ctx context.Context) (*Built, error) {
	if err := j.Reach(ctx); err != nil {
		return nil, err
	}
	built := &Built{Planned: j, Envs: map[string]string{}, described: map[string]string{}}
	for _, b := range j.Plan.Builds {
		out, ok := j.Nix.Ready(b.Expr)
		if !ok {
			d, err := j.Nix.Instantiate(ctx, b.Expr)
			if err != nil {
				return nil, err
			}
			if out, err = j.Nix.Realise(ctx, b.Expr, d); err != nil {
				return nil, err
			}
		}
		built.Envs[b.Arch] = out
		if err := built.describe(ctx, b, out); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// describe writes down what a build is, once for all runs that share it: its
// derivation and its closure. Where that was done before it costs one look at
// the file system.
func (j *Built) describe(ctx context.Context, b plan.Build, out string) error {
	hash, _, _ := strings.Cut(filepath.Base(out), "-")
	file := filepath.Join(j.Project.Dir, "closures", b.Key+"-"+hash+".json")
	j.described[b.Arch] = file
	if there, err := durable.There(file); err != nil || there {
		return err
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
