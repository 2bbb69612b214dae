package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
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
	Fact   []byte // canonical JSON
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

// leaf is what of a fact goes into the Merkle tree.
func leaf(name, sum, whole string) []byte {
	v := canon.Value{Kind: '{', Keys: []string{"path", "sha256", "whole"}, Items: []canon.Value{
		{Kind: '"', Text: name}, {Kind: '"', Text: sum}, {Kind: '"', Text: whole}}}
	return v.Append(nil)
}

func (l Line) bytes() []byte {
	b := append([]byte(`{"fact":`), l.Fact...)
	if l.Keyed != "" {
		b = canon.AppendString(append(b, `,"keyed":`...), l.Keyed)
	}
	b = canon.AppendString(append(b, `,"path":`...), l.Path)
	b = canon.AppendString(append(b, `,"sha256":`...), l.SHA256)
	b = canon.AppendString(append(b, `,"whole":`...), l.Whole)
	return append(b, "}\n"...)
}

// numbered lists the entries of a directory whose names are prefix and a
// number, sorted by it.
func numbered(dir, prefix, suffix string) ([]int, error) {
	entries, err := durable.List(dir)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, e := range entries {
		text := strings.TrimSuffix(strings.TrimPrefix(e.Name(), prefix), suffix)
		if n, err := strconv.Atoi(text); err == nil && prefix+strconv.Itoa(n)+suffix == e.Name() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// TaskFiles calls each for every file that a run's tasks left, by task, attempt
// and name; a task's log comes after its attempts.
func TaskFiles(dir string, each func(name string) error) error {
	ranges, err := durable.List(filepath.Join(dir, "tasks"))
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	at := map[int]string{}
	var tasks []int
	for _, r := range ranges {
		in, err := numbered(filepath.Join(dir, "tasks", r.Name()), "", "")
		if err != nil {
			return fmt.Errorf("tasks: %w", err)
		}
		for _, t := range in {
			at[t] = path.Join("tasks", r.Name(), strconv.Itoa(t))
			tasks = append(tasks, t)
		}
	}
	logs, err := logFiles(dir)
	if err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	for t := range logs {
		if _, ok := at[t]; !ok {
			tasks = append(tasks, t)
		}
	}
	slices.Sort(tasks)
	for _, t := range tasks {
		if base := at[t]; base != "" {
			attempts, err := numbered(filepath.Join(dir, base), "attempt-", "")
			if err != nil {
				return fmt.Errorf("tasks: %w", err)
			}
			for _, n := range attempts {
				for _, f := range []string{facts.StartFile, facts.EndFile} {
					name := path.Join(base, "attempt-"+strconv.Itoa(n), f)
					if err := eachIf(dir, name, each); err != nil {
						return err
					}
				}
			}
		}
		if log := logs[t]; log != "" {
			if err := each(log); err != nil {
				return err
			}
		}
	}
	const common = "logs/slurm.log" // of all tasks of a sweep
	return eachIf(dir, common, each)
}

// eachIf calls each for a file that is there.
func eachIf(dir, name string, each func(string) error) error {
	there, err := durable.There(filepath.Join(dir, name))
	if err != nil || !there {
		return err
	}
	return each(name)
}

// logFiles is the log of each task.
func logFiles(dir string) (map[int]string, error) {
	out := map[int]string{}
	below := []string{"logs"}
	ranges, err := durable.List(filepath.Join(dir, "logs"))
	if err != nil {
		return nil, err
	}
	for _, e := range ranges {
		if e.IsDir() {
			below = append(below, path.Join("logs", e.Name()))
		}
	}
	for _, d := range below {
		in, err := numbered(filepath.Join(dir, d), "", ".log")
		if err != nil {
			return nil, err
		}
		for _, t := range in {
			out[t] = path.Join(d, strconv.Itoa(t)+".log")
		}
	}
	return out, nil
}

// fold makes the line of one file.
func fold(dir, name string, r *private.Redactor) (Line, error) {
	l := Line{Path: name}
	file := filepath.Join(dir, name)
	var fact []byte
	if strings.HasSuffix(name, ".log") {
		f, err := os.Open(file)
		if err != nil {
			return l, err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return l, err
		}
		l.Whole = r.Key().Whole(f)
		fact = fmt.Appendf(nil, `{"schema":%q,"size":%d}`, LogSchema, st.Size())
	} else {
		var err error
		if fact, err = durable.ReadFile(file); err != nil {
			return l, err
		}
		l.Whole = r.Key().Whole(bytes.NewReader(fact))
	}
	var err error
	if l.Fact, err = canon.Canonical(fact); err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	public, err := r.JSON(fact)
	if err != nil {
		return l, fmt.Errorf("%s: %w", name, err)
	}
	l.SHA256 = digest.Bytes(public)
	if !bytes.Equal(public, l.Fact) {
		l.Keyed = r.Key().Fact(l.Fact)
	}
	return l, nil
}

const maxLine = 64 << 20

// Lines reads a TasksFile, a line at a time. A line that is not what fold
// writes, byte for byte, is an error that names it.
func Lines(in io.Reader, each func(Line) error) error {
	b := bufio.NewReaderSize(in, 16<<10)
	var line []byte
	for n := 1; ; n++ {
		line = line[:0]
		for {
			part, err := b.ReadSlice('\n')
			line = append(line, part...)
			if err == nil {
				break
			}
			if errors.Is(err, bufio.ErrBufferFull) && len(line) < maxLine {
				continue
			}
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return nil
			}
			if errors.Is(err, io.EOF) {
				err = canon.ErrCut
			}
			return fmt.Errorf("%s, line %d: %w", TasksFile, n, err)
		}
		v, err := canon.ParseJSON(line)
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", TasksFile, n, err)
		}
		l := Line{Path: v.Get("path").Text, SHA256: v.Get("sha256").Text, Whole: v.Get("whole").Text, Keyed: v.Get("keyed").Text, Fact: v.Get("fact").Append(nil)}
		if !bytes.Equal(l.bytes(), line) {
			return fmt.Errorf("%s, line %d: it is not in the form that was sealed", TasksFile, n)
		}
		if err := each(l); err != nil {
			return err
		}
	}
}

// WriteLine writes one line of a TasksFile.
func WriteLine(w io.Writer, l Line) error {
	_, err := w.Write(l.bytes())
	return err
}

// Leaf is what of the line goes into the Merkle tree.
func (l Line) Leaf() []byte {
	b := []byte("{")
	if l.Keyed != "" {
		b = append(canon.AppendString(append(b, `"keyed":`...), l.Keyed), ',')
	}
	return append(b, leaf(l.Path, l.SHA256, l.Whole)[1:]...)
}

// LogSize is the recorded size of a log in bytes; -1 for other facts.
func (l Line) LogSize() int64 {
	if _, _, kind := l.Of(); kind != "log" {
		return -1
	}
	v, err := canon.ParseJSON(l.Fact)
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(v.Get("size").Text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
