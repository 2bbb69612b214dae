package numbers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
)

// Bounds of what is looked at: an output may have gigabytes.
const (
	maxNumbers = 10000     // a file
	maxJSON    = 64 << 20  // bytes
	maxText    = 512 << 20 // bytes
	maxRow     = 1 << 20   // bytes
)

// FindNumbers looks for the numbers in the outputs that could be hashed.
func Find(dir fs.FS, looks []facts.Look, outputs []facts.File) []facts.Number {
	var out []facts.Number
	for _, l := range looks {
		n := facts.Number{File: l.File, Pattern: l.Pattern, JSON: l.JSON, Abs: l.Abs, Rel: l.Rel, Values: []float64{}}
		if i := slices.IndexFunc(outputs, func(f facts.File) bool { return f.Path == l.File }); i < 0 {
			n.Problem = "no such file among the outputs"
		} else if outputs[i].SHA256 == "" {
			n.Problem = outputs[i].Skipped
		} else if err := find(&n, dir); err != nil {
			n.Problem = digest.Reason(err)
		}
		out = append(out, n)
	}
	return out
}

func find(n *facts.Number, dir fs.FS) error {
	f, err := dir.Open(n.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if n.JSON != "" {
		err = inJSON(n, f)
	} else {
		err = inText(n, f)
	}
	if err == nil && len(n.Values) == 0 {
		err = errors.New("nothing there fits")
	}
	return err
}

func add(n *facts.Number, text string) error {
	// Fortran writes 1.0D-03.
	v, err := strconv.ParseFloat(strings.NewReplacer("D", "e", "d", "e").Replace(strings.Trim(text, ",;")), 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("%.40q is not a number", text)
	case len(n.Values) == maxNumbers:
		return fmt.Errorf("there are more than %d numbers", maxNumbers)
	}
	n.Values = append(n.Values, v)
	return nil
}

func inText(n *facts.Number, in io.Reader) error {
	re, err := regexp.Compile(n.Pattern)
	if err != nil {
		return err
	}
	limited := &io.LimitedReader{R: in, N: maxText}
	rows := bufio.NewScanner(limited)
	rows.Buffer(nil, maxRow)
	for rows.Scan() {
		for _, m := range re.FindAllStringSubmatch(rows.Text(), -1) {
			if err := add(n, m[min(1, len(m)-1)]); err != nil {
				return err
			}
		}
	}
	if rows.Err() == nil && limited.N == 0 {
		return errors.New("the file is too large to look for numbers")
	}
	return rows.Err()
}

func inJSON(n *facts.Number, in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, maxJSON+1))
	if err != nil {
		return err
	}
	if len(data) > maxJSON {
		return errors.New("the file is too large to look for numbers")
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	steps := strings.FieldsFunc(n.JSON, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	return walk(n, v, steps)
}

func walk(n *facts.Number, v any, steps []string) error {
	if len(steps) == 0 {
		switch v := v.(type) {
		case float64:
			return add(n, strconv.FormatFloat(v, 'g', -1, 64))
		case string:
			return add(n, v)
		}
		return errors.New("what is there is no number")
	}
	switch v := v.(type) {
	case map[string]any:
		if in, ok := v[steps[0]]; ok {
			return walk(n, in, steps[1:])
		}
	case []any:
		if steps[0] == "*" {
			for _, in := range v {
				if err := walk(n, in, steps[1:]); err != nil {
					return err
				}
			}
			return nil
		}
		if i, err := strconv.Atoi(steps[0]); err == nil && i < len(v) {
			return walk(n, v[i], steps[1:])
		}
	}
	return fmt.Errorf("there is no %q", steps[0])
}
