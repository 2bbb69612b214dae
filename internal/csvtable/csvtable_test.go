package csvtable_test

import (
	"slices"
	"testing"

	"github.com/nixbatch/nixbatch/internal/csvtable"
)

func check(name string) (string, string) {
	if name == "bad" {
		return "bad cannot be a name", "another"
	}
	return "", ""
}

func TestRead(t *testing.T) {
	names, rows, bad := csvtable.Read([]byte("\ufeffa, b\n1.10,\"x,\ny\"\n,2\n"), 2, check)
	if bad != nil || !slices.Equal(names, []string{"a", "b"}) || len(rows) != 2 || !slices.Equal(rows[0], []string{"1.10", "x,\ny"}) || !slices.Equal(rows[1], []string{"", "2"}) {
		t.Errorf("%q, %q, %+v", names, rows, bad)
	}
	for text, line := range map[string]int{"": 1, "a\n": 1, "a,a\n1,2\n": 1, "a,bad\n1,2\n": 1, "\xff": 1, "a\x00": 1, "a,b\n1,2\n3\n": 3, "a\n\"x\n": 2, "a\n1\n2\n3\n": 0} {
		if _, rows, bad := csvtable.Read([]byte(text), 2, check); bad == nil || bad.Line != line || bad.Message == "" || rows != nil {
			t.Errorf("%q: %q, %+v", text, rows, bad)
		}
	}
}
