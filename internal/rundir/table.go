package rundir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/jobspec"
)

// TableFile holds the tasks of a sweep: facts.SweepSchema, JSON, the values of
// task n on line n+2.
func (r Run) TableFile() string { return filepath.Join(r.Dir, facts.SweepFile) }

// Table is the file's bytes.
func Table(rows []jobspec.Row) ([]byte, error) {
	if len(rows) == 0 {
		return nil, errors.New("table of tasks: there are none")
	}
	var b bytes.Buffer
	names := make([]string, len(rows[0]))
	for i, v := range rows[0] {
		names[i] = v.Name
	}
	text := func(v any) error {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		b.Truncate(b.Len() - 1) // the line's end
		return err
	}
	fmt.Fprintf(&b, `{"schema":%q,"names":`, facts.SweepSchema)
	if err := text(names); err != nil {
		return nil, err
	}
	b.WriteString(`,"tasks":[` + "\n")
	for i, r := range rows {
		values := make([]string, len(names))
		for k, n := range names {
			values[k], _ = r.Get(n) // rows may name them in another order
		}
		if err := text(values); err != nil {
			return nil, err
		}
		if i < len(rows)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

// Row is the values of one task of a sweep. It reads no more of the table than
// that task's line.
func (r Run) Row(task int) (jobspec.Row, error) {
	f, err := durable.Open(r.TableFile())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("table of tasks: %w", err)
	}
	var h struct{ Names []string }
	if err := json.Unmarshal([]byte(head+"]}"), &h); err != nil {
		return nil, fmt.Errorf("table of tasks: %w", err)
	}
	var line []byte
	for n := 0; n <= task; n++ {
		if line, err = readLine(in, n == task); err != nil {
			return nil, fmt.Errorf("table of tasks: task %d: %w", task, err)
		}
	}
	var values []string
	if err := json.Unmarshal(bytes.TrimRight(line, ",\n"), &values); err != nil || len(values) != len(h.Names) {
		return nil, fmt.Errorf("table of tasks: it has no task %d", task)
	}
	row := make(jobspec.Row, len(values))
	for i, v := range values {
		row[i] = jobspec.EnvVar{Name: h.Names[i], Value: v}
	}
	return row, nil
}

// readLine reads a line of any length; keep says whether its text is wanted.
func readLine(in *bufio.Reader, keep bool) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if keep {
			line = append(line, part...)
		}
		if err == nil || err != bufio.ErrBufferFull {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return line, err
		}
	}
}

// Rows is the values of all tasks of a sweep, by task; none for a run that is
// no sweep.
func (r Run) Rows() ([]jobspec.Row, error) {
	var t struct {
		Names []string
		Tasks [][]string
	}
	if there, err := durable.ReadIf(r.TableFile(), &t); err != nil || !there {
		return nil, err
	}
	out := make([]jobspec.Row, len(t.Tasks))
	for i, values := range t.Tasks {
		if len(values) != len(t.Names) {
			return nil, fmt.Errorf("table of tasks: task %d has another number of values", i)
		}
		row := make(jobspec.Row, len(values))
		for k, v := range values {
			row[k] = jobspec.EnvVar{Name: t.Names[k], Value: v}
		}
		out[i] = row
	}
	return out, nil
}
