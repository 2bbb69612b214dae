package export

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nixbatch/nixbatch/internal/record/source"
)

// limited fails once more is written than was left.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("too large")
	}
	return l.w.Write(p)
}

// pack makes a zip of a directory: sorted, and with one time for all.
func pack(ctx context.Context, root, to string, at time.Time) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, deflating())
	buf := make([]byte, 32<<10)
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(0o644)
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.CopyBuffer(w, source.Reader(ctx, in), buf)
		return err
	})
	return errors.Join(err, z.Close(), f.Sync(), f.Close())
}

// deflating gives one compressor for all files of a zip, which come one after the
// other: it has a megabyte of tables. Its level is that of archive/zip.
func deflating() zip.Compressor {
	var one *flate.Writer
	return func(w io.Writer) (_ io.WriteCloser, err error) {
		if one != nil {
			one.Reset(w)
			return one, nil
		}
		one, err = flate.NewWriter(w, 5)
		return one, err
	}
}
