package private

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
	"sync"
)

// mac makes keyed hashes of one key (HMAC-SHA-256), in hexadecimal. A record has
// tens of thousands of files and of values: what HMAC makes of the key, the
// buffers, and what stands for a value are kept from one to the next.
type mac struct {
	mu   sync.Mutex
	hash hash.Hash
	buf  []byte
	sum  [sha256.Size]byte
	hex  [2 * sha256.Size]byte
	// tokens are hashes of values that were asked for.
	tokens map[string]string
}

// What is kept of values: that many, of this length in bytes at most.
const (
	maxTokens = 4096
	maxToken  = 256
)

const copyBuffer = 32 << 10 // bytes

func newMAC(key []byte) *mac {
	return &mac{hash: hmac.New(sha256.New, key), tokens: map[string]string{}}
}

// of is the hash of what a reader has; "", which equals no hash, if it fails.
func (m *mac) of(kind string, in io.Reader) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(kind)
	if m.buf == nil || cap(m.buf) < copyBuffer {
		m.buf = make([]byte, copyBuffer)
	}
	for {
		n, err := in.Read(m.buf[:copyBuffer])
		m.hash.Write(m.buf[:n])
		if err == io.EOF {
			return m.end()
		}
		if err != nil {
			return ""
		}
	}
}

func (m *mac) ofBytes(kind string, data []byte) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(kind)
	m.hash.Write(data)
	return m.end()
}

// token is the hash of a value.
func (m *mac) token(value string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.tokens[value]; ok {
		return t
	}
	m.start("value\x00")
	m.buf = append(m.buf[:0], value...)
	m.hash.Write(m.buf)
	t := tokenStart + m.end()[:32]
	if len(m.tokens) < maxTokens && len(value) <= maxToken {
		m.tokens[strings.Clone(value)] = t
	}
	return t
}

func (m *mac) start(kind string) {
	m.hash.Reset()
	m.buf = append(m.buf[:0], kind...)
	m.hash.Write(m.buf)
}

func (m *mac) end() string {
	return string(hex.AppendEncode(m.hex[:0], m.hash.Sum(m.sum[:0])))
}
