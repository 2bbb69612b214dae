package nixtree

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"
)

// HashTarball is the hash fetchTarball would ask for: of the NAR of the one
// directory (or file) at the top of a tar archive, plain or compressed with
// gzip, as SRI. Nothing is unpacked; contents pass through one temporary file,
// since a NAR is sorted and an archive need not be.
func HashTarball(r io.Reader) (sri string, err error) {
	buf := bufio.NewReader(r)
	magic, _ := buf.Peek(6)
	var plain io.Reader = buf
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		if plain, err = gzip.NewReader(buf); err != nil {
			return "", fmt.Errorf("tarball: %w", err)
		}
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")), bytes.HasPrefix(magic, []byte("BZh")), bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "", errors.New("tarball is compressed with xz, bzip2 or zstd: only gzip and plain tar can be hashed here")
	}
	spool, err := os.CreateTemp("", "nixbatch-tarball-")
	if err != nil {
		return "", fmt.Errorf("tarball: %w", err)
	}
	defer spool.Close()
	if err := os.Remove(spool.Name()); err != nil {
		return "", fmt.Errorf("tarball: %w", err)
	}
	t := tarTree{nodes: map[string]tarNode{}, spool: spool}
	if err := t.read(tar.NewReader(plain)); err != nil {
		return "", fmt.Errorf("tarball: %w", err)
	}
	h := sha256.New()
	if err := t.write(h); err != nil {
		return "", fmt.Errorf("tarball: %w", err)
	}
	return FormatSRI(h.Sum(nil)), nil
}

type tarNode struct {
	header nar.Header
	start  int64 // of its contents in the spool
}

type tarTree struct {
	nodes map[string]tarNode // by path from the top, without a slash before it
	spool *os.File
	end   int64
}

func (t *tarTree) read(in *tar.Reader) error {
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if h.Typeflag == tar.TypeXGlobalHeader || name == "." {
			continue
		}
		if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
			return fmt.Errorf("member %q leaves the archive", h.Name)
		}
		node := tarNode{start: t.end}
		switch h.Typeflag {
		case tar.TypeDir:
			node.header.Type = nar.TypeDirectory
		case tar.TypeSymlink:
			node.header.Type, node.header.LinkTarget = nar.TypeSymlink, h.Linkname
		case tar.TypeLink:
			same, ok := t.nodes[path.Clean(h.Linkname)]
			if !ok {
				return fmt.Errorf("member %q is a hard link to %q, which is not before it", h.Name, h.Linkname)
			}
			node = same
		case tar.TypeReg:
			node.header = nar.Header{Type: nar.TypeRegular, Size: h.Size, Executable: h.Mode&0o100 != 0}
			if _, err := io.Copy(t.spool, in); err != nil {
				return err
			}
			t.end += h.Size
		default:
			return fmt.Errorf("member %q is neither file, directory nor link", h.Name)
		}
		t.nodes[name] = node
		// Directories may be left out of an archive.
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.nodes[dir]; ok {
				break
			}
			t.nodes[dir] = tarNode{header: nar.Header{Type: nar.TypeDirectory}}
		}
	}
}

func (t *tarTree) write(w io.Writer) error {
	names := make([]string, 0, len(t.nodes))
	top := map[string]bool{}
	for name := range t.nodes {
		names = append(names, name)
		first, _, _ := strings.Cut(name, "/")
		top[first] = true
	}
	if len(top) != 1 {
		return fmt.Errorf("%d entries at the top where fetchTarball expects one directory", len(top))
	}
	// Within a directory a NAR is sorted by name: compare slash as the smallest.
	key := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	sort.Slice(names, func(i, j int) bool { return key(names[i]) < key(names[j]) })
	out, err := nar.NewWriter(w)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, name := range names {
		node := t.nodes[name]
		_, below, _ := strings.Cut(name, "/")
		node.header.Path = "/" + below
		if err := out.WriteHeader(&node.header); err != nil {
			return err
		}
		if node.header.Type == nar.TypeRegular {
			if _, err := io.Copy(out, io.NewSectionReader(t.spool, node.start, node.header.Size)); err != nil {
				return err
			}
		}
	}
	return out.Close()
}
