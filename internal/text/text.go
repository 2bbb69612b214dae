package text

import (
	"fmt"
	"slices"
	"strings"
)

// Because is a reason in parentheses, to be put behind a state; "" for none.
func Because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + Short(reason) + ")"
}

// shortText is the most characters of a reason in a table or behind a state.
const shortText = 200

// Short is a text on one line, cut where it is too long for one.
func Short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > shortText {
		s = string(r[:shortText-1]) + "…"
	}
	return s
}

// AddNew is a list with one more text at its end, unless that is in it.
func AddNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Join is two texts that stand for themselves, with a semicolon between.
func Join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// Plural is a number and a noun, which takes an s for all numbers but one.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Some are names with spaces between, the first few of them where they are many.
func Some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], " "), len(names)-most)
}
