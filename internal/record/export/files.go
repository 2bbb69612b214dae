package export

import (
	"errors"
	"io"
	"io/fs"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

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
		p, err := b.part(io.LimitReader(in, size), b.key.Whole)
		if err == nil {
			err = p.read
		}
		if err != nil {
			return err
		}
		if p.sum != l.Whole {
			c.Absent = "it was changed since it was sealed"
			break
		}
		c.At = l.Path
		if err := p.keep(c.At); err != nil {
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
	in, absent := b.open(role, f)
	if absent != "" {
		return "", absent, nil
	}
	defer in.Close()
	p, err := b.part(io.LimitReader(source.Reader(b.ctx, in), f.Size+1), b.sha256)
	if b.ctx.Err() != nil {
		return "", "", b.ctx.Err()
	}
	switch {
	case err != nil:
		return "", "", err
	case p.read != nil:
		return "", "it cannot be read", nil
	case p.sum != f.SHA256:
		return "", "it was changed since", nil
	}
	if b.form != nil {
		// What is looked for may stand over any boundary.
		data, err := durable.ReadFile(p.file)
		switch {
		case err != nil:
			return "", "", err
		case !utf8.Valid(data):
			return "", "left out: it is no text, in which private values could be looked for", nil
		case b.form.Private(string(data)):
			return "", "left out: it holds private values", nil
		}
	}
	at = role + "s/" + shown
	// A name that would lead out, or that others could not store, is replaced
	// by the hash; the list has the name.
	if !source.SafeName(shown) || len(shown) > 200 {
		at = role + "s/by-hash/" + f.SHA256
	}
	return at, "", p.keep(at)
}
