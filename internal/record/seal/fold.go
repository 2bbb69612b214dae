package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/private"
)

// TasksFile holds what all tasks left, a line each, once the run is sealed.
const TasksFile = facts.TasksFile

// LogSchema names what is kept of a log: its size. That its bytes are the same
// is told by the keyed hash beside it.
const LogSchema = "nixbatch/log/v1"

// Line is one line of TasksFile.
type Line struct {
	Path   string // tasks/0-999/7/attempt-0/start.json
	SHA256 string // of the redacted form
	Whole  string // keyed hash of the file as it was written
	Keyed  string // of Fact; "" where redacting changes nothing, so that SHA256 is of Fact, too
	Fact   []byte // canonical JSON, of a line that is read until the next one is

	value *canon.Value // what Fact says; nil: not parsed
}

// Of is the task and attempt a line is about, and which file ("start", "end",
// "log"; a log has no attempt).
func (l Line) Of() (task, attempt int, kind string) {
	parts := strings.Split(l.Path, "/")
	if parts[0] == "logs" {
		task, _ = strconv.Atoi(strings.TrimSuffix(parts[len(parts)-1], ".log"))
		return task, 0, "log"
	}
	if len(parts) == 5 {
		task, _ = strconv.Atoi(parts[2])
		attempt, _ = strconv.Atoi(strings.TrimPrefix(parts[3], "attempt-"))
		kind = strings.TrimSuffix(parts[4], ".json")
	}
	return task, attempt, kind
}

// appendLeaf appends what of a fact goes into the Merkle tree.
func appendLeaf(b []byte, name, sum, whole string) []byte {
	b = canon.AppendString(append(b, `{"path":`...), name)
	b = canon.AppendString(append(b, `,"sha256":`...), sum)
	b = canon.AppendString(append(b, `,"whole":`...), whole)
	return append(b, '}')
}

func (l *Line) append(b []byte) []byte {
	b = append(append(b, `{"fact":`...), l.Fact...)
	if l.Keyed != "" {
		b = canon.AppendString(append(b, `,"keyed":`...), l.Keyed)
	}
	b = canon.AppendString(append(b, `,"path":`...), l.Path)
	b = canon.AppendString(append(b, `,"sha256":`...), l.SHA256)
	b = canon.AppendString(append(b, `,"whole":`...), l.Whole)
	return append(b, "}\n"...)
}

// appendLeaf appends what of the line goes into the Merkle tree.
func (l *Line) appendLeaf(b []byte) []byte {
	from := len(b)
	if l.Keyed != "" {
		b = canon.AppendString(append(b, `{"keyed":`...), l.Keyed)
		from = len(b)
	}
	b = appendLeaf(b, l.Path, l.SHA256, l.Whole)
	if l.Keyed != "" {
		b[from] = ','
	}
	return b
}

// WriteLine writes one line of a TasksFile.
func WriteLine(w *bufio.Writer, l Line) error {
	_, err := w.Write(l.append(w.AvailableBuffer()))
	return err
}

// Redacted is the redacted form of the fact, appended to b. It can be had once.
func (l Line) Redacted(r *private.Redactor, b []byte) ([]byte, error) {
	v, err := l.parsed()
	if err != nil {
		return nil, err
	}
	r.Redact(v)
	return v.Append(b), nil
}

// Schema is what the fact says it is.
func (l Line) Schema() (string, error) {
	v, err := l.parsed()
	if err != nil {
		return "", err
	}
	return v.Get("schema").Text, nil
}

func (l Line) parsed() (*canon.Value, error) {
	if l.value != nil {
		return l.value, nil
	}
	v, err := canon.ParseJSON(l.Fact)
	return &v, err
}

// LogSize is the recorded size of a log in bytes; -1 for other facts.
func (l Line) LogSize() int64 {
	if _, _, kind := l.Of(); kind != "log" {
		return -1
	}
	v, err := l.parsed()
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(v.Get("size").Text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// folder makes the lines of a run's files, one after the other in the same
// memory.
type folder struct {
	dir          string
	r            *private.Redactor
	parser       canon.Parser
	file         []byte
	fact, public []byte
}

// line makes the line of one file; its Fact may be used until the next one.
func (f *folder) line(name string) (l Line, err error) {
	l.Path = name
	if strings.HasSuffix(name, ".log") {
		err = f.log(&l)
	} else if err = f.read(name); err == nil {
		l.Whole = f.r.Key().WholeOf(f.file)
	}
	if err != nil {
		return l, err
	}
	v, err := f.parser.Parse(f.file)
	if err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	f.fact = v.Append(f.fact[:0])
	f.r.Redact(&v)
	f.public = v.Append(f.public[:0])
	l.Fact, l.SHA256 = f.fact, digest.Bytes(f.public)
	if !bytes.Equal(f.public, f.fact) {
		l.Keyed = f.r.Key().Fact(f.fact)
	}
	return l, nil
}

// log makes the fact of a log.
func (f *folder) log(l *Line) error {
	in, err := durable.Open(filepath.Join(f.dir, l.Path))
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	l.Whole = f.r.Key().Whole(in)
	f.file = fmt.Appendf(f.file[:0], `{"schema":%q,"size":%d}`, LogSchema, st.Size())
	return nil
}

// read reads a file into f.file.
func (f *folder) read(name string) error {
	in, err := durable.Open(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	defer in.Close()
	for f.file = f.file[:0]; ; {
		f.file = slices.Grow(f.file, 512)
		n, err := in.Read(f.file[len(f.file):cap(f.file)])
		f.file = f.file[:len(f.file)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
