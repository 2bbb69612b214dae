package jobspec

import (
	"testing"

	"pgregory.net/rapid"
)

// The schema's patterns and what is asked of a job file say the same.
func TestNamesWithoutPatterns(t *testing.T) {
	check := func(s string) {
		if isName(s) != nameRE.MatchString(s) {
			t.Errorf("%q: a name %v", s, isName(s))
		}
		if isAttr(s) != attrRE.MatchString(s) {
			t.Errorf("%q: an attribute path %v", s, isAttr(s))
		}
	}
	for _, s := range []string{"", "a", "-a", ".a", "a.", "a..b", "a.b-c'.d_", "é", "a\n", "9", "a.9"} {
		check(s)
	}
	rapid.Check(t, func(t *rapid.T) { check(rapid.StringMatching(`[-a-zA-Z0-9_'. é]{0,70}`).Draw(t, "text")) })
}
