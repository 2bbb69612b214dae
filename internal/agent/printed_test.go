package agent

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// asks is a task that has a number in what it prints.
func asks(t *testing.T) (*Agent, *bytes.Buffer) {
	t.Helper()
	a, _, log := task(t)
	a.plan.Compare = []facts.Look{{Log: true, Pattern: "x"}}
	if err := os.MkdirAll(a.Run.AttemptDir(0, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	return a, log
}

func content(t *testing.T, p *printed) string {
	t.Helper()
	in, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Where somebody else writes the log, all that was printed by the payload's end is
// kept, and passed on; who still holds the other end is not waited for.
func TestPrintedIntoAPipe(t *testing.T) {
	a, log := asks(t)
	p := a.print()
	out, ok := p.instead(a.Stdout).(*os.File)
	if !ok {
		t.Fatal("the payload has no pipe")
	}
	left, err := os.OpenFile("/proc/self/fd/"+numberOf(out), os.O_WRONLY, 0) // what the payload left behind
	if err != nil {
		t.Fatal(err)
	}
	defer left.Close()
	long := strings.Repeat("0123456789abcde\n", 40_000) // more than a pipe holds
	if _, err := out.WriteString(long + "the end\n"); err != nil {
		t.Fatal(err)
	}
	p.started()
	p.over()
	if got := content(t, p); got != long+"the end\n" || log.String() != got || content(t, p) != got { // for each number
		t.Errorf("%d bytes were kept, %d passed on", len(got), log.Len())
	}
	if names, err := filepath.Glob(filepath.Join(a.Run.AttemptDir(0, 0), ".*")); err != nil || len(names) > 0 {
		t.Errorf("%v was left, %v", names, err)
	}
}

// numberOf is the number of a file's descriptor.
func numberOf(f *os.File) string {
	n := ""
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { n = strconv.Itoa(int(fd)) })
	}
	return n
}

// A log that the payload writes to by itself is looked into from where it was: what
// an earlier attempt printed is none of this one's.
func TestPrintedIntoAFile(t *testing.T) {
	a, _ := asks(t)
	log, err := os.OpenFile("log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString("of an earlier attempt\n"); err != nil {
		t.Fatal(err)
	}
	a.Stdout = log
	p := a.print()
	if p.instead(a.Stdout) != io.Writer(log) {
		t.Error("the payload does not write to its log")
	}
	if _, err := log.WriteString("of this one\n"); err != nil {
		t.Fatal(err)
	}
	p.started()
	p.over()
	if got := content(t, p); got != "of this one\n" || content(t, p) != got {
		t.Errorf("%q", got)
	}
}

// Where no number is looked for in it, nothing is between the payload and its log;
// where it cannot be kept, the payload runs, and the number says why.
func TestPrintedOrNot(t *testing.T) {
	a, log := asks(t)
	none := *a
	none.plan.Compare = nil
	if p := none.print(); p != nil || p.instead(log) != io.Writer(log) {
		t.Error("something is between")
	}
	a.plan.Compare = []facts.Look{{Log: true, Pattern: "x"}}
	if err := os.RemoveAll(a.Run.AttemptDir(0, 0)); err != nil {
		t.Fatal(err)
	}
	p := a.print()
	if p.instead(log) != io.Writer(log) {
		t.Error("the payload has no log")
	}
	p.started()
	p.over()
	if _, err := p.open(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "could not be kept") {
		t.Errorf("%v", err)
	}
}
