package canon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxDepth = 100

// ErrCut is JSON that ends too early.
var ErrCut = errors.New("it is cut off")

// ParseJSON parses one document.
func ParseJSON(data []byte) (Value, error) { return new(Parser).Parse(data) }

// Parser parses one document after the other in the same memory: a record has
// tens of thousands of small ones. The zero value is ready.
type Parser struct {
	in    string
	at    int
	items arena[Value]
	keys  arena[string]
}

// Parse parses a document. The value, and what is in it, may be used until the
// next one is parsed; its texts stay.
func (p *Parser) Parse(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, errors.New("not JSON: it has bytes that are not UTF-8")
	}
	if err := Bounded(data); err != nil {
		return Value{}, fmt.Errorf("not JSON that can be read: %w", err)
	}
	p.in, p.at = string(data), 0
	p.items.reset()
	p.keys.reset()
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

// arena gives out slices of one large one. What a list has is pushed while it is
// read, and taken when its length is known.
type arena[T any] struct {
	open []T // of lists that are being read, the inner ones last
	slab []T
}

func (a *arena[T]) reset() { a.open, a.slab = a.open[:0], a.slab[:0] }

// own is the length from which on a list has memory of its own.
const own = 1024

// push appends to the list that begins at base of open, or to its own memory.
func (a *arena[T]) push(list []T, base int, v T) []T {
	if list != nil {
		return append(list, v)
	}
	if a.open = append(a.open, v); len(a.open)-base < own {
		return nil
	}
	list = slices.Clone(a.open[base:])
	a.open = a.open[:base]
	return list
}

// take ends a list.
func (a *arena[T]) take(list []T, base int) []T {
	n := len(a.open) - base
	if list != nil || n == 0 {
		return list
	}
	if cap(a.slab)-len(a.slab) < n {
		a.slab = make([]T, 0, max(16, n, min(own, 2*cap(a.slab))))
	}
	from := len(a.slab)
	a.slab = append(a.slab, a.open[base:]...)
	a.open = a.open[:base]
	return a.slab[from:len(a.slab):len(a.slab)]
}

func (p *Parser) space() {
	for p.at < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.at]) >= 0 {
		p.at++
	}
}

func (p *Parser) peek() byte {
	p.space()
	if p.at == len(p.in) {
		return 0
	}
	return p.in[p.at]
}

func (p *Parser) bad(what string) error {
	if p.at >= len(p.in) {
		return ErrCut
	}
	return fmt.Errorf("%s at byte %d", what, p.at)
}

func (p *Parser) value(depth int) (v Value, err error) {
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
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(p.in[p.at:], w) {
			p.at += len(w)
			return Value{Kind: 'w', Text: w}, nil
		}
	}
	return v, p.bad("no value")
}

func (p *Parser) collection(open byte, depth int) (Value, error) {
	v := Value{Kind: open}
	end := open + 2 // '}' and ']' follow two after their openers in ASCII
	p.at++
	if p.peek() == end {
		p.at++
		return v, nil
	}
	firstItem, firstKey := len(p.items.open), len(p.keys.open)
	var seen map[string]bool
	for {
		if open == '{' {
			k, err := p.key(v.Keys, firstKey, &seen)
			if err != nil {
				return v, err
			}
			v.Keys = p.keys.push(v.Keys, firstKey, k)
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = p.items.push(v.Items, firstItem, item)
		switch p.peek() {
		case ',':
			p.at++
		case end:
			p.at++
			v.Items, v.Keys = p.items.take(v.Items, firstItem), p.keys.take(v.Keys, firstKey)
			return v, nil
		default:
			return v, p.bad("no comma")
		}
	}
}

// key reads the next key of an object and its colon. Up to fewKeys are looked
// through, more are in seen.
func (p *Parser) key(list []string, first int, seen *map[string]bool) (string, error) {
	const fewKeys = 32
	if p.peek() != '"' {
		return "", p.bad("no key")
	}
	k, err := p.string()
	if err != nil {
		return "", err
	}
	before := list
	if list == nil {
		before = p.keys.open[first:]
	}
	if *seen == nil && len(before) >= fewKeys {
		*seen = make(map[string]bool, 2*fewKeys)
		for _, b := range before {
			(*seen)[b] = true
		}
	}
	if (*seen)[k] || *seen == nil && slices.Contains(before, k) {
		return "", fmt.Errorf("the key %q is there twice", k)
	}
	if *seen != nil {
		(*seen)[k] = true
	}
	if p.peek() != ':' {
		return "", p.bad("no colon")
	}
	p.at++
	return k, nil
}

func (p *Parser) string() (string, error) {
	p.at++
	start := p.at
	for i := start; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.at = i + 1
			return p.in[start:i], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", fmt.Errorf("a control character in a string at byte %d", i)
		}
	}
	return "", ErrCut
}

// escaped finds the end of a string with escapes and decodes it.
func (p *Parser) escaped(start int) (string, error) {
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
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return "", fmt.Errorf("a broken string at byte %d", start)
	}
	// A lone surrogate decodes to U+FFFD: two texts would have one reading.
	if strings.ContainsRune(s, utf8.RuneError) && !strings.Contains(raw, "\ufffd") && !strings.Contains(strings.ToLower(raw), `\ufffd`) {
		return "", fmt.Errorf("half a character at byte %d", start)
	}
	p.at = i + 1
	return s, nil
}

// whole reports whether a literal is an integer as JSON writes it.
func whole(lit string) bool {
	digits := strings.TrimPrefix(lit, "-")
	if digits == "" || lit == "-0" || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

func (p *Parser) number() (Value, error) {
	start := p.at
	for p.at < len(p.in) && strings.IndexByte("+-.0123456789eE", p.in[p.at]) >= 0 {
		p.at++
	}
	lit := p.in[start:p.at]
	if whole(lit) {
		return Value{Kind: '0', Text: lit}, nil
	}
	if !json.Valid([]byte(lit)) {
		return Value{}, fmt.Errorf("a broken number at byte %d", start)
	}
	f, err := strconv.ParseFloat(lit, 64)
	if err != nil {
		return Value{}, fmt.Errorf("a number that is too large at byte %d", start)
	}
	if f == 0 {
		return Value{Kind: '0', Text: "0"}, nil // RFC 8785: minus zero is zero
	}
	short, err := json.Marshal(f) // prints as ECMAScript does
	if err != nil {
		return Value{}, err
	}
	return Value{Kind: '0', Text: string(short)}, nil
}
