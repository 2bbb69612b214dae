package nixlang

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// QuoteString writes s as a Nix string: whatever is in it, Nix reads the same
// bytes back. A NUL byte cannot stand in a Nix string; callers refuse it.
func QuoteString(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/16 + 8)
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '$':
			b.WriteString(`\$`) // ${ would be code; \$ is a plain $ everywhere
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`) // Nix would turn a bare one into a newline
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteValue writes a decoded YAML value as Nix: sets with their keys sorted and
// quoted, so that the same value is always the same text. indent is put before
// each line but the first.
func QuoteValue(v any, indent string) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return quoteInt(int64(v)), nil
	case int64:
		return quoteInt(v), nil
	case uint64:
		if v > math.MaxInt64 {
			return "", fmt.Errorf("number %d does not fit into a Nix integer", v)
		}
		return quoteInt(int64(v)), nil
	case float64:
		return quoteFloat(v)
	case string:
		if strings.ContainsRune(v, 0) {
			return "", fmt.Errorf("string %q holds a NUL byte", v)
		}
		return QuoteString(v), nil
	case []any:
		return quoteList(v, indent)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return quoteList(list, indent)
	case map[string]any:
		return quoteSet(v, indent)
	}
	return "", fmt.Errorf("value of type %T has no form in Nix", v)
}

func quoteInt(v int64) string {
	if v == math.MinInt64 {
		return "(-9223372036854775807 - 1)" // its digits alone overflow
	}
	if v < 0 {
		return "(" + strconv.FormatInt(v, 10) + ")" // within a list - is an operator
	}
	return strconv.FormatInt(v, 10)
}

func quoteFloat(v float64) (string, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "", fmt.Errorf("number %v has no form in Nix", v)
	}
	s := strconv.FormatFloat(math.Abs(v), 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	s = mantissa + "e" + exponent
	if math.Signbit(v) {
		s = "(-" + s + ")"
	}
	return s, nil
}

func quoteList(list []any, indent string) (string, error) {
	if len(list) == 0 {
		return "[ ]", nil
	}
	var b strings.Builder
	b.WriteString("[")
	for _, v := range list {
		s, err := QuoteValue(v, indent+"  ")
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + indent + "  " + s)
	}
	b.WriteString("\n" + indent + "]")
	return b.String(), nil
}

func quoteSet(set map[string]any, indent string) (string, error) {
	if len(set) == 0 {
		return "{ }", nil
	}
	keys := make([]string, 0, len(set))
	for k := range set {
		if strings.ContainsRune(k, 0) {
			return "", fmt.Errorf("key %q holds a NUL byte", k)
		}
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	b.WriteString("{")
	for _, k := range keys {
		s, err := QuoteValue(set[k], indent+"  ")
		if err != nil {
			return "", fmt.Errorf("%s: %w", k, err)
		}
		b.WriteString("\n" + indent + "  " + quoteKey(k) + " = " + s + ";")
	}
	b.WriteString("\n" + indent + "}")
	return b.String(), nil
}

var keywords = []string{"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}

func quoteKey(k string) string {
	if lazyre.NixName(k) && !slices.Contains(keywords, k) {
		return k
	}
	return QuoteString(k)
}

// SplitAttr splits an attribute path at its dots; a part in double quotes may
// hold dots itself.
func SplitAttr(path string) []string {
	var parts []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
