// Package nixsource turns the pins of a job file into trees that are named by
// their hashes: where Nix fetches each from, and where its store has it.
//
// It promises that a tree which was edited never keeps the hash of what it was, as
// far as its file system tells of edits, that a tree which has not the hash of its
// pin is refused, and that no process is started. Nothing is fetched here, and
// nothing is put into the store.
package nixsource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nix-community/go-nix/pkg/nixbase32"
	"github.com/nix-community/go-nix/pkg/nixhash"

	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/sri"
	"github.com/nixbatch/nixbatch/jobspec"
)

// Unfetchable is where the addresses of path and git pins begin: they name a hash,
// and nothing that could be fetched.
const Unfetchable = "file:///pinned-source-not-in-the-store/"

// sourcePath is the store path of a tree added by its recursive SHA-256 under
// the name "source" (nix/libstore: makeFixedOutputPath, which for this one kind
// hashes "source:sha256:<hex>:/nix/store:<name>" and compresses to 20 bytes).
func sourcePath(hash string) (string, error) {
	d, err := sri.Parse(hash)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte("source:sha256:" + hex.EncodeToString(d) + ":" + nixstore.Dir + ":source"))
	return nixstore.Dir + "/" + nixbase32.EncodeToString(nixhash.CompressHash(sum[:], nixstore.HashSize)) + "-source", nil
}

// Source is a pinned tree.
type Source struct {
	Kind string // "github", "url", "git" or "path"
	URL  string // what fetchTarball is given; for git and path pins it names the hash alone
	Hash string // SRI of the NAR of the tree, "sha256-…"
	Tree string // path pins: the absolute directory, symbolic links resolved
	Pin  jobspec.Pin
	// Hashed says, for a path pin, why its tree was read whole.
	Hashed Hashed
}

// OverlaySource is a pinned tree that holds an overlay in File.
type OverlaySource struct {
	Source
	File string // relative to the tree; "": default.nix
}

// Resolve turns a pin into a source named by its hash. baseDir is where a
// relative path starts: the job file's directory.
//
// The tree of a path pin is hashed here, whole: hidden files, a .nixbatch
// directory and result links count too, since that is what would be imported.
// If the pin gives a hash the tree has to have it (*HashError). The other kinds
// are fetched when they are evaluated, and checked then. No process is started.
func Resolve(pin jobspec.Pin, baseDir string) (Source, error) {
	return resolve(pin, baseDir, func(tree string) (string, Hashed, error) {
		sri, err := nixtree.HashTree(tree)
		return sri, Hashed{Why: HashedFirst}, err
	})
}

// Resolve does as the function does, but remembers the hash of a tree for as
// long as it looks unchanged: see hash.
func (m Memory) Resolve(pin jobspec.Pin, baseDir string) (Source, error) {
	return resolve(pin, baseDir, m.hash)
}

func resolve(pin jobspec.Pin, baseDir string, hash hasher) (Source, error) {
	s := Source{Pin: pin, Hash: pin.Hash}
	switch {
	case pin.GitHub != "":
		s.Kind, s.URL = "github", "https://github.com/"+pin.GitHub+"/archive/"+pin.Rev+".tar.gz"
	case pin.URL != "":
		s.Kind, s.URL = "url", pin.URL
	case pin.Git != "":
		s.Kind = "git"
	case pin.Path != "":
		s.Kind = "path"
		if err := s.hashPath(baseDir, hash); err != nil {
			return Source{}, err
		}
	default:
		return Source{}, Failed(pin, fmt.Errorf("pin names no source"), "give one of github, url, git and path")
	}
	d, err := sri.Parse(s.Hash)
	if err != nil {
		return Source{}, Failed(pin, err, "nixbatch pin writes the hash into the job file")
	}
	if s.URL == "" {
		// Never fetched: the tree is put into the store first, and Nix looks
		// there before it looks at the URL. It must not depend on this machine.
		s.URL = Unfetchable + nixbase32.EncodeToString(d)
	}
	return s, nil
}

func (s *Source) hashPath(baseDir string, hash hasher) error {
	dir := s.Pin.Path
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(baseDir, dir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Failed(s.Pin, err, "")
	}
	tree, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Failed(s.Pin, err, "path is taken from the job file's directory")
	}
	if fi, err := os.Stat(tree); err != nil {
		return Failed(s.Pin, err, "")
	} else if !fi.IsDir() {
		return Failed(s.Pin, fmt.Errorf("%s is not a directory", tree), "path names a directory with a default.nix")
	}
	sri, how, err := hash(tree)
	if err != nil {
		return Failed(s.Pin, err, "")
	}
	if s.Hash != "" && s.Hash != sri {
		return wrongHash(s.Hash, sri, s.Pin.Path)
	}
	s.Tree, s.Hash, s.Hashed = tree, sri, how
	return nil
}

// StorePath is where Nix keeps the tree; "" for a source without a valid hash.
func (s Source) StorePath() string {
	p, err := sourcePath(s.Hash)
	if err != nil {
		return ""
	}
	return p
}

// InStore reports whether the tree is in the store, without a process. A path
// that is there but not registered (an interrupted copy) is Nix's to mend: it
// checks again when it is asked for the source.
func (s Source) InStore() bool {
	_, err := os.Lstat(s.StorePath())
	return err == nil
}

// Check refuses a tree that has not the source's hash (*HashError).
func (s Source) Check(tree string) error {
	got, err := nixtree.HashTree(tree)
	if err != nil {
		return Failed(s.Pin, err, "")
	}
	if got != s.Hash {
		return wrongHash(s.Hash, got, s.Pin.Git+s.Pin.Path)
	}
	return nil
}
