package lazyre

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// What takes no expression here says what an expression would.
func TestASCII(t *testing.T) {
	digits, name := regexp.MustCompile(`^[0-9]{1,9}$`), regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_'-]*$`)
	letter, digit := regexp.MustCompile(`^[A-Za-z]$`), regexp.MustCompile(`^[0-9]$`)
	check := func(s string) {
		if Digits(s, 9) != digits.MatchString(s) {
			t.Errorf("%q: digits %v", s, Digits(s, 9))
		}
		if NixName(s) != name.MatchString(s) {
			t.Errorf("%q: a name %v", s, NixName(s))
		}
	}
	for _, s := range []string{"", "a", "_", "-", "'", "a-", "a'b_C9", "9a", "0", "999999999", "1234567890", "a\n", "1\n", "é", "aé", "a.b"} {
		check(s)
	}
	for c := range 128 {
		if s := string(rune(c)); Letter(byte(c)) != letter.MatchString(s) || Digit(byte(c)) != digit.MatchString(s) {
			t.Errorf("%q is %v, %v", s, Letter(byte(c)), Digit(byte(c)))
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(rapid.StringMatching(`[-a-zA-Z0-9_'. é]{0,12}`).Draw(t, "text")) })
}
