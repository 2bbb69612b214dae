package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/humanize"
)

// HashLimit is the size in bytes above which a file is not hashed. At about
// 1 GB/s a file of this size costs a minute.
const HashLimit = 64 << 30

// HashFile describes the file at path under the name given. A file that cannot
// be read, is not a regular one, or is larger than limit bytes comes back with
// the reason in Skipped.
func File(name, path string, limit int64) facts.File {
	f := facts.File{Path: name}
	// Looked at before it is opened: opening a FIFO would wait for its writer.
	st, err := os.Stat(path)
	switch {
	case err != nil:
		f.Skipped, f.Skip = Reason(err), facts.SkipOf(err)
		return f
	case !st.Mode().IsRegular():
		f.Skipped, f.Skip = "not a regular file", facts.SkipSpecial
		return f
	}
	f.Size = st.Size()
	if f.Size > limit {
		f.Skipped, f.Skip = fmt.Sprintf("over the limit of %s", humanize.IBytes(uint64(limit))), facts.SkipLarge
		return f
	}
	h, err := os.Open(path)
	if err != nil {
		f.Skipped, f.Skip = Reason(err), facts.SkipOf(err)
		return f
	}
	defer h.Close()
	sum := sha256.New()
	if f.Size, err = io.Copy(sum, h); err != nil {
		f.Skipped, f.Skip = Reason(err), facts.SkipUnreadable
		return f
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f
}

// HashBytes is the SHA-256 of data in hex.
func Bytes(data []byte) string {
	sum := sha256.Sum256(data)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

// Reason leaves the path out: it is private, and the name is beside it.
func Reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
