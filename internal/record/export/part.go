package export

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// part is a file on its way into the export: beside it, until it is known to be
// what was sealed.
type part struct {
	root, file string
	sum        string
	size       int64 // bytes
	read       error // of what was to be copied
}

// part copies a file, of whatever size, and hashes it on the way. The next one
// takes its place if it is not kept.
func (b *bundler) part(in io.Reader, sum func(io.Reader) string) (part, error) {
	p := part{root: b.root, file: filepath.Join(filepath.Dir(b.root), "part")}
	out, err := os.OpenFile(p.file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return p, err
	}
	t := &tee{in: in, out: out}
	p.sum = sum(t)
	p.read, p.size = t.read, t.size
	return p, errors.Join(t.wrote, out.Close())
}

// keep puts it where it belongs.
func (p part) keep(name string) error {
	to := filepath.Join(p.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(p.file, to)
}

// sha256 is the hash of what a reader has, in hexadecimal.
func (b *bundler) sha256(in io.Reader) string {
	if b.buf == nil {
		b.buf = make([]byte, 32<<10)
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(h, in, b.buf); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// tee copies what is read through it, and tells which side failed.
type tee struct {
	in          io.Reader
	out         io.Writer
	size        int64
	read, wrote error
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.read = err
	}
	if n > 0 {
		t.size += int64(n)
		if _, t.wrote = t.out.Write(p[:n]); t.wrote != nil {
			return n, t.wrote
		}
	}
	return n, err
}
