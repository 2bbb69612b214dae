package slurmtest

import (
	"fmt"
	"strings"
	"unicode"
)

// SplitLine splits what follows #SBATCH as sbatch does: quotes of both kinds, a
// backslash that takes the next byte as it is, in quotes too (but outside of them no
// space), and a bare # that begins a comment. A quote without its end is an error, as it is to sbatch.
func SplitLine(s string) ([]string, error) {
	if i := strings.Index(strings.ToLower(s), "packjob"); i >= 0 {
		s = s[:i] + "hetjob" + s[i+len("packjob"):]
	}
	s = strings.TrimRightFunc(s, unicode.IsSpace) // before anything else, an escaped space too
	words := []string{}
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" || s[0] == '#' {
			break
		}
		w, rest, err := firstWord(s)
		if err != nil {
			return nil, err
		}
		words, s = append(words, w), rest
	}
	return words, nil
}

func firstWord(s string) (word, rest string, err error) {
	var w strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case ch == '\\':
			if i+1 < len(s) && (quote != 0 || !unicode.IsSpace(rune(s[i+1]))) {
				i++
				w.WriteByte(s[i])
			}
		case quote != 0 && ch == quote:
			quote = 0
		case quote == 0 && (ch == '"' || ch == '\''):
			quote = ch
		case quote == 0 && ch == '#':
			return w.String(), "", nil
		case quote == 0 && ch < 0x80 && unicode.IsSpace(rune(ch)):
			return w.String(), s[i:], nil
		default:
			w.WriteByte(ch)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("unmatched %c in %q", quote, s)
	}
	return w.String(), "", nil
}
