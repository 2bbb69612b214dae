package seal

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/nixbatch/nixbatch/internal/digest"
)

// Merkle is the root of a growing list of leaves, in memory that grows with the
// logarithm of their number: the tree of RFC 9162, section 2.1.1 (a leaf is
// SHA-256 of a zero byte and its data, a node SHA-256 of a one byte and its two
// children). The zero value is the empty list.
type Merkle struct {
	peaks []peak // of complete subtrees, larger ones first
	n     int
	buf   []byte
}

type peak struct {
	size int
	hash [sha256.Size]byte
}

// Add appends a leaf.
func (m *Merkle) Add(leaf []byte) { m.add(append(append(m.buf[:0], 0), leaf...)) }

// AddFact appends the leaf of a fact.
func (m *Merkle) AddFact(name, sum, whole string) {
	m.add(appendLeaf(append(m.buf[:0], 0), name, sum, whole))
}

// AddLine appends the leaf of a line.
func (m *Merkle) AddLine(l Line) { m.add(l.appendLeaf(append(m.buf[:0], 0))) }

func (m *Merkle) add(leaf []byte) {
	m.buf = leaf
	p := peak{size: 1, hash: sha256.Sum256(leaf)}
	m.n++
	for len(m.peaks) > 0 && m.peaks[len(m.peaks)-1].size == p.size {
		left := m.peaks[len(m.peaks)-1]
		m.peaks = m.peaks[:len(m.peaks)-1]
		p = peak{left.size + p.size, node(left.hash, p.hash)}
	}
	m.peaks = append(m.peaks, p)
}

// Len is the number of leaves.
func (m *Merkle) Len() int { return m.n }

// Root is the root in hex; that of no leaves is SHA-256 of nothing.
func (m *Merkle) Root() string {
	if len(m.peaks) == 0 {
		return digest.Bytes(nil)
	}
	root := m.peaks[len(m.peaks)-1].hash
	for i := len(m.peaks) - 2; i >= 0; i-- {
		root = node(m.peaks[i].hash, root)
	}
	return hex.EncodeToString(root[:])
}

func node(left, right [sha256.Size]byte) (out [sha256.Size]byte) {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}
