package screen

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"text/tabwriter"
	"unicode/utf16"
	"unicode/utf8"
)

// Text is layout that was made here or with Sprintf: an argument of this type is
// printed as it is.
type Text string

// Printf prints: the format is layout, and every argument a value that is made
// plain, on one line. That it could not be written is told by the writer (the
// command's own remembers it).
func Printf(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, values(args)...)
}

// Sprintf is Printf into a text.
func Sprintf(format string, args ...any) Text { return Text(fmt.Sprintf(format, values(args)...)) }

func values(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case Text:
			out[i] = string(v)
		case string:
			out[i] = Value(v)
		default:
			// Numbers stay what they are: one may be the width of another argument.
			if k := reflect.ValueOf(a).Kind(); k >= reflect.Bool && k <= reflect.Complex128 && !speaks(a) {
				out[i] = a
			} else {
				out[i] = value{a}
			}
		}
	}
	return out
}

// speaks reports whether a number has words of its own.
func speaks(a any) bool {
	switch a.(type) {
	case fmt.Stringer, error, fmt.Formatter:
		return true
	}
	return false
}

// value is made plain after it was formatted as it is meant to be.
type value struct{ v any }

func (p value) Format(f fmt.State, verb rune) {
	_, _ = io.WriteString(f, Value(fmt.Sprintf(fmt.FormatString(f, verb), p.v)))
}

// Columns is a table that is being written.
type Columns struct {
	*tabwriter.Writer
	out *bufio.Writer
}

// Table is a writer of columns, separated by tabs; Flush prints them, in a few
// large pieces instead of one a cell.
func Table(w io.Writer) Columns {
	out := bufio.NewWriterSize(w, 1<<16)
	return Columns{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), out}
}

// Flush prints what was written.
func (c Columns) Flush() error {
	if err := c.Writer.Flush(); err != nil {
		return err
	}
	return c.out.Flush()
}

// JSON prints v, indented. Its characters are those of v to whoever reads it as
// JSON; what is not Visible is written with escapes.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(jsonWriter{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// JSONText is JSON with escapes for what is not Visible in its strings. Outside
// of strings JSON has nothing of that kind.
func JSONText(data []byte) []byte {
	if clean(string(data)) {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for i, n := 0, 0; i < len(data); i += n {
		var r rune
		r, n = utf8.DecodeRune(data[i:])
		switch {
		case Visible(r) || r < ' ': // white space between values
			out = append(out, data[i:i+n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

type jsonWriter struct{ w io.Writer }

// Write gets whole documents: json.Encoder writes each with one call.
func (j jsonWriter) Write(p []byte) (int, error) {
	if _, err := j.w.Write(JSONText(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
