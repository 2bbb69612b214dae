package proc

import "strings"

// Quote returns s as one word of a POSIX shell: s itself where every byte of it
// is plain, else in single quotes. A NUL byte can stand in no word of a shell
// and in no argument; callers refuse it before (Quote would keep it).
func Quote(s string) string {
	if s != "" && strings.IndexFunc(s, needsQuotes) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("_-./:@%+,", r)
}
