// Package export writes a record in forms that others can keep, cite and check:
// the record itself with its files, a Process Run Crate, a CycloneDX bill of
// materials, and what a paper needs.
//
// It promises that an export appears whole or not at all and replaces nothing;
// that a file which is not in it is named with its hash and the reason; and that
// a redacted export holds no private value of the facts, in clear or in a hash
// that could be tried out, and still verifies. It never changes the record.
package export

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nix-community/go-nix/pkg/nar"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// Formats are the names of the forms.
var Formats = []string{"ro-crate", "cyclonedx", "json", "methods"}

// Options says what to write and where.
type Options struct {
	Format  string
	Redact  bool
	Out     string // a directory to make, or the name of a file that ends in .zip
	MaxFile int64  // bytes above which an input or output is only named; 0: 100 MiB
	MaxTree int64  // the same for a pinned tree; 0: 10 MiB
	People  People
	Tool    facts.Tool
}

// People is who stands behind a crate; nobody is named unasked.
type People struct {
	Author, ORCID, Affiliation, URL, License string
}

// Write writes the export and returns the list of what is in it; nil for forms
// that hold no files of the run.
// Where ctx ends before, nothing is left of it.
func Write(ctx context.Context, r *load.Record, o Options) (*load.Contents, error) {
	r.Source = source.Until(ctx, r.Source)
	if o.MaxFile == 0 {
		o.MaxFile = 100 << 20
	}
	if o.MaxTree == 0 {
		o.MaxTree = 10 << 20
	}
	if there, err := durable.There(o.Out); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	} else if there {
		return nil, fault.New(o.Out+" exists already", "give another name with -o; nothing is replaced")
	}
	stage, err := os.MkdirTemp(filepath.Dir(o.Out), ".nixbatch-export-")
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	defer os.RemoveAll(stage)
	root := filepath.Join(stage, "export")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	var c *load.Contents
	switch o.Format {
	case "json":
		c, err = bundle(ctx, r, root, o)
	case "ro-crate":
		if c, err = bundle(ctx, r, root, o); err == nil {
			err = crate(root, o)
		}
	case "cyclonedx":
		if err = cyclonedx(r, root, o); err == nil && o.Redact {
			err = hide(r, root)
		}
	case "methods":
		if err = methods(r, root, o); err == nil && o.Redact {
			err = hide(r, root)
		}
	default:
		err = fault.New(fmt.Sprintf("there is no format %q", o.Format), "formats are "+strings.Join(Formats, ", "))
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(o.Out, ".zip") {
		packed := filepath.Join(stage, "zip")
		if err := pack(ctx, root, packed, when(r)); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
		// A link refuses to replace, where a rename does not.
		err = os.Link(packed, o.Out)
	} else {
		err = os.Rename(root, o.Out)
	}
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return c, nil
}

// when is the time that stands in an export: that of the seal, so that the same
// record gives the same bytes.
func when(r *load.Record) time.Time {
	if r.Seal != nil {
		return r.Seal.Time
	}
	return r.Intent.Time
}

// bundler gathers a record with its files below root.
type bundler struct {
	*load.Record
	ctx  context.Context
	o    Options
	root string
	form *private.Redactor // makes what is written; nil: nothing is left out, or everything is already
	key  *private.Key      // of whole files, for a full export; else nil
	list load.Contents
	seen map[string]bool
	buf  []byte // for copying
}

func bundle(ctx context.Context, r *load.Record, root string, o Options) (*load.Contents, error) {
	if r.Seal == nil {
		return nil, fault.New("run "+r.RunID+" is not sealed", "it is when it is over: nixbatch record seal "+r.RunID)
	}
	b := &bundler{Record: r, ctx: ctx, o: o, root: root, seen: map[string]bool{},
		list: load.Contents{Schema: load.ContentsSchema, RunID: r.RunID, Redacted: o.Redact || r.Redacted(), Files: []load.Content{}}}
	if err := b.keys(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{b.facts, b.tasks, b.files, b.trees} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
	}
	data, err := b.list.Bytes()
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &b.list, b.put(load.ContentsFile, data)
}

func (b *bundler) put(name string, data []byte) error {
	file := filepath.Join(b.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func (b *bundler) facts() error {
	for _, f := range b.Seal.Facts {
		data, err := source.ReadAll(b, f.Path)
		if err != nil {
			return err
		}
		if b.form != nil {
			if data, err = b.form.Form(f.Path, data); err != nil {
				return err
			}
		}
		if err := b.put(f.Path, data); err != nil {
			return err
		}
	}
	for _, name := range []string{seal.SealFile, seal.SignatureFile} {
		data, err := source.ReadAll(b, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := b.put(name, data); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundler) tasks() error {
	f, err := os.Create(filepath.Join(b.root, seal.TasksFile))
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 256<<10)
	var form []byte
	err = b.Lines(func(l seal.Line) error {
		if size := l.LogSize(); size >= 0 {
			if err := b.log(l, size); err != nil {
				return err
			}
		}
		if b.form != nil {
			if form, err = l.Redacted(b.form, form[:0]); err != nil {
				return err
			}
			l.Fact = form
		}
		return seal.WriteLine(out, l)
	})
	if err == nil {
		err = out.Flush()
	}
	return errors.Join(err, f.Close())
}

// trees takes along the pinned trees that nobody can fetch, as NARs: the hash of
// that file is the pin's own.
func (b *bundler) trees() error {
	for _, p := range b.Plan.Pins {
		if p.Kind != "path" {
			continue
		}
		c := load.Content{Role: "tree", Path: p.Hash}
		if in, err := b.Data("tree", p.Hash); err == nil {
			tree, err := b.part(in, b.sha256)
			if err = cmp.Or(err, tree.read, in.Close()); err != nil {
				return err
			}
			c.Size, c.At = tree.size, treeName(p.Hash)
			if err := tree.keep(c.At); err != nil {
				return err
			}
		} else if err := b.tree(p.Store, &c); err != nil {
			return err
		}
		b.list.Files = append(b.list.Files, c)
	}
	return nil
}

func treeName(hash string) string {
	return "trees/" + strings.NewReplacer("/", "_", "+", "-", "=", "").Replace(hash) + ".nar"
}

func (b *bundler) tree(store string, c *load.Content) error {
	if !nixstore.IsPath(store) {
		c.Absent = "it is not in this machine's store"
		return nil
	}
	if hash, err := nixtree.HashTree(store); err != nil || hash != c.Path {
		c.Absent = "it is not in this machine's store"
		return nil
	}
	file := filepath.Join(b.root, treeName(c.Path))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &limited{f, b.o.MaxTree}
	if err := nar.DumpPath(w, store); w.left < 0 {
		c.Absent = "over the limit of " + humanize.IBytes(uint64(b.o.MaxTree))
		return os.Remove(file)
	} else if err != nil {
		return err
	}
	c.Size, c.At = b.o.MaxTree-w.left, treeName(c.Path)
	return f.Close()
}
