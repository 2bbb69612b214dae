package source_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

func save(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func zipOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A zip that would grow into a disk or a memory is refused by what it says of
// itself, before anything of it is read.
func TestBombs(t *testing.T) {
	good := zipOf(t, "plan.json", "{}")
	if src, err := source.Open(save(t, good)); err != nil {
		t.Fatal(err)
	} else {
		src.Close()
	}
	end := bytes.LastIndex(good, []byte("PK\x05\x06"))
	central := bytes.LastIndex(good, []byte("PK\x01\x02"))
	edit := func(at int, put func([]byte)) []byte {
		data := bytes.Clone(good)
		put(data[at:])
		return data
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"table": {edit(end+12, func(b []byte) { binary.LittleEndian.PutUint32(b, 0xfffffff0) }), "more than 500000 files"},
		"size":  {edit(central+24, func(b []byte) { binary.LittleEndian.PutUint32(b, 0xfffffff0) }), "200 times its size"},
		"over":  {edit(central+20, func(b []byte) { binary.LittleEndian.PutUint32(b, 0xfffffff0) }), "over each other"},
		"short": {good[:30], "no whole zip"},
		"empty": {nil, "no whole zip"},
	} {
		var bad *fault.Error
		if _, err := source.Open(save(t, tc.data)); !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	src, err := source.Open(save(t, zipOf(t, "plan.json", "["+strings.Repeat("{},", 200_000)+"{}]")))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var bad *fault.Error
	if _, err := source.ReadAll(src, "plan.json"); !errors.As(err, &bad) || !strings.Contains(err.Error(), "more memory") {
		t.Error(err)
	}
}

func TestNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.zip")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := source.Open(path); err == nil || !strings.Contains(err.Error(), "not a file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestUntil(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src, err := source.Open(save(t, zipOf(t, "a", strings.Repeat("x", 100))))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	f, err := source.Until(ctx, src).Open("a")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := source.Until(ctx, src).Open("a"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
