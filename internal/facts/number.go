package facts

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Look is one entry of numbers: in the job file; see jobspec.Number. An older
// nixbatch knew file, pattern, json and the tolerances alone.
type Look struct {
	Name      string  `json:"name,omitempty"`
	Unit      string  `json:"unit,omitempty"`
	File      string  `json:"file"` // "" for what the task prints
	Log       bool    `json:"log,omitempty"`
	Pattern   string  `json:"pattern,omitempty"`
	JSON      string  `json:"json,omitempty"` // a path into JSON
	Column    string  `json:"column,omitempty"`
	Separator string  `json:"separator,omitempty"`
	Header    string  `json:"header,omitempty"` // "yes" or "no"
	Section   string  `json:"section,omitempty"`
	Until     string  `json:"until,omitempty"`
	Line      int     `json:"line,omitempty"`
	Which     string  `json:"which,omitempty"` // "first" or "last"; "" is all
	Abs       float64 `json:"abs"`             // tolerances
	Rel       float64 `json:"rel"`
}

// Number is what one entry of numbers: found, in the order of the file.
type Number struct {
	Look
	// Files are those that a pattern in File stood for.
	Files   []string `json:"files,omitempty"`
	Values  []Float  `json:"values"`
	Problem string   `json:"problem,omitempty"` // why there is none
}

// Label is what a look is called where its name belongs.
func (l Look) Label() string {
	switch {
	case l.Name != "":
		return l.Name
	case l.JSON != "":
		return l.JSON
	case l.Pattern != "":
		return l.Pattern
	}
	return "column " + l.Column
}

// Place is the file that is looked into, or "log".
func (l Look) Place() string {
	if l.Log {
		return "log"
	}
	return l.File
}

// Float is a number that may be none, or infinite: JSON has no such numbers, and
// they are the strings "NaN", "Infinity" and "-Infinity" there.
type Float float64

// Finite reports whether it is a number with digits.
func (f Float) Finite() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// String is the shortest text that is read as the same number.
func (f Float) String() string {
	switch v := float64(f); {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "Infinity"
	case math.IsInf(v, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
}

// MarshalJSON writes a number, or one of the three strings.
func (f Float) MarshalJSON() ([]byte, error) {
	if f.Finite() {
		return json.Marshal(float64(f))
	}
	return json.Marshal(f.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Float) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case float64:
		*f = Float(v)
		return nil
	case string:
		if odd, ok := map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[v]; ok {
			*f = Float(odd)
			return nil
		}
	}
	return fmt.Errorf("%.40s is no number", data)
}
