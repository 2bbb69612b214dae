package numbers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/nixbatch/nixbatch/internal/locate"
)

// inJSON follows a path into a JSON document.
func (f *finding) inJSON(in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, maxJSON+1))
	if err != nil {
		return err
	}
	if len(data) > maxJSON {
		return errTooLarge
	}
	dec := json.NewDecoder(bytes.NewReader(quoted(data)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("there is something behind the JSON")
	}
	return f.walk(v, locate.Steps(f.JSON))
}

func (f *finding) walk(v any, steps []string) error {
	if len(steps) == 0 {
		switch v := v.(type) {
		case json.Number:
			return f.add(v.String())
		case string:
			return f.add(v)
		case nil:
			return errors.New("what is there is null")
		}
		return errors.New("what is there is no number")
	}
	switch v := v.(type) {
	case map[string]any:
		if in, ok := v[steps[0]]; ok {
			return f.walk(in, steps[1:])
		}
	case []any:
		if steps[0] == "*" {
			for _, in := range v {
				if err := f.walk(in, steps[1:]); err != nil {
					return err
				}
			}
			return nil
		}
		if i, err := strconv.Atoi(steps[0]); err == nil && i < len(v) {
			return f.walk(v[i], steps[1:])
		}
	}
	return fmt.Errorf("there is no %q", steps[0])
}

// quoted puts quotes around NaN, Infinity and -Infinity, which JSON does not have
// and Python's json writes.
func quoted(data []byte) []byte {
	words := [][]byte{[]byte("NaN"), []byte("Infinity"), []byte("-Infinity")}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if data[i] == '"' { // a string, as it is
			end := i + 1
			for end < len(data) && data[end] != '"' {
				if data[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(data))
			out = append(out, data[i:end]...)
			i = end
			continue
		}
		n := 0
		for _, w := range words {
			if bytes.HasPrefix(data[i:], w) {
				n = len(w)
			}
		}
		if n > 0 {
			out = append(append(append(out, '"'), data[i:i+n]...), '"')
			i += n
			continue
		}
		out = append(out, data[i])
		i++
	}
	return out
}
