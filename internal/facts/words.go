package facts

import (
	"errors"
	"io/fs"
	"strings"
)

// Skip is why the record has no hash of a file.
type Skip string

const (
	SkipMissing    Skip = "missing"
	SkipSpecial    Skip = "not-a-file"
	SkipLarge      Skip = "too-large"
	SkipUnreadable Skip = "unreadable"
	SkipLater      Skip = "later" // of an input at the submission: an earlier job makes it
)

// Why is why the file has no hash, "" where it has one. The first nixbatch left
// the words alone.
func (f File) Why() Skip { return skipOf(f.Skip, f.Skipped) }

// Why is why the input was not looked at again, "" where it was.
func (c InputChange) Why() Skip {
	why := skipOf(c.Skip, c.What)
	if c.Skip == "" && why == SkipUnreadable && c.What == OtherContents {
		return ""
	}
	return why
}

// OtherContents is what is said of an input whose hash changed.
const OtherContents = "other contents at the end"

func skipOf(skip Skip, words string) Skip {
	switch {
	case skip != "" || words == "":
		return skip
	case strings.HasPrefix(words, "no such file"), words == "file does not exist":
		return SkipMissing
	case strings.HasPrefix(words, "over the limit"):
		return SkipLarge
	case words == "not a regular file":
		return SkipSpecial
	}
	return SkipUnreadable
}

// SkipOf is an error of the file system as a Skip.
func SkipOf(err error) Skip {
	if errors.Is(err, fs.ErrNotExist) {
		return SkipMissing
	}
	return SkipUnreadable
}

// toldToEnd is how the reason of an end begins whose payload was told to end.
const toldToEnd = "told to end by signal"

// TellToEnd writes into an end that a signal told the payload to end.
func (e *End) TellToEnd(signal string) {
	e.Told, e.Reason = signal, toldToEnd+": "+signal
}

// ToldToEnd reports whether a signal told the payload to end. The first nixbatch
// said so in the reason alone.
func (e *End) ToldToEnd() bool { return e.Told != "" || strings.HasPrefix(e.Reason, toldToEnd) }
