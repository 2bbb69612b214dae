package canon

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Canonical rewrites JSON in the one form that is hashed: after RFC 8785 (keys
// sorted by their UTF-16 code units, no white space, the shortest escapes,
// numbers as ECMAScript prints them), with one departure: an integer keeps all
// of its digits, where RFC 8785 rounds what a double cannot hold. What has two
// readings (a key twice, a lone surrogate, bytes that are not UTF-8, anything
// after the value) is an error.
func Canonical(data []byte) ([]byte, error) {
	v, err := ParseJSON(data)
	if err != nil {
		return nil, err
	}
	return v.Append(make([]byte, 0, len(data))), nil
}

// CanonicalOf is the canonical form of a value's JSON.
func CanonicalOf(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return Canonical(data)
}

// Value is a JSON value.
type Value struct {
	Kind  byte     // '{', '[', '"', '0' for a number, 'w' for true, false and null
	Text  string   // of a string: its characters; else the literal
	Keys  []string // of an object, in the order of items
	Items []Value
}

// Get is the member of an object, or an empty value.
func (v *Value) Get(key string) *Value {
	if i := slices.Index(v.Keys, key); v.Kind == '{' && i >= 0 {
		return &v.Items[i]
	}
	return &Value{}
}

// Append appends the canonical form.
func (v *Value) Append(b []byte) []byte {
	switch v.Kind {
	case '"':
		return AppendString(b, v.Text)
	case '[':
		b = append(b, '[')
		for i := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.Items[i].Append(b)
		}
		return append(b, ']')
	case '{':
		var few [32]int // enough for facts, so that writing one allocates nothing
		order := few[:0]
		for i := range v.Keys {
			order = append(order, i)
		}
		slices.SortFunc(order, func(x, y int) int { return compareUTF16(v.Keys[x], v.Keys[y]) })
		b = append(b, '{')
		for n, i := range order {
			if n > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, v.Keys[i]), ':')
			b = v.Items[i].Append(b)
		}
		return append(b, '}')
	}
	return append(b, v.Text...)
}

func compareUTF16(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] >= utf8.RuneSelf || b[i] >= utf8.RuneSelf {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		}
		if a[i] != b[i] {
			break
		}
	}
	return strings.Compare(a, b)
}

// AppendString writes a string behind b as canonical JSON has it.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			if c < 0x20 {
				b = fmt.Appendf(b, `\u%04x`, c)
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
