package rerun

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/plan"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/jobspec"
)

// pins finds the trees of the job's path pins, by the path in the job file: in
// the export, or in the store of this machine. Each has its recorded hash.
func (a *Again) pins(r *load.Record, spec *jobspec.Spec) (map[string]jobspec.Pin, error) {
	in := append([]jobspec.Pin{spec.Environment.Nixpkgs}, spec.Environment.Overlays...)
	if len(in) != len(r.Plan.Pins) {
		return nil, fault.New("the record's job file and its plan name different pins", "do not trust this record: nixbatch record verify")
	}
	out := map[string]jobspec.Pin{}
	for i, pin := range in {
		if pin.Path == "" {
			if was := r.Plan.Pins[i]; pin.Hash != was.Hash || pin.Rev != was.Rev {
				return nil, fault.New("the record's job file and its plan name different pins", "do not trust this record: nixbatch record verify")
			}
			continue
		}
		tree, err := a.tree(r, r.Plan.Pins[i], i)
		if err != nil {
			return nil, err
		}
		out[pin.Path] = jobspec.Pin{Path: tree, Hash: r.Plan.Pins[i].Hash}
	}
	return out, nil
}

func (a *Again) tree(r *load.Record, p plan.Pin, i int) (string, error) {
	from, err := r.Data("tree", p.Hash)
	if err != nil {
		// Its hash is checked when it is resolved.
		if nixstore.Inside(p.Store) {
			there, serr := durable.There(p.Store)
			if serr != nil {
				return "", fmt.Errorf("pinned tree: %w", serr)
			}
			if there {
				return p.Store, nil
			}
		}
		return "", fault.New(fmt.Sprintf("the local tree of the %s pin (%s) is neither in the record nor in this machine's store", p.Role, p.Hash),
			"export the run where its tree is")
	}
	defer from.Close()
	// The hash first, so that nothing is unpacked that is not the pin's tree.
	file, err := os.CreateTemp(a.trees, "nar-")
	if err != nil {
		return "", fmt.Errorf("pinned tree: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, sum), from); err != nil {
		return "", fmt.Errorf("pinned tree: %w", err)
	}
	if got := "sha256-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != p.Hash {
		return "", fault.New(fmt.Sprintf("the tree of the %s pin in this record has the hash %s, not %s", p.Role, got, p.Hash), "do not trust this record: nixbatch record verify")
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("pinned tree: %w", err)
	}
	dir := filepath.Join(a.trees, strconv.Itoa(i))
	if err := unpack(file, dir); err != nil {
		return "", fmt.Errorf("pinned tree: %w", err)
	}
	return dir, nil
}

// unpack unpacks a NAR. Links are made as they are and never followed: a NAR
// has each name once, so nothing can be written through one.
func unpack(in io.Reader, dir string) error {
	r, err := nar.NewReader(in)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(h.Path, "/")
		if name != "" && !filepath.IsLocal(name) {
			return fmt.Errorf("the name %q leads out of the tree", h.Path)
		}
		at := filepath.Join(dir, name)
		switch h.Type {
		case nar.TypeDirectory:
			err = os.Mkdir(at, 0o755)
		case nar.TypeSymlink:
			err = os.Symlink(h.LinkTarget, at)
		default:
			err = write(at, r, h.Executable)
		}
		if err != nil {
			return err
		}
	}
}

func write(at string, in io.Reader, executable bool) error {
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	f, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}
