package jobspec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sweepOf(t *testing.T, block string) *Sweep {
	t.Helper()
	s, err := Parse("x.yaml", []byte(job("sweep", "sweep: "+block)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Sweep
}

func TestTasks(t *testing.T) {
	for _, tc := range []struct{ block, csv, want string }{
		{"{matrix: {a: [1, 2], b: [x, y]}}", "", "a=1 b=x|a=1 b=y|a=2 b=x|a=2 b=y"},
		{"{matrix: {a: [1.10, 0x10]}}", "", "a=1.10|a=0x10"},
		{"{rows: [{a: 1, b: 2}, {b: 3, a: 4}]}", "", "a=1 b=2|b=3 a=4"},
		{"{rows: [{m: w}, {m: o}], matrix: {a: [1, 2]}}", "", "m=w a=1|m=w a=2|m=o a=1|m=o a=2"},
		{"{matrix: {a: [1, 2], b: [x, y]}, exclude: [{a: 1, b: y}, {a: 2, b: x}]}", "", "a=1 b=x|a=2 b=y"},
		{"{csv: t.csv}", "\ufeffm, q\r\nwater,0\n\"a,b\",\"two\nlines\"\n", "m=water q=0|m=a,b q=two\nlines"},
		{"{csv: t.csv, matrix: {a: [1, 2]}, exclude: [{m: x}]}", "m\nw\nx\n", "m=w a=1|m=w a=2"},
	} {
		got, err := sweepOf(t, tc.block).Tasks([]byte(tc.csv))
		if err != nil {
			t.Errorf("%s: %v", tc.block, err)
			continue
		}
		words := []string{}
		for _, r := range got {
			words = append(words, r.String())
		}
		if diff := cmp.Diff(tc.want, strings.Join(words, "|")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.block, diff)
		}
	}
}

func TestNoTasks(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d,", i)
		}
		return "[" + b.String() + "]"
	}
	for _, tc := range []struct{ block, csv, want string }{
		{"{matrix: {a: [1]}, exclude: [{a: 2}]}", "", "sweep.exclude: a=2 leaves out no task"},
		{"{matrix: {a: [1]}, exclude: [{a: 1}]}", "", "sweep: every task is excluded"},
		{"{csv: t.csv}", "", "t.csv:1: the file is empty"},
		{"{csv: t.csv}", "a,b\n", "t.csv:1: the table has no line but its names"},
		{"{csv: t.csv}", "a,a\n1,2\n", "t.csv:1: column a is there twice"},
		{"{csv: t.csv}", "a b\n1\n", `t.csv:1: "a b" cannot be the name of a variable`},
		{"{csv: t.csv}", "PATH\n1\n", `t.csv:1: "PATH" cannot be set here: the environment sets it`},
		{"{csv: t.csv}", "a,b\n1,2\n3\n", "t.csv:3: wrong number of fields"},
		{"{csv: t.csv}", "a\n\"x\n", "t.csv:2: extraneous or missing"},
		{"{csv: t.csv}", "a\n\xff\n", "t.csv:1: the file is not text in UTF-8"},
		{"{csv: t.csv, matrix: {a: [1]}}", "a\n1\n", "sweep: a is in matrix, and a column of t.csv"},
		{"{csv: t.csv, matrix: {b: [1]}, exclude: [{c: 1}]}", "a\n1\n", "sweep.exclude: c=1 leaves out no task"},
		{"{matrix: {a: " + many(1001) + ", b: " + many(1000) + "}}", "", "sweep: more than 1000000 tasks"},
	} {
		_, err := sweepOf(t, tc.block).Tasks([]byte(tc.csv))
		var se *SweepError
		if !errors.As(err, &se) || !strings.HasPrefix(se.Message, tc.want) {
			t.Errorf("%.60s: got %v, want %s", tc.block, err, tc.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	r := Row{{"m", "wa*ter"}, {"q", "../x"}, {"n", "[1]{a,b}"}}
	if got := r.Input("in/{m}-{other}.xyz"); got != "in/wa*ter-{other}.xyz" {
		t.Error(got)
	}
	for pattern, want := range map[string]string{"{m}.log": `wa\*ter.log`, "{n}/{a,b}": `\[1\]\{a,b\}/{a,b}`, "*.log": "*.log"} {
		if got, err := r.Output(pattern); err != nil || got != want {
			t.Errorf("%s: %q %v", pattern, got, err)
		}
	}
	for _, pattern := range []string{"{q}.log", "{q}"} {
		if got, err := r.Output(pattern); err == nil {
			t.Errorf("%s: %q leads out", pattern, got)
		}
	}
}
