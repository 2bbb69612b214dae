package digest_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/digest"
)

// abc is the SHA-256 of "abc" (FIPS 180-4, the example).
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestFile(t *testing.T) {
	dir := t.TempDir()
	file, pipe, link := filepath.Join(dir, "abc"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path    string
		limit   int64
		sum     string
		skipped string
	}{
		"a file":          {file, 3, abc, ""},
		"a link to it":    {link, 3, abc, ""},
		"above the limit": {file, 2, "", "over the limit of 2 B"},
		"nothing":         {file + "x", 3, "", "no such file or directory"},
		"a directory":     {dir, 3, "", "not a regular file"},
		"a pipe, at once": {pipe, 3, "", "not a regular file"},
		"below a file":    {file + "/x", 3, "", "not a directory"},
	} {
		got := digest.File("its name", tc.path, tc.limit)
		if got.Path != "its name" || got.SHA256 != tc.sum || got.Skipped != tc.skipped || tc.sum != "" && got.Size != 3 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if digest.Bytes([]byte("abc")) != abc {
		t.Error("bytes have another hash")
	}
}
