package jobspec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The names of a CSV file are known when it is read: then they are compared, and
// the values counted.
func TestPrivate(t *testing.T) {
	many := "m\n"
	for i := range MaxPrivate + 1 {
		many += fmt.Sprintln(i)
	}
	for _, tc := range []struct{ private, csv, want string }{
		{"[m, TOKEN]", "m\nw\n", ""},
		{"[TOKEN]", many, ""},
		{"[M]", "m\nw\n", "private: \"M\" is a name of neither env nor sweep"},
		{"[m]", many, "private: its names have more than 1000 different values"},
	} {
		s, err := Parse("x.yaml", []byte(job("private", "env: {TOKEN: x}\nsweep: {csv: t.csv}\nprivate: "+tc.private)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Sweep.Tasks([]byte(tc.csv))
		if err != nil {
			t.Fatal(err)
		}
		err = CheckPrivate(s, rows)
		var se *SweepError
		if tc.want == "" && err != nil || tc.want != "" && (!errors.As(err, &se) || !strings.HasPrefix(se.Message, tc.want)) {
			t.Errorf("%s: %v, want %s", tc.private, err, tc.want)
		}
	}
}
