package numbers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// Bounds of what is looked at: an output may have gigabytes.
const (
	maxNumbers = 10000     // of an entry
	maxJSON    = 64 << 20  // bytes
	maxText    = 512 << 20 // bytes
	maxRow     = 1 << 20   // bytes
)

// Find looks for the numbers in the outputs that could be hashed, which lie in
// dir, and in what the task printed; log may be nil where nobody asks for that.
func Find(dir fs.FS, looks []facts.Look, outputs []facts.File, log func() (io.ReadCloser, error)) []facts.Number {
	var out []facts.Number
	for _, l := range looks {
		f := &finding{Number: facts.Number{Look: l, Values: []facts.Float{}}}
		if err := f.find(dir, outputs, log); err != nil {
			f.Problem, f.Values = digest.Reason(err), []facts.Float{}
		}
		out = append(out, f.Number)
	}
	return out
}

// finding is an entry of numbers: and what was found of it so far.
type finding struct {
	facts.Number
	among string // the file that is looked into now, where it is one of several
}

func (f *finding) find(dir fs.FS, outputs []facts.File, log func() (io.ReadCloser, error)) error {
	err := f.each(dir, outputs, log)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err != nil && f.among != "" {
		return fmt.Errorf("%s: %s", f.among, digest.Reason(err))
	}
	if err == nil && len(f.Values) == 0 {
		err = errors.New("nothing there fits")
	}
	return err
}

// each looks into one file after the other, in the order of their names.
func (f *finding) each(dir fs.FS, outputs []facts.File, log func() (io.ReadCloser, error)) error {
	if f.Log {
		in, err := log()
		if err != nil {
			return err
		}
		defer in.Close()
		return f.in(in)
	}
	files := named(outputs, f.File)
	if len(files) == 0 {
		return errors.New("no such file among the outputs")
	}
	for _, o := range files {
		if o.Path != f.File {
			f.Files = append(f.Files, o.Path)
			f.among = o.Path
		}
		if o.SHA256 == "" {
			return errors.New(o.Skipped)
		}
		in, err := dir.Open(o.Path)
		if err != nil {
			return err
		}
		err = errors.Join(f.in(in), in.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// named are the outputs that a name means: the one of that very name, else those
// that it is a pattern of.
func named(outputs []facts.File, name string) (out []facts.File) {
	for _, o := range outputs {
		if o.Path == name {
			return []facts.File{o}
		}
		if ok, err := doublestar.Match(name, o.Path); ok && err == nil {
			out = append(out, o)
		}
	}
	return out
}

func (f *finding) in(in io.Reader) error {
	switch {
	case f.JSON != "":
		return f.inJSON(in)
	case f.Column != "" && f.Pattern == "":
		return f.inTable(in)
	}
	return f.inText(in)
}

// errEnough ends the reading when the first number is all that is wanted.
var errEnough = errors.New("enough")

// add takes a text for the next number.
func (f *finding) add(text string) error {
	v, err := parse(text)
	switch {
	case err != nil:
		return err
	case f.Which == "last" && len(f.Values) > 0:
		f.Values[0] = v
		return nil
	case len(f.Values) == maxNumbers:
		return fmt.Errorf("there are more than %d numbers", maxNumbers)
	}
	f.Values = append(f.Values, v)
	if f.Which == "first" {
		return errEnough
	}
	return nil
}

// parse reads a number as programs write it: Fortran's 1.0D-03, NaN, Infinity.
func parse(text string) (facts.Float, error) {
	bare := strings.Trim(text, ",;")
	switch strings.ToLower(strings.TrimLeft(bare, "+-")) {
	case "nan":
		return facts.Float(math.NaN()), nil
	case "inf", "infinity":
		sign := 1
		if bare[0] == '-' {
			sign = -1
		}
		return facts.Float(math.Inf(sign)), nil
	}
	v, err := strconv.ParseFloat(strings.NewReplacer("D", "e", "d", "e").Replace(bare), 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%.40q is too large for a number", text)
	}
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return facts.Float(v), nil
}
