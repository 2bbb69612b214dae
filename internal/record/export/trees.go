package export

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/nix-community/go-nix/pkg/nar"

	"github.com/nixbatch/nixbatch/internal/durable"
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
			tree, err := b.part(in, b.sha256)
			if err = cmp.Or(err, tree.read, in.Close()); err != nil {
				return err
			}
			if err := b.putTree(&c, tree); err != nil {
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
	f, err := os.Create(filepath.Join(filepath.Dir(b.root), "tree"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := &limited{f, b.o.MaxTree}
	if err := nar.DumpPath(w, store); w.left < 0 {
		c.Absent = "over the limit of " + humanize.IBytes(uint64(b.o.MaxTree))
		return os.Remove(f.Name())
	} else if err != nil {
		return err
	}
	return b.putTree(c, part{root: b.root, file: f.Name(), size: b.o.MaxTree - w.left})
}

// putTree takes a tree along, unless the export is redacted and it names somebody.
func (b *bundler) putTree(c *load.Content, tree part) error {
	if b.form != nil {
		data, err := durable.ReadFile(tree.file)
		if err != nil {
			return err
		}
		if b.form.Named(data) {
			c.Absent = "left out: it holds private values"
			return os.Remove(tree.file)
		}
	}
	c.Size, c.At = tree.size, treeName(c.Path)
	return tree.keep(c.At)
}
