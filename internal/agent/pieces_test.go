package agent

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixbatch/nixbatch/internal/facts"
)

// srun mixes the lines of its tasks, and longer ones than slurmstepd hands over
// at once it mixes within.
func TestPiecesMixed(t *testing.T) {
	var texts [2][]string
	var want []Seen
	for i, node := range []string{"n1", "n2"} {
		s := Seen{Learnt: facts.Learnt{Node: node, From: strings.Repeat("\"ä\n\\", 500+i)}}
		want = append(want, s)
		var b bytes.Buffer
		if err := writePieces(&b, node, s); err != nil {
			t.Fatal(err)
		}
		texts[i] = strings.SplitAfter(b.String(), "\n")
		for _, l := range texts[i] {
			if len(l) > 1024 {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
	}
	if len(texts[0]) < 4 {
		t.Fatalf("only %d lines: nothing to mix", len(texts[0]))
	}
	var mixed strings.Builder
	for i := range max(len(texts[0]), len(texts[1])) {
		for _, lines := range texts {
			if i < len(lines) {
				mixed.WriteString(lines[i])
			}
		}
	}
	got, err := readPieces(strings.NewReader(mixed.String()))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"n1 ew==\nn1\n", "n1\n", "n1 {}\n"} {
		if _, err := readPieces(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	// A node that was cut off is missing, and is then counted as missing.
	if got, err := readPieces(strings.NewReader("n1 e30=\n")); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
