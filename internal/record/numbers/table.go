package numbers

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nixbatch/nixbatch/internal/locate"
)

// inTable takes a column of each table: of the whole file, or of each section.
func (f *finding) inTable(in io.Reader) error {
	l, err := f.lines(in)
	if err != nil {
		return err
	}
	t := f.newTable()
	for {
		line, begins, ok := l.next()
		if !ok {
			break
		}
		if begins {
			t = f.newTable()
		}
		if err := t.line(line); err != nil {
			return err
		}
	}
	return l.err()
}

// table is a table as it is read, a line at a time.
type table struct {
	*finding
	sep    string
	skip   int
	column int // from 0; -1: not known yet
	rows   int // without the headings
	headed bool
	over   bool
}

func (f *finding) newTable() *table {
	t := &table{finding: f, sep: locate.Separator(f.Separator, f.File), skip: f.Line, column: -1}
	if f.among != "" {
		t.sep = locate.Separator(f.Separator, f.among)
	}
	if n, ok := locate.Number(f.Column); ok {
		t.column = n - 1
	}
	return t
}

func (t *table) line(line string) error {
	if t.skip > 0 {
		t.skip--
		return nil
	}
	switch {
	case t.over:
		return nil
	case strings.TrimSpace(line) == "":
		// A section without an end of its own ends at a blank line behind its table.
		t.over = t.Section != "" && t.Until == "" && (t.rows > 0 || t.headed)
		return nil
	case t.sep == "blank" && strings.Trim(line, "-=_*+|. \t") == "":
		return nil // a ruler
	}
	comment := t.sep == "blank" && strings.HasPrefix(strings.TrimSpace(line), "#")
	if comment {
		line = strings.TrimLeft(strings.TrimSpace(line), "# \t")
	}
	cells, err := t.cells(line)
	if err != nil {
		return err
	}
	if t.heading(cells, comment) || comment {
		return nil
	}
	t.rows++
	if t.column < 0 {
		return fmt.Errorf("no column is called %q", t.Column)
	}
	if t.column >= len(cells) {
		return fmt.Errorf("row %d has %d columns", t.rows, len(cells))
	}
	return t.add(cells[t.column])
}

// heading reports whether a line names the columns.
func (t *table) heading(cells []string, comment bool) bool {
	if t.headed || t.rows > 0 {
		return false
	}
	if _, counted := locate.Number(t.Column); !counted {
		at := slices.Index(cells, t.Column)
		if comment && at < 0 {
			return false // a remark; the names may follow
		}
		t.column, t.headed = at, true
		return true
	}
	switch {
	case comment || t.Header == "no":
	case t.Header == "yes":
		t.headed = true
	case t.column < len(cells):
		_, err := parse(cells[t.column])
		t.headed = err != nil
	}
	return t.headed
}

// cells are the columns of a line.
func (t *table) cells(line string) ([]string, error) {
	if t.sep == "blank" {
		return strings.Fields(line), nil
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(line, "\ufeff")))
	r.Comma = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t'}[t.sep]
	r.FieldsPerRecord = -1
	cells, err := r.Read()
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		return nil, fmt.Errorf("%.60q: %w", line, pe.Err)
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells, err
}
