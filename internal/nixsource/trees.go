package nixsource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/nixbatch/nixbatch/internal/nixtree"
	"github.com/nixbatch/nixbatch/internal/sri"
)

// Hashed says how the hash of a tree was come by.
type Hashed struct {
	Why   Why
	Files int // of the tree; 0 where they were not counted
}

// Why is why a tree was read whole; "" says that its hash was remembered.
type Why string

// The reasons to read a tree.
const (
	HashedFirst   Why = "first"   // it was not seen before
	HashedChanged Why = "changed" // it does not look as it did
	// HashedRecent: it was changed so shortly before it was last read that a
	// later change may have left the same times.
	HashedRecent Why = "recent"
	// HashedUntold: its file system is not known to tell of every change.
	HashedUntold Why = "untold"
)

// hasher finds the hash of a tree, and says why it read all of it.
type hasher func(tree string) (sri string, how Hashed, err error)

// Memory keeps the hashes of trees in a directory; one without a directory
// remembers nothing.
type Memory struct{ Dir string }

// knownTree is what is remembered of a tree, in a file of Memory.Dir.
type knownTree struct {
	Schema string `json:"schema"`
	Sum    string `json:"fingerprint"`
	Hash   string `json:"hash"`
	// Settled: nothing in the tree was changed shortly before it was looked at.
	// Two changes within one tick of the file system's clock have one time; so
	// the hash of a tree that is not settled may be that of the first of them.
	Settled bool `json:"settled"`
}

const treeSchema = "nixbatch/tree/v1"

// How far back a change has to lie for a tree to be settled. File systems count
// in seconds at worst; where our own files are on another one, its clock has to
// be believed to be less than a minute apart from this machine's.
const (
	sameClock  = 2 * time.Second
	otherClock = time.Minute
)

// hash is HashTree, remembered by the tree's fingerprint: 44,000 files
// cost a look at each instead of being read. A tree that was edited is always
// noticed, as far as its file system tells: see fingerprint. The same answer
// would have been computed; so a memory that cannot be kept is no error.
func (m Memory) hash(tree string) (sri string, how Hashed, err error) {
	if m.Dir == "" || !nixtree.TrustedTimes(tree) {
		look, _ := nixtree.TakeFingerprint(tree) // for the number of its files
		sri, err = nixtree.HashTree(tree)
		return sri, Hashed{HashedUntold, look.Files}, err
	}
	var known knownTree
	if data, err := os.ReadFile(m.file(tree)); err != nil || json.Unmarshal(data, &known) != nil || known.Schema != treeSchema {
		known = knownTree{}
	}
	look, err := nixtree.TakeFingerprint(tree)
	if err == nil {
		how = Hashed{known.why(look), look.Files}
	}
	if err == nil && how.Why == "" {
		return known.Hash, how, nil
	}
	// The clock first: what is changed from now on is not settled.
	settled := m.settledBefore(tree)
	look, lookErr := nixtree.TakeFingerprint(tree)
	if sri, err = nixtree.HashTree(tree); err != nil || lookErr != nil {
		return sri, how, err // what cannot be read is told in HashTree's words
	}
	// What was written while it was read is not remembered.
	if after, err := nixtree.TakeFingerprint(tree); err == nil && after.Sum == look.Sum {
		m.remember(tree, knownTree{treeSchema, look.Sum, sri, look.Newest < settled})
	}
	return sri, how, nil
}

// why says why a tree that looks like this has to be read; "" if it has not.
func (k knownTree) why(look nixtree.Fingerprint) Why {
	_, err := sri.Parse(k.Hash)
	switch {
	case err != nil:
		return HashedFirst
	case k.Sum != look.Sum:
		return HashedChanged
	case !k.Settled:
		return HashedRecent
	}
	return ""
}

// settledBefore is the time, in ns since 1970, before which all changes of a
// tree have to lie that is looked at from now on.
func (m Memory) settledBefore(tree string) int64 {
	dir := m.Dir
	if os.MkdirAll(dir, 0o700) == nil {
		now, ours, err := nixtree.ClockOf(dir)
		theirs, derr := nixtree.DeviceOf(tree)
		if err == nil && derr == nil && ours == theirs {
			return now - int64(sameClock)
		}
	}
	return time.Now().Add(-otherClock).UnixNano()
}

func (m Memory) file(tree string) string {
	sum := sha256.Sum256([]byte(tree))
	return filepath.Join(m.Dir, hex.EncodeToString(sum[:16])+".json")
}

func (m Memory) remember(tree string, t knownTree) {
	file := m.file(tree)
	data, err := json.Marshal(t)
	if err == nil && os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		_ = renameio.WriteFile(file, append(data, '\n'), 0o600) // a cache
	}
}
