package private

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// KeyFile is what a full export has to be checked with.
const (
	KeyFile   = facts.KeyFile
	KeySchema = facts.KeySchema
)

// Key makes the keyed hashes by which whole files and whole facts are checked.
// It is derived from the salt, which it does not tell: no token can be tried out
// with it. Whoever has it and a redacted fact can try out the whole fact, all of
// its private values at once, as with anything by which a fact can be checked;
// so it goes where the facts themselves go, and nowhere else.
type Key struct {
	key []byte
	mac *mac
}

// KeyData is what KeyFile holds.
type KeyData struct {
	Schema string `json:"schema"`
	Key    string `json:"key"` // 32 bytes in hex
}

// ReadKey reads a KeyFile.
func ReadKey(data []byte) (*Key, error) {
	var f KeyData
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	key, err := hex.DecodeString(f.Key)
	// HMAC makes shorter keys longer, and so two of them one.
	if err == nil && (len(key) != sha256.Size || f.Schema != KeySchema) {
		err = errors.New("it is no key of a record")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	return keyOf(key), nil
}

// Bytes is the key as a KeyFile.
func (k *Key) Bytes() ([]byte, error) {
	data, err := canon.CanonicalOf(KeyData{KeySchema, hex.EncodeToString(k.key)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KeyFile, err)
	}
	return append(data, '\n'), nil
}

// Whole is the keyed hash of a file: it proves that not a byte changed to
// whoever has the key, and tells nothing to others.
func (k *Key) Whole(in io.Reader) string { return k.mac.of("file\x00", in) }

// WholeOf is Whole of a file in memory.
func (k *Key) WholeOf(data []byte) string { return k.mac.ofBytes("file\x00", data) }

// Fact is the keyed hash of a fact in canonical form.
func (k *Key) Fact(data []byte) string { return k.mac.ofBytes("fact\x00", data) }

// Key is the key of whole files.
func (r *Redactor) Key() *Key { return r.key }

// newKey derives it. In seals of before there was one the salt did its work.
func newKey(salt []byte, split bool) *Key {
	if !split {
		return keyOf(salt)
	}
	h := hmac.New(sha256.New, salt)
	io.WriteString(h, "key of whole files\x00")
	return keyOf(h.Sum(nil))
}

func keyOf(key []byte) *Key { return &Key{key, newMAC(key)} }
