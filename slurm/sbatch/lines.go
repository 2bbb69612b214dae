package sbatch

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines returns the options as lines of a batch script, in their order, without
// line ends. Quoting is what sbatch's own splitting undoes (measured with
// `sbatch -vvv`): quotes of either kind, a backslash that takes the next byte
// as it is, in quotes too (but outside of them no space), and a comment from a
// bare # on. Errors are: values
// that no line can hold (control characters, bytes that are not UTF-8), names of
// an impossible form, a flag with a value, and a missing value (sbatch would take
// the next option for it). Options of a site's plugins, which the table does not
// know, are written as they are.
func (o Options) Lines() ([]string, error) {
	lines := make([]string, 0, len(o))
	for _, x := range o {
		if !plainName(x.Name) {
			return nil, fmt.Errorf("option %q: not a name of lower-case letters, digits and dashes", x.Name)
		}
		if err := oneLine(x.Value); err != nil {
			return nil, fmt.Errorf("option %s: %w", x.Name, err)
		}
		if info, ok := Lookup(x.Name); ok {
			switch {
			case x.Value == "" && info.Kind != Flag && !info.Optional:
				return nil, fmt.Errorf("option %s: a value is missing", x.Name)
			case x.Value != "" && info.Kind == Flag:
				return nil, fmt.Errorf("option %s: it takes no value, but has %q", x.Name, x.Value)
			}
		}
		line := "#SBATCH --" + x.Name
		if x.Value != "" {
			line += "=" + quote(x.Value)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func plainName(s string) bool {
	for i, r := range s {
		if (r < 'a' || r > 'z') && (i == 0 || (r < '0' || r > '9') && r != '-') {
			return false
		}
	}
	return s != ""
}

// oneLine refuses what a line of a script, or a terminal that shows it, would
// not carry unchanged.
func oneLine(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("value %q is not UTF-8", s)
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029:
			return fmt.Errorf("value %q has a line break", s)
		case unicode.IsControl(r):
			return fmt.Errorf("value %q has the control character %U", s, r)
		}
	}
	return nil
}

func quote(s string) string {
	if strings.IndexFunc(s, needsQuotes) >= 0 {
		s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return hidePackjob(s)
}

// hidePackjob breaks the word up with a backslash: sbatch rewrites the first
// "packjob" of a line, in any case, to "hetjob" before it looks at anything
// else (an old name of heterogeneous jobs).
func hidePackjob(s string) string {
	const word = "packjob"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if len(s)-i >= len(word) && strings.EqualFold(s[i:i+len(word)], word) {
			b.WriteByte('\\')
		}
	}
	return b.String()
}

func needsQuotes(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.,:=@+/%[]&|*", r)
}
