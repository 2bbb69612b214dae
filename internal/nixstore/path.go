// Package nixstore knows the form of what lies in a Nix store: its paths, and the
// derivations, as far as they are asked for.
//
// It promises that nothing is a store path that Nix would not take for one, and
// that a derivation of a form that is not known is an error, never half read. It
// starts no process and writes nothing.
package nixstore

import (
	"strings"

	"github.com/nix-community/go-nix/pkg/nixbase32"
)

// Dir is the store, as paths in it are written.
const Dir = "/nix/store"

// HashSize is the number of bytes of the hash in a path's name (Nix manual,
// store paths).
const HashSize = 20

// hashDigits is the same in base 32.
const hashDigits = 32

// IsPath reports whether path is an object's own path, /nix/store/HASH-NAME with
// nothing below it. The name has letters, digits and +-._?=, and does not begin
// with a dot.
func IsPath(path string) bool {
	rest, ok := strings.CutPrefix(path, Dir+"/")
	if !ok || len(rest) < hashDigits+2 || rest[hashDigits] != '-' || rest[hashDigits+1] == '.' {
		return false
	}
	for _, c := range []byte(rest[:hashDigits]) {
		if strings.IndexByte(nixbase32.Alphabet, c) < 0 {
			return false
		}
	}
	for _, c := range []byte(rest[hashDigits+1:]) {
		if !inName(c) {
			return false
		}
	}
	return true
}

// NameIn is the name of the object that a path leads into: hello-2.12 for
// /nix/store/HASH-hello-2.12/bin/hello; "" for a path outside of the store.
func NameIn(path string) string {
	i := strings.Index(path, Dir+"/")
	if i < 0 {
		return ""
	}
	object, _, _ := strings.Cut(path[i+len(Dir)+1:], "/")
	if !IsPath(Dir + "/" + object) {
		return ""
	}
	return object[hashDigits+1:]
}

// PathsIn are the objects' own paths that a text names, in its order, each as
// often as it stands there.
func PathsIn(text string) (paths []string) {
	for {
		i := strings.Index(text, Dir+"/")
		if i < 0 {
			return paths
		}
		end := i + len(Dir) + 1
		for end < len(text) && inName(text[end]) {
			end++
		}
		if IsPath(text[i:end]) {
			paths = append(paths, text[i:end])
		}
		text = text[end:]
	}
}

// Inside reports whether a path is one in the store, an object's own or below it.
func Inside(path string) bool { return strings.HasPrefix(path, Dir+"/") }

func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+-._?=", c) >= 0
}
