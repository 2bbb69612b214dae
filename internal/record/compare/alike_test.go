package compare

import (
	"strings"
	"testing"
)

// A token may stand for anything; what is around it has to fit.
func TestAlike(t *testing.T) {
	one, two := "redacted-"+strings.Repeat("1", 32), "redacted-"+strings.Repeat("2", 32)
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"x", "y", false}, {"x", one, true}, {"", one, true}, {one, two, true},
		{"a " + one, "a b", true}, {"a " + one, "b a", false}, {one + " z", "y z", true}, {one + " z", "y z ", false},
		{"a " + one + " m " + two + " z", "a b m c z", true}, {"a " + one + " m " + two + " z", "a b n c z", false},
		{"aba", "ab" + one + "ba", false}, {"abba", "ab" + one + "ba", true},
		{"a" + one + "z", "ab" + two + "z", true}, {"a" + one + "z", "b" + two + "z", false}, {"a" + one + "z", "a" + two + "y", false},
		{"redacted-1", "x", false},
	} {
		if got := alike(tc.a, tc.b); got != tc.want {
			t.Errorf("%q, %q: %v", tc.a, tc.b, got)
		}
		if got := alike(tc.b, tc.a); got != tc.want {
			t.Errorf("%q, %q: %v", tc.b, tc.a, got)
		}
	}
}
