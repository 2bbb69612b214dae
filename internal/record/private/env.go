package private

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/nixbatch/nixbatch/internal/strictyaml"
)

// fromJobFile is the origin (Var.From) of a variable that env: of the job file
// sets.
const fromJobFile = "job file"

// longValue is the length in bytes from which on the value of a variable is
// private wherever it occurs, not only where it is set.
const longValue = 8

// HidesEnv reports whether the values of the job file's env: are private.
func (r *Redactor) HidesEnv() bool { return r != nil && r.env }

// Hidden reports whether a value is a token that stands for a private one.
func Hidden(s string) bool { return strings.HasPrefix(s, tokenStart) }

// envToken stands for the value of a variable; nothing is said by an empty one.
func (r *Redactor) envToken(s string) string {
	if s == "" {
		return ""
	}
	return r.token(s)
}

// jobFile is a job file with tokens for the values of env:, and without the
// comments in that block: they may be values that were tried before. A file in
// which the block cannot be told from the rest is left out as a whole.
func (r *Redactor) jobFile(data []byte) []byte {
	root, at, ok := envBlock(data)
	if ok && at < 0 {
		return data
	}
	if ok {
		if out := r.cutEnv(data, root, at); r.isCut(out, root, at) {
			return out
		}
	}
	return []byte("# This job file is left out: private values cannot be told from the rest of it.\n# It is " + r.Token(string(data)) + "\n")
}

// envBlock parses a job file. at is the place of env among the keys of the root; -1 if there is nothing in it.
func envBlock(data []byte) (root *strictyaml.Node, at int, ok bool) {
	if root, ok = strictyaml.RootMapping(data); !ok {
		return nil, -1, false
	}
	at = -1
	for i, p := range root.Keys {
		if p.Key.Value != "env" || len(p.Value.Keys)+len(p.Value.Items) == 0 {
			continue
		}
		if at >= 0 || p.Value.Kind != strictyaml.Mapping {
			return nil, -1, false
		}
		at = i
	}
	return root, at, true
}

// cutEnv replaces the lines of the block.
func (r *Redactor) cutEnv(data []byte, root *strictyaml.Node, at int) []byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	key, vars := root.Keys[at].Key, root.Keys[at].Value.Keys
	end := len(lines) + 1
	if at+1 < len(root.Keys) {
		end = root.Keys[at+1].Key.Pos.Line
	}
	if key.Pos.Line > len(lines) || end > len(lines)+1 || end <= key.Pos.Line {
		return nil
	}
	var out bytes.Buffer
	out.Write(bytes.Join(lines[:key.Pos.Line-1], nil))
	indent := strings.Repeat(" ", key.Pos.Column-1)
	fmt.Fprintf(&out, "%senv:\n", indent)
	for _, v := range vars {
		fmt.Fprintf(&out, "%s  %q: %q\n", indent, v.Key.Value, r.envToken(v.Value.Value))
	}
	out.Write(bytes.Join(lines[end-1:], nil))
	return out.Bytes()
}

// isCut checks what cutEnv made: the parser and it may see the ends of lines in
// different places.
func (r *Redactor) isCut(out []byte, was *strictyaml.Node, at int) bool {
	root, now, ok := envBlock(out)
	if !ok || now != at || len(root.Keys) != len(was.Keys) {
		return false
	}
	for i := range root.Keys {
		if root.Keys[i].Key.Value != was.Keys[i].Key.Value {
			return false
		}
	}
	vars, before := root.Keys[at].Value.Keys, was.Keys[at].Value.Keys
	if len(vars) != len(before) {
		return false
	}
	for i, v := range vars {
		old := before[i]
		if old.Value.Kind != strictyaml.Text || v.Key.Value != old.Key.Value || v.Value.Value != r.envToken(old.Value.Value) {
			return false
		}
	}
	return true
}
