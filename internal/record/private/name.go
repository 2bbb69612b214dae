package private

import (
	"slices"
	"strings"
)

// longName is the length in bytes from which on the name of a user, a host or an
// account is replaced also as a part of a longer word, beside - _ . and digits,
// in upper and lower case. A shorter one would be found in words that have
// nothing to do with it (max in max-file): it is replaced as a whole word, and
// between dots.
const longName = 4

// ordinary are names of four letters and more that are words of every job file,
// and are replaced as whole words only.
var ordinary = []string{"root", "user", "users", "test", "data", "node", "host", "login", "home", "local", "work", "batch", "slurm", "compute",
	"master", "head", "admin", "name", "file", "main", "time", "part", "nobody", "guest", "water", "energy", "default", "none", "normal", "short", "long",
	"debug", "general", "standard", "shared", "true", "false", "json", "path", "input", "output", "threads", "nixbatch", "sbatch", "redacted"}

// names is what names to look for in longer words, by their lower case.
func names(words map[string]bool) map[string]string {
	out := map[string]string{}
	for w := range words {
		low := strings.ToLower(w)
		if len(w) < longName || slices.Contains(ordinary, low) || strings.Trim(w, "0123456789.-_") == "" {
			continue
		}
		// Of two that differ by case alone the smaller stands for both.
		if was, ok := out[low]; !ok || w < was {
			out[low] = w
		}
	}
	return out
}

// inside replaces the names in a word that is none itself. A name is a part of
// it that begins and ends beside - _ . or digits, or at an end of the word; if
// it has a digit there itself, no other digit follows.
func (r *Redactor) inside(w string) string {
	if len(r.names) == 0 {
		return w
	}
	var b strings.Builder
	done := 0 // up to where w is in b, if anything was replaced
	for i := 0; i < len(w); {
		if n := tokenLen(w[i:]); n > 0 {
			i += n
			continue
		}
		end := partEnd(w, i)
		if from, to, name := r.nameAt(w, i, end); to > 0 {
			b.WriteString(w[done:from])
			b.WriteString(r.Token(name))
			i, done = to, to
			continue
		}
		i = min(len(w), end+1) // the separator
	}
	if done == 0 {
		return w
	}
	b.WriteString(w[done:])
	return b.String()
}

// nameAt finds the longest name that begins with the part from i on.
func (r *Redactor) nameAt(w string, i, end int) (from, to int, name string) {
	const most = 8 // parts of a name
	begins := [2]int{i, i + len(w[i:end]) - len(strings.TrimLeft(w[i:end], "0123456789"))}
	for range most {
		stops := [2]int{end, end}
		if bare := len(strings.TrimRight(w[:end], "0123456789")); bare < end && bare > i {
			stops[1] = bare
		}
		for _, f := range begins {
			for _, t := range stops {
				if t <= f {
					continue
				}
				if n, ok := r.names[strings.ToLower(w[f:t])]; ok && t > to {
					from, to, name = f, t, n
				}
			}
		}
		if end >= len(w) {
			break
		}
		end = partEnd(w, end+1)
	}
	return from, to, name
}

// partEnd is where the letters and digits from i on end.
func partEnd(w string, i int) int {
	if n := strings.IndexAny(w[i:], "-_."); n >= 0 {
		return i + n
	}
	return len(w)
}

// tokenLen is the length of the token that s begins with.
func tokenLen(s string) int {
	const n = len(tokenStart) + 32
	if !strings.HasPrefix(s, tokenStart) || len(s) < n || strings.Trim(s[len(tokenStart):n], "0123456789abcdef") != "" {
		return 0
	}
	return n
}
