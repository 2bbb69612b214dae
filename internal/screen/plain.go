package screen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible reports whether a character stands for itself on a terminal: it is
// seen, and takes nothing but its own place. Control characters (C0, DEL, C1)
// do not, nor do line and paragraph separators, what turns the direction of
// writing (UAX #9), what has no width, and what Unicode has not assigned.
func Visible(r rune) bool {
	switch {
	case r < 0x7f:
		return r >= ' '
	case r == utf8.RuneError:
		return true // the sign for what could not be read
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)
}

// Value is text from outside on one line: what is not Visible stands there as
// Go writes it (\n, \x1b, \u202e). A tab, which would begin a column, is a space.
func Value(s string) string {
	return plain(s, func(r rune) string {
		if r == '\t' {
			return " "
		}
		return ""
	})
}

// Lines is text from outside that may have several lines: each but the first
// begins with indent, so that none passes for a line of nixbatch's own.
func Lines(s, indent string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = Value(strings.TrimSuffix(l, "\r"))
	}
	return strings.Join(lines, "\n"+indent)
}

// plain writes out what is not Visible, but for characters for which instead
// has a text.
func plain(s string, instead func(rune) string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		text := instead(r)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case text != "":
			b.WriteString(text)
		case Visible(r):
			b.WriteString(s[i : i+n])
		default:
			b.WriteString(escape(r))
		}
	}
	return b.String()
}

func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
