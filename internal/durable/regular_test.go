package durable_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixbatch/nixbatch/internal/durable"
)

// Nobody ever writes to the pipe: a reader that opens it waits for ever.
func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Symlink("pipe", at("link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{at("pipe"): "is a pipe", at("link"): "is a pipe", at("socket"): "is a socket", "/dev/zero": "is a device", dir: "is a directory", at("none"): "no such file"} {
		if _, err := durable.ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := os.WriteFile(at("file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := durable.ReadFile(at("file")); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
}
