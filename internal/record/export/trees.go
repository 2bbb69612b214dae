package export

import (
	"bytes"
	"io"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"

	"github.com/nixbatch/nixbatch/internal/humanize"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// trees takes along the pinned trees that nobody can fetch, as NARs: the hash of
// that file is the pin's own.
func (b *bundler) trees() error {
	for _, p := range b.Plan.Pins {
		if p.Kind != "path" {
			continue
		}
		c := load.Content{Role: "tree", Path: p.Hash}
		if in, err := b.Data("tree", p.Hash); err == nil {
			data, err := io.ReadAll(in)
			in.Close()
			if err != nil {
				return err
			}
			if err := b.putTree(&c, data); err != nil {
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
	var data bytes.Buffer
	w := &limited{&data, b.o.MaxTree}
	if err := nar.DumpPath(w, store); w.left < 0 {
		c.Absent = "over the limit of " + humanize.IBytes(uint64(b.o.MaxTree))
		return nil
	} else if err != nil {
		return err
	}
	return b.putTree(c, data.Bytes())
}

// putTree takes a tree along, unless the export is redacted and it names somebody.
func (b *bundler) putTree(c *load.Content, data []byte) error {
	if b.form.Named(data) {
		c.Absent = "left out: it holds private values"
		return nil
	}
	c.Size, c.At = int64(len(data)), treeName(c.Path)
	return b.put(c.At, data)
}
