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
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/humanize"
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
	err = b.Lines(func(l seal.Line) error {
		if b.form != nil {
			if l.Fact, err = b.form.JSON(l.Fact); err != nil {
				return err
			}
		}
		if size := l.LogSize(); size >= 0 {
			if err := b.log(l, size); err != nil {
				return err
			}
		}
		return seal.WriteLine(out, l)
	})
	if err == nil {
		err = out.Flush()
	}
	return errors.Join(err, f.Close())
}

// log takes a log along, as far as it was sealed. What a job prints cannot be
// redacted.
func (b *bundler) log(l seal.Line, size int64) error {
	c := load.Content{Role: "log", Path: l.Path, Size: size}
	switch {
	case b.list.Redacted:
		c.Absent = "left out: what a job prints may be private"
	case size > b.o.MaxFile:
		c.Absent = "over the limit of " + humanize.IBytes(uint64(b.o.MaxFile))
	default:
		in, err := b.Open(l.Path)
		if errors.Is(err, fs.ErrNotExist) {
			c.Absent = "it is gone"
			break
		}
		if err != nil {
			return err
		}
		defer in.Close()
		data, err := io.ReadAll(io.LimitReader(in, size))
		if err != nil {
			return err
		}
		if b.key.Whole(bytes.NewReader(data)) != l.Whole {
			c.Absent = "it was changed since it was sealed"
			break
		}
		c.At = l.Path
		if err := b.put(c.At, data); err != nil {
			return err
		}
	}
	b.list.Files = append(b.list.Files, c)
	return nil
}

// files takes inputs and outputs along.
func (b *bundler) files() error {
	return b.Attempts(func(a load.Attempt) error {
		if a.Start != nil {
			for _, f := range a.Start.Inputs {
				if err := b.file("input", f); err != nil {
					return err
				}
			}
		}
		if a.End != nil && a.Last {
			for _, f := range a.End.Outputs {
				if err := b.file("output", f); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (b *bundler) file(role string, f facts.File) error {
	if key := role + "\x00" + f.Path; b.seen[key] {
		return nil
	} else {
		b.seen[key] = true
	}
	c := load.Content{Role: role, Path: f.Path, Size: f.Size, SHA256: f.SHA256}
	if b.form != nil {
		c.Path, c.SHA256 = b.form.Path(f.Path), string(b.form.Text([]byte(f.SHA256)))
	}
	var err error
	switch {
	case f.SHA256 == "":
		c.Absent = f.Skipped
	case private.Hidden(c.SHA256):
		// Its hash would tell what is in it, and it what the hash is.
		c.Absent = "left out: it holds private values, or could not be looked at when the run was sealed"
	case f.Size > b.o.MaxFile:
		c.Absent = "over the limit of " + humanize.IBytes(uint64(b.o.MaxFile))
	default:
		c.At, c.Absent, err = b.copy(role, f, c.Path)
	}
	b.list.Files = append(b.list.Files, c)
	return err
}

// copy copies a file that is still what was recorded.
func (b *bundler) copy(role string, f facts.File, shown string) (at, absent string, err error) {
	in, absent := b.open(role, f.Path)
	if absent != "" {
		return "", absent, nil
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(source.Reader(b.ctx, in), f.Size+1))
	if b.ctx.Err() != nil {
		return "", "", b.ctx.Err()
	}
	if err != nil {
		return "", "it cannot be read", nil
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != f.SHA256 {
		return "", "it was changed since", nil
	}
	if b.form != nil {
		if !utf8.Valid(data) {
			return "", "left out: it is no text, in which private values could be looked for", nil
		}
		if b.form.Private(string(data)) {
			return "", "left out: it holds private values", nil
		}
	}
	at = role + "s/" + shown
	// A name that would lead out, or that others could not store, is replaced
	// by the hash; the list has the name.
	if !source.SafeName(shown) || len(shown) > 200 {
		at = role + "s/by-hash/" + f.SHA256
	}
	return at, "", b.put(at, data)
}
