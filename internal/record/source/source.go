package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// Source is a record to read: a run directory, an exported directory, or an
// exported zip. Names are slash-separated and relative. Nothing outside is
// reached: names that climb out and symbolic links are refused.
type Source interface {
	// Open opens a file; a missing one is fs.ErrNotExist.
	Open(name string) (io.ReadCloser, error)
	// List is the names of all files below a directory ("" for all), sorted.
	List(below string) ([]string, error)
	Close() error
}

// OpenSource opens a directory or a zip.
func Open(path string) (Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	if st.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
		return dirSource{root}, nil
	}
	return openZip(path)
}

// MaxFact bounds the size in bytes of a fact that is read into memory.
const MaxFact = 128 << 20

// Max is MaxFact, or less where the program may use little memory (ulimit -v):
// an eighth of it, since what is built from a fact is several times as large.
func Max() int64 { return min(MaxFact, debug.SetMemoryLimit(-1)/8) }

// ReadAll reads a fact. JSON that would need much more memory than it has bytes
// is refused before anything is built from it. A fact for which this machine allows
// too little memory is an error of the kind fault.System.
func ReadAll(s Source, name string) (data []byte, err error) {
	if w, ok := s.(*Watched); ok {
		defer func() { w.Note(err) }()
	}
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := Max()
	if data, err = io.ReadAll(io.LimitReader(f, most+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case int64(len(data)) > MaxFact:
		return nil, fault.New(name+" is too large for a fact", "")
	case int64(len(data)) > most:
		return nil, TooLittle(name + " is")
	}
	if strings.HasSuffix(name, ".json") {
		if err := canon.Bounded(data); err != nil {
			return nil, fault.New(fmt.Sprintf("%s is no fact: %v", name, err), "do not trust this file").Because(err)
		}
	}
	return data, nil
}

// TooLittle says that something is too large for this machine, which another may
// read.
func TooLittle(what string) error {
	return &fault.Error{Kind: fault.System, Message: what + " too large for the memory that is allowed", Way: "ulimit -v and ulimit -d show how much that is"}
}

// SafeName reports whether a name stays where it is put: relative, without
// "..", and without characters that file systems or terminals read otherwise.
func SafeName(name string) bool {
	return fs.ValidPath(name) && name != "." && strings.IndexFunc(name, func(r rune) bool {
		return r < 0x20 || r == '\\' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfffd
	}) < 0
}

type dirSource struct{ root *os.Root }

func (d dirSource) Close() error { return d.root.Close() }

func (d dirSource) Open(name string) (io.ReadCloser, error) {
	if !fs.ValidPath(name) {
		return nil, Unsafe(name)
	}
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		st, err := d.root.Lstat(name[:i])
		if err != nil {
			return nil, err
		}
		if st.Mode()&fs.ModeSymlink != 0 {
			return nil, fault.New(fmt.Sprintf("%q is a symbolic link, which a record has none of", name[:i]), "")
		}
		if i == len(name) && !st.Mode().IsRegular() {
			return nil, fault.New(fmt.Sprintf("%q is not a regular file", name), "")
		}
	}
	return d.root.Open(name)
}

func (d dirSource) List(below string) ([]string, error) {
	if below == "" {
		below = "."
	}
	if !fs.ValidPath(below) {
		return nil, Unsafe(below)
	}
	if st, err := d.root.Lstat(below); errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsDir() {
		return nil, nil
	}
	var out []string
	err := fs.WalkDir(d.root.FS(), below, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, name)
		}
		return err
	})
	slices.Sort(out)
	return out, err
}

// Unsafe is the error of a name that leads out of a record.
func Unsafe(name string) error {
	return fault.New(fmt.Sprintf("the name %q leads out of the record", name), "do not trust this file")
}
