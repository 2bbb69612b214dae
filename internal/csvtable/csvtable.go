// Package csvtable reads tables as spreadsheets export them: RFC 4180, in UTF-8, with
// a line of names.
//
// It promises that every row it returns has a value for each name, kept as it is
// written, that no name is there twice, and that what is wrong is told with its
// line. It reads no file.
package csvtable

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is what is wrong with a table, and the way out; Line is 0 for one that has
// more than the rows allowed.
type Problem struct {
	Line         int
	Message, Way string
}

// Read reads a table of at most most rows. check says what is wrong with a name, ""
// for nothing.
func Read(data []byte, most int, check func(name string) (problem, way string)) (names []string, rows [][]string, bad *Problem) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return nil, nil, &Problem{1, "the file is not text in UTF-8", "save it as UTF-8"}
	}
	in := csv.NewReader(bytes.NewReader(data))
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil, &Problem{1, "the file is empty", "its first line names the columns"}
	}
	for i, n := range names {
		names[i] = strings.TrimSpace(n)
		if problem, way := check(names[i]); problem != "" {
			return nil, nil, &Problem{1, problem, way}
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, nil, &Problem{1, fmt.Sprintf("column %s is there twice", names[i]), "rename one of them"}
		}
	}
	for err == nil {
		var fields []string
		if fields, err = in.Read(); err != nil {
			break
		}
		if len(rows) == most {
			return nil, nil, &Problem{0, fmt.Sprintf("more than %d rows", most), ""}
		}
		rows = append(rows, fields)
	}
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		return nil, nil, &Problem{pe.Line, pe.Err.Error(), ""}
	}
	if len(rows) == 0 {
		return nil, nil, &Problem{1, "the table has no line but its names", "write a line for each task"}
	}
	return names, rows, nil
}
