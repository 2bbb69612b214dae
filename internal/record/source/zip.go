package source

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
)

// What a zip may have at most. A file of text shrinks to a tenth, a sparse one
// to a thousandth; one that is large and shrinks more than that is made to fill
// a disk or a memory.
const (
	maxEntries = 500_000
	maxRatio   = 200
	freeSize   = 1 << 30 // bytes below which the ratio is not asked
)

type zipSource struct {
	r     *zip.Reader
	file  *os.File
	files map[string]*zip.File
	names []string
}

func openZip(path string) (Source, error) {
	f, err := durable.Open(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	z := zipSource{file: f, files: map[string]*zip.File{}}
	if err := z.read(); err != nil {
		var bad *fault.Error
		if !errors.As(err, &bad) {
			err = fault.New(fmt.Sprintf("%s is no whole zip file: %v", filepath.Base(path), err), "a record is a run, an exported directory, or an exported zip").Because(err)
		}
		return nil, errors.Join(err, f.Close())
	}
	return z, nil
}

func (z *zipSource) read() error {
	st, err := z.file.Stat()
	if err != nil {
		return err
	}
	if err := fewEntries(z.file, st.Size()); err != nil {
		return err
	}
	if z.r, err = zip.NewReader(z.file, st.Size()); err != nil {
		return err
	}
	var packed, whole uint64
	for _, f := range z.r.File {
		if err := z.add(f); err != nil {
			return err
		}
		packed, whole = packed+f.CompressedSize64, whole+f.UncompressedSize64
		// Each is bounded by the next sum, so that neither can overflow.
		if f.CompressedSize64 > uint64(st.Size()) || packed > uint64(st.Size()) {
			return fault.New("the files in the zip lie over each other", "do not trust this file")
		}
		if f.UncompressedSize64 > 1<<50 || whole > freeSize && whole > maxRatio*uint64(st.Size()) {
			return fault.New(fmt.Sprintf("the zip would grow to more than %d times its size", maxRatio), "do not trust this file, or unpack it and name the directory")
		}
	}
	slices.Sort(z.names)
	return nil
}

func (z *zipSource) add(f *zip.File) error {
	dir := strings.HasSuffix(f.Name, "/")
	name := strings.TrimSuffix(f.Name, "/")
	switch {
	case !fs.ValidPath(name) || strings.Contains(name, `\`):
		return Unsafe(f.Name)
	case dir:
		return nil
	case !f.Mode().IsRegular():
		return fault.New(fmt.Sprintf("%q in the zip is a symbolic link or another special file, which a record has none of", f.Name), "")
	case z.files[name] != nil:
		return fault.New(fmt.Sprintf("%q is in the zip twice", f.Name), "")
	}
	z.files[name] = f
	z.names = append(z.names, name)
	return nil
}

// fewEntries looks at how large the table of contents is before it is read
// (PKWARE APPNOTE 6.3.10, 4.3.14 and 4.3.16). What is no zip passes.
func fewEntries(in io.ReaderAt, size int64) error {
	const minHeader = 46 // bytes of the smallest entry
	tail := make([]byte, min(size, 22+0xffff))
	if _, err := in.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	end := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if end < 0 || len(tail) < end+22 {
		return nil
	}
	table := uint64(binary.LittleEndian.Uint32(tail[end+12:]))
	entries := uint64(binary.LittleEndian.Uint16(tail[end+10:]))
	if z := end - 20; z >= 0 && bytes.HasPrefix(tail[z:], []byte("PK\x06\x07")) {
		var head [56]byte
		at := binary.LittleEndian.Uint64(tail[z+8:])
		if at > uint64(size) {
			return nil
		}
		if _, err := in.ReadAt(head[:], int64(at)); err != nil {
			return nil // zip tells
		}
		entries, table = binary.LittleEndian.Uint64(head[32:]), binary.LittleEndian.Uint64(head[40:])
	}
	if entries > maxEntries || table > maxEntries*16*minHeader {
		return fault.New(fmt.Sprintf("the zip has more than %d files", maxEntries), "do not trust this file")
	}
	return nil
}

func (z zipSource) Close() error { return z.file.Close() }

func (z zipSource) Open(name string) (io.ReadCloser, error) {
	f := z.files[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	// The library stops at the declared size and checks the sum.
	return f.Open()
}

func (z zipSource) List(below string) ([]string, error) {
	if below == "" {
		return z.names, nil
	}
	var out []string
	for _, n := range z.names {
		if strings.HasPrefix(n, below+"/") {
			out = append(out, n)
		}
	}
	return out, nil
}
