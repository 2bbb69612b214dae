package seal

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/record/private"
)

// triable is the size in bytes up to which the hash of an input or output is
// private unless it is known that nothing private is in it: who knows or guesses
// the rest of such a file could try out which name stands there. Of a larger one
// the hash stays, whatever is in it: that is a bound, not a proof.
const triable = 64 << 10

// listed is a file as a task's facts name it.
type listed struct{ path, sha256 string }

// hashed gathers the small files that the facts of tasks give a hash of. An
// empty one holds nothing.
type hashed map[listed]bool

func (h hashed) add(v *canon.Value) {
	if sum := v.Get("sha256"); v.Kind == '{' && sum.Kind == '"' {
		size := v.Get("size").Text
		if len(size) < len("65536") || len(size) == len("65536") && size <= "65536" {
			if size != "0" {
				h[listed{v.Get("path").Text, sum.Text}] = true
			}
		}
	}
	for i := range v.Items {
		h.add(&v.Items[i])
	}
}

// private is the hashes that a redacted form may not have: those of files that
// hold something private, are no text, or are no longer what they were, so that
// nobody can tell. A file that has such a hash in it holds something private,
// too: it is looked again until no more are found.
func (h hashed) private(kept, workDir string, p private.Private) ([]string, error) {
	open := map[string]bool{} // looked at, and nothing private is in it
	for f := range h {
		open[f.sha256] = false
	}
	files := slices.SortedFunc(maps.Keys(h), func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.sha256, b.sha256))
	})
	for round, before := 0, -1; before != len(p.Hashes); round++ {
		before = len(p.Hashes)
		r, err := private.NewRedactor(p)
		if err != nil {
			return nil, err
		}
		now := map[string]bool{}
		for _, f := range files {
			if !now[f.sha256] && (round == 0 || open[f.sha256]) && f.public(kept, workDir, r) {
				now[f.sha256] = true
			}
		}
		p.Hashes = nil
		for sum := range open {
			if open[sum] = now[sum]; !now[sum] {
				p.Hashes = append(p.Hashes, sum)
			}
		}
	}
	slices.Sort(p.Hashes)
	return p.Hashes, nil
}

// public reports whether the file is there as it was, and anybody may try out
// what is in it.
func (f listed) public(kept, workDir string, r *private.Redactor) bool {
	name := f.path
	if !filepath.IsAbs(name) {
		name = filepath.Join(workDir, name)
	}
	in, err := durable.Open(filepath.Join(kept, filepath.Base(f.sha256)))
	if err != nil { // it is not kept, or not here any more
		in, err = durable.Open(name)
	}
	if err != nil {
		return false
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, triable+1))
	return err == nil && digest.Bytes(data) == f.sha256 && r.Public(data)
}

// hashesIn is the small files with a hash in one fact of a task.
func (h hashed) fact(data []byte, v *canon.Value) {
	if bytes.Contains(data, []byte(`"sha256"`)) {
		h.add(v)
	}
}
