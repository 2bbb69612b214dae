package check

import (
	"errors"
	"io/fs"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// keys reads what facts are checked with: of a run all that is private in it, of
// a full export the key of whole files. A redacted one needs neither. why is what
// stands in the way.
func (c *checker) keys() (verdict, why string) {
	keep, err := source.ReadAll(c.Source, private.PrivateFile)
	switch {
	case err == nil && digest.Bytes(keep) != c.Seal.Private:
		return Failed, private.PrivateFile + " is not the sealed one"
	case err == nil && c.Redacted():
		return Failed, "the record says it is redacted, and holds what would undo that"
	case err == nil:
		if c.red, err = private.ReadPrivate(keep); err != nil {
			return Failed, err.Error()
		}
		c.key = c.red.Key()
		return "", ""
	case c.Contents != nil && errors.Is(err, fs.ErrNotExist):
		return c.exported()
	}
	return Failed, private.PrivateFile + " is missing, without which private values cannot be checked"
}

// exported reads the key of an export.
func (c *checker) exported() (verdict, why string) {
	data, err := source.ReadAll(c.Source, private.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Redacted():
		return "", ""
	case errors.Is(err, fs.ErrNotExist) && c.Seal.Key == "":
		return Unknown, "they cannot be checked: the run was sealed when no key could go into an export"
	case errors.Is(err, fs.ErrNotExist):
		return Unknown, "they cannot be checked: " + private.KeyFile + " is not in this export"
	case err != nil:
		return Failed, err.Error()
	case digest.Bytes(data) != c.Seal.Key:
		return Failed, private.KeyFile + " is not the sealed one"
	case c.Redacted():
		return Failed, "the record says it is redacted, and holds what facts could be tried out with"
	}
	if c.key, err = private.ReadKey(data); err != nil {
		return Failed, err.Error()
	}
	return "", ""
}

// line reports whether what tasks.jsonl has of a fact is what was sealed.
func (c *checker) line(l seal.Line) bool {
	if c.key != nil && l.Keyed != "" && c.key.Fact(l.Fact) != l.Keyed {
		return false
	}
	if c.red == nil && !c.Redacted() && l.Keyed != "" {
		return true // the redacted form is made where the run is
	}
	form, err := l.Redacted(c.red, c.form[:0])
	c.form = form
	return err == nil && digest.Bytes(form) == l.SHA256
}
