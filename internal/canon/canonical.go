package canon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

const maxDepth = 100

// ErrCut is JSON that ends before it is whole.
var ErrCut = errors.New("it is cut off")

type parser struct {
	in []byte
	at int
}

// ParseJSON reads one JSON value, within the limits of Bounded.
func ParseJSON(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, errors.New("not JSON: it has bytes that are not UTF-8")
	}
	if err := Bounded(data); err != nil {
		return Value{}, fmt.Errorf("not JSON that can be read: %w", err)
	}
	p := parser{in: data}
	v, err := p.value(0)
	if err == nil {
		if p.space(); p.at < len(p.in) {
			err = fmt.Errorf("there is something after its end, at byte %d", p.at)
		}
	}
	if err != nil {
		return Value{}, fmt.Errorf("not JSON: %w", err)
	}
	return v, nil
}

func (p *parser) space() {
	for p.at < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.in) {
		return 0
	}
	return p.in[p.at]
}

func (p *parser) bad(what string) error {
	if p.at >= len(p.in) {
		return ErrCut
	}
	return fmt.Errorf("%s at byte %d", what, p.at)
}

func (p *parser) value(depth int) (v Value, err error) {
	if depth > maxDepth {
		return v, errDeep
	}
	switch c := p.peek(); {
	case c == '{' || c == '[':
		return p.collection(c, depth)
	case c == '"':
		v.Kind = c
		v.Text, err = p.string()
		return v, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, w := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(p.in[p.at:min(len(p.in), p.at+5)]), w) {
			p.at += len(w)
			return Value{Kind: 'w', Text: w}, nil
		}
	}
	return v, p.bad("no value")
}

func (p *parser) collection(open byte, depth int) (Value, error) {
	v := Value{Kind: open}
	end := open + 2 // '}' and ']' follow two after their openers in ASCII
	p.at++
	if p.peek() == end {
		p.at++
		return v, nil
	}
	seen := map[string]bool{}
	for {
		if open == '{' {
			if p.peek() != '"' {
				return v, p.bad("no key")
			}
			k, err := p.string()
			if err != nil {
				return v, err
			}
			if seen[k] {
				return v, fmt.Errorf("the key %q is there twice", k)
			}
			seen[k] = true
			v.Keys = append(v.Keys, k)
			if p.peek() != ':' {
				return v, p.bad("no colon")
			}
			p.at++
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		switch p.peek() {
		case ',':
			p.at++
		case end:
			p.at++
			return v, nil
		default:
			return v, p.bad("no comma")
		}
	}
}

func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for i := start; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.at = i + 1
			return string(p.in[start:i]), nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", fmt.Errorf("a control character in a string at byte %d", i)
		}
	}
	return "", ErrCut
}

// escaped finds the end of a string with escapes and decodes it.
func (p *parser) escaped(start int) (string, error) {
	i := start
	for ; i < len(p.in) && p.in[i] != '"'; i++ {
		if p.in[i] == '\\' {
			i++
		}
	}
	if i >= len(p.in) {
		return "", ErrCut
	}
	raw := p.in[start-1 : i+1]
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("a broken string at byte %d", start)
	}
	// A lone surrogate decodes to U+FFFD: two texts would have one reading.
	if strings.ContainsRune(s, utf8.RuneError) && !strings.Contains(string(raw), "\ufffd") && !strings.Contains(strings.ToLower(string(raw)), `\ufffd`) {
		return "", fmt.Errorf("half a character at byte %d", start)
	}
	p.at = i + 1
	return s, nil
}

func (p *parser) number() (Value, error) {
	start := p.at
	for p.at < len(p.in) && strings.IndexByte("+-.0123456789eE", p.in[p.at]) >= 0 {
		p.at++
	}
	lit := string(p.in[start:p.at])
	if !json.Valid([]byte(lit)) {
		return Value{}, fmt.Errorf("a broken number at byte %d", start)
	}
	if strings.ContainsAny(lit, ".eE") || lit == "-0" {
		f, err := strconv.ParseFloat(lit, 64)
		if err != nil {
			return Value{}, fmt.Errorf("a number that is too large at byte %d", start)
		}
		if f == 0 {
			f = 0 // RFC 8785: minus zero is zero
		}
		short, err := json.Marshal(f) // prints as ECMAScript does
		if err != nil {
			return Value{}, err
		}
		lit = string(short)
		if lit == "-0" {
			lit = "0"
		}
	}
	return Value{Kind: '0', Text: lit}, nil
}

// Append writes the value behind b in canonical form.
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
		order := make([]int, len(v.Keys))
		for i := range order {
			order[i] = i
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
