package private

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// values finds private values in a text wherever they occur, also within a
// longer word, and as programs write them: percent-encoded (RFC 3986), escaped
// for JSON, a shell, C or HTML, in hexadecimal, and inside of something that is
// in base64 (RFC 4648), wherever it begins there.
type values struct {
	starts [256][]sample // by the first byte of what stands in the text
}

// sample is one form of a value.
type sample struct {
	value  string
	text   string
	base64 bool // text is the part of its base64 that depends on the value alone
}

// newValues knows the values, and each line of one that has several, from
// longValue bytes on.
func newValues(all []string) *values {
	v := &values{}
	seen := map[string]bool{}
	var each []string
	for _, s := range all {
		for _, part := range append([]string{s}, strings.Split(s, "\n")...) {
			for _, p := range []string{part, strings.TrimSpace(part)} {
				if len(p) >= longValue && !seen[p] {
					seen[p] = true
					each = append(each, p)
				}
			}
		}
	}
	// The longest first: a part of a value is not to be found in the whole.
	slices.SortFunc(each, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	for _, s := range each {
		v.add(sample{value: s, text: s}, firstBytes(s))
		for _, h := range []string{hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))} {
			v.add(sample{value: s, text: h}, h[:1])
		}
		for skip := range 3 {
			if n := (len(s) - skip) / 3 * 3; n >= 6 {
				core := base64.StdEncoding.EncodeToString([]byte(s[skip : skip+n]))
				first := core[:1]
				if alt := urlAlphabet(core[0]); alt != core[0] {
					first += string(alt)
				}
				v.add(sample{value: s, text: core, base64: true}, first)
			}
		}
	}
	return v
}

func (v *values) add(s sample, starts string) {
	for i := range len(starts) {
		if list := v.starts[starts[i]]; len(list) == 0 || list[len(list)-1] != s {
			v.starts[starts[i]] = append(list, s)
		}
	}
}

// firstBytes are those that any form of the text may begin with.
func firstBytes(s string) string {
	out := s[:1] + `%\&`
	switch s[0] {
	case ' ':
		out += "+"
	case '\n':
		out += "\r"
	case '\'':
		return out
	}
	return out + `'`
}

// replace puts tokens for values.
func (v *values) replace(s string, token func(string) string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		from, to, value := v.find(s, i, done)
		if to == 0 {
			i++
			continue
		}
		b.WriteString(s[done:from])
		b.WriteString(token(value))
		i, done = to, to
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// find looks for a value at i; to is 0 if there is none.
func (v *values) find(s string, i, done int) (from, to int, value string) {
	for _, c := range v.starts[s[i]] {
		if !c.base64 {
			if end := ends(s, i, c.text); end > 0 {
				return i, end, c.value
			}
			continue
		}
		if end := endOfBase64(s, i, c.text); end > 0 {
			// The characters beside it hold a part of the value, too.
			from, to = i, end
			for n := 0; n < 3 && from > done && isBase64(s[from-1]); n++ {
				from--
			}
			for n := 0; n < 4 && to < len(s) && isBase64(s[to]); n++ {
				to++
			}
			return from, to, c.value
		}
	}
	return 0, 0, ""
}

// ends is where text ends that begins at i in any of its forms, the farthest
// one; 0 if it does not stand there. All ways to read the text go side by side,
// so that no text makes it slow.
func ends(s string, i int, text string) int {
	at := []int{i}
	for k, n := 0, 0; k < len(text); k += n {
		var r rune
		r, n = utf8.DecodeRuneInString(text[k:])
		char := text[k : k+n]
		if r == '\\' {
			n = run(text[k:])
		}
		var next []int
		for _, p := range at {
			more := forms(s, p, r, char)
			if n > 1 && r == '\\' {
				more = backslashes(s, p, n)
			}
			for _, e := range more {
				if !slices.Contains(next, e) {
					next = append(next, e)
				}
			}
		}
		if at = next; len(at) == 0 {
			return 0
		}
	}
	return slices.Max(at)
}

// forms are the places at which a character ends that begins at p, one for each
// way to write it that stands there.
func forms(s string, p int, r rune, char string) (out []int) {
	if p >= len(s) {
		return nil
	}
	if r == '\\' {
		return backslashes(s, p, 1)
	}
	if strings.HasPrefix(s[p:], char) {
		out = append(out, p+len(char))
	}
	add := func(end int) {
		if end > 0 {
			out = append(out, end)
		}
	}
	switch s[p] {
	case '%':
		out = append(out, percents(s, p, char)...)
		if r == ' ' {
			out = append(out, percents(s, p, "+")...) // an address within an address
		}
	case '\\':
		out = append(out, escaped(s, p, r, char)...)
	case '&':
		add(entity(s, p, r))
	case '+':
		if r == ' ' {
			add(p + 1)
		}
	case '\r':
		if r == '\n' && strings.HasPrefix(s[p:], "\r\n") {
			add(p + 2)
		}
	case '\'':
		for _, q := range []string{`'\''`, `'"'"'`, `''`} {
			if r == '\'' && strings.HasPrefix(s[p:], q) {
				add(p + len(q))
			}
		}
	}
	if r == '\n' && strings.HasPrefix(strings.ToUpper(s[p:min(len(s), p+6)]), "%0D%0A") {
		add(p + 6)
	}
	return out
}

// bytesAs is where the bytes of a character end, each written with a mark and
// digits.
func bytesAs(s string, p int, char, mark string, base, digits int) int {
	for i := range len(char) {
		if !strings.HasPrefix(s[p:], mark) || len(s) < p+len(mark)+digits {
			return 0
		}
		p += len(mark)
		n, err := strconv.ParseUint(s[p:p+digits], base, 16)
		if err != nil || n != uint64(char[i]) {
			return 0
		}
		p += digits
	}
	return p
}

// percents are the ends of a character that was percent-encoded, once or again: an
// address that is a parameter of another.
func percents(s string, p int, char string) (out []int) {
	const most = 4
	for mark, n := "%", 0; n < most && strings.HasPrefix(s[p:], mark); mark, n = mark+"25", n+1 {
		if end := bytesAs(s, p, char, mark, 16, 2); end > 0 {
			out = append(out, end)
		}
	}
	return out
}

const letters = "abtnvfr" // of \a to \r, from 7 on

// run is how many backslashes a text begins with.
func run(s string) int { return len(s) - len(strings.TrimLeft(s, `\`)) }

// backslashes are the ends of n backslashes, each of which may have been escaped
// any number of times: all that stand there, or all but the one that escapes
// what follows.
func backslashes(s string, p, n int) (out []int) {
	if p >= len(s) {
		return nil
	}
	switch k := run(s[p:]); {
	case k > n:
		out = []int{p + k, p + k - 1}
	case k == n && (p+k == len(s) || strings.IndexByte("ux0123", s[p+k]) < 0):
		return []int{p + k}
	case k == n:
		// What follows may make a code of the last one.
		out = append(out, p+k)
	}
	// Each as a code of its own: %5C%5C.
	for range n {
		end := max(slices.Max(append(percents(s, p, `\`), 0)), bytesAs(s, p, `\`, `\x`, 16, 2), bytesAs(s, p, `\`, `\`, 8, 3), unicodeAs(s, p, '\\'), entity(s, p, '\\'))
		if end == 0 {
			return out
		}
		p = end
	}
	return append(out, p)
}

// unicodeAs is where \uHHHH ends.
func unicodeAs(s string, p int, r rune) int {
	q := p + run(s[p:])
	if q == p || len(s) < q+5 || s[q] != 'u' {
		return 0
	}
	if n, err := strconv.ParseUint(s[q+1:q+5], 16, 32); err != nil || n != uint64(r) {
		return 0
	}
	return q + 5
}

// escaped are the ends of a character behind backslashes: one, or more where it
// was escaped more than once.
func escaped(s string, p int, r rune, char string) (out []int) {
	run := run(s[p:])
	q := p + run
	if q >= len(s) {
		return out
	}
	if strings.HasPrefix(s[q:], char) {
		out = append(out, q+len(char))
	}
	if r >= 7 && r <= 13 && s[q] == letters[r-7] {
		out = append(out, q+1)
	}
	unit := func(at int, want uint64) bool {
		if len(s) < at+5 || s[at] != 'u' {
			return false
		}
		n, err := strconv.ParseUint(s[at+1:at+5], 16, 32)
		return err == nil && n == want
	}
	switch {
	case r < 0x10000 && unit(q, uint64(r)):
		out = append(out, q+5)
	case r >= 0x10000 && unit(q, uint64(0xd800+(r-0x10000)>>10)) && strings.HasPrefix(s[q+5:], s[p:q]) && unit(q+5+run, uint64(0xdc00+(r-0x10000)&0x3ff)):
		out = append(out, q+5+run+5)
	}
	for mark, base := range map[string]int{s[p:q] + "x": 16, s[p:q]: 8} {
		digits := 2
		if base == 8 {
			digits = 3
		}
		if end := bytesAs(s, p, char, mark, base, digits); end > 0 {
			out = append(out, end)
		}
	}
	return out
}

var entities = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&apos;"}

// entity is where a character of HTML ends.
func entity(s string, p int, r rune) int {
	if e := entities[r]; e != "" && strings.HasPrefix(s[p:], e) {
		return p + len(e)
	}
	end := strings.IndexByte(s[p:min(len(s), p+12)], ';')
	if end < 0 || !strings.HasPrefix(s[p:], "&#") {
		return 0
	}
	text, base := s[p+2:p+end], 10
	if strings.HasPrefix(strings.ToLower(text), "x") {
		text, base = text[1:], 16
	}
	if n, err := strconv.ParseUint(text, base, 32); err != nil || n != uint64(r) {
		return 0
	}
	return p + end + 1
}

// endOfBase64 is where a piece of base64 ends, in either alphabet, over the ends
// of lines; 0 if it does not stand at i.
func endOfBase64(s string, i int, core string) int {
	for k := 0; k < len(core); {
		switch {
		case i >= len(s):
			return 0
		case s[i] == core[k] || s[i] == urlAlphabet(core[k]):
			i, k = i+1, k+1
		case s[i] == '\n' || s[i] == '\r':
			i++
		case strings.HasPrefix(s[i:], `\n`), strings.HasPrefix(s[i:], `\r`):
			i += 2
		default:
			return 0
		}
	}
	return i
}

func urlAlphabet(c byte) byte {
	switch c {
	case '+':
		return '-'
	case '/':
		return '_'
	}
	return c
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_=", c) >= 0
}
