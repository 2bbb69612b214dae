package facts

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

// What an older nixbatch wrote has words alone, and means the same.
func TestOldWords(t *testing.T) {
	for text, want := range map[string]Skip{
		`{"path": "x", "sha256": "00"}`:                                "",
		`{"path": "x", "skipped": "no such file"}`:                     SkipMissing,
		`{"path": "x", "skipped": "no such file or directory"}`:        SkipMissing,
		`{"path": "x", "skipped": "over the limit of 64 GiB"}`:         SkipLarge,
		`{"path": "x", "skipped": "not a regular file"}`:               SkipSpecial,
		`{"path": "x", "skipped": "permission denied"}`:                SkipUnreadable,
		`{"path": "x", "skipped": "other words", "skip": "too-large"}`: SkipLarge,
	} {
		var f File
		if err := json.Unmarshal([]byte(text), &f); err != nil || f.Why() != want {
			t.Errorf("%s: %q, %v", text, f.Why(), err)
		}
	}
	for text, want := range map[string]Skip{
		`{"path": "x", "what": "other contents at the end"}`:  "",
		`{"path": "x", "what": "over the limit of 1.0 GiB"}`:  SkipLarge,
		`{"path": "x", "what": "no such file or directory"}`:  SkipMissing,
		`{"path": "x", "what": "gone", "skip": "unreadable"}`: SkipUnreadable,
	} {
		var c InputChange
		if err := json.Unmarshal([]byte(text), &c); err != nil || c.Why() != want {
			t.Errorf("%s: %q, %v", text, c.Why(), err)
		}
	}
	for text, want := range map[string]bool{
		`{"exit_code": 143, "reason": "told to end by signal: terminated"}`:                 true,
		`{"exit_code": 0, "reason": "in other words", "told_to_end": "terminated"}`:         true,
		`{"exit_code": 137, "reason": "its agent was killed by signal: killed; and so on"}`: false,
	} {
		var e End
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.ToldToEnd() != want {
			t.Errorf("%s: %v, %v", text, e.ToldToEnd(), err)
		}
	}
}

func TestTellToEnd(t *testing.T) {
	var e End
	if e.TellToEnd("terminated"); !e.ToldToEnd() || e.Reason != "told to end by signal: terminated" {
		t.Errorf("%+v", e)
	}
}

// That a file cannot be read does not say that it is not there.
func TestSkipOf(t *testing.T) {
	for err, want := range map[error]Skip{syscall.ENOENT: SkipMissing, syscall.EACCES: SkipUnreadable, syscall.ENOTDIR: SkipUnreadable, syscall.ELOOP: SkipUnreadable} {
		if got := SkipOf(fmt.Errorf("open: %w", &fs.PathError{Op: "open", Err: err})); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
