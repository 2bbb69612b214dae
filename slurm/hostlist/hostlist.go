package hostlist

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRange = 1 << 16 // Slurm's own limit on one range, MAX_RANGE
	maxHosts = 1 << 20 // against lists such as [0-65535][0-65535]
)

// Expand returns the names in a host list such as "n[01-03,7],r[1-2]n[1-4]",
// in its order, zeros and duplicates kept, as `scontrol show hostnames` does.
// Unlike scontrol it refuses brackets left open, ranges left open ("n[1-]") and
// numbers above 18 digits in brackets, which scontrol garbles.
func Expand(s string) ([]string, error) {
	var names []string
	for s != "" {
		end := tokenEnd(s)
		tok := s[:end]
		s = s[min(end+1, len(s)):]
		if tok == "" {
			continue
		}
		if !strings.ContainsAny(tok, "[]") {
			names = append(names, tok)
			continue
		}
		var err error
		if names, err = expandToken(names, tok); err != nil {
			return nil, fmt.Errorf("host list %q: %w", tok, err)
		}
	}
	return names, nil
}

// tokenEnd finds the separator that ends the first name of a list: the first
// comma or space outside brackets.
func tokenEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ',', ' ', '\t', '\n':
			if depth <= 0 {
				return i
			}
		}
	}
	return len(s)
}

// expandToken appends the names of prefix[ranges]prefix[ranges]… in Slurm's
// order: the last bracket runs fastest, then the first, the second and so on.
func expandToken(names []string, tok string) ([]string, error) {
	heads := []string{""}
	for tok != "" {
		prefix, rest, found := strings.Cut(tok, "[")
		if !found {
			return nil, fmt.Errorf("%q follows the brackets", prefix)
		}
		inside, after, closed := strings.Cut(rest, "]")
		if !closed {
			return nil, fmt.Errorf("a bracket is not closed")
		}
		if strings.Contains(prefix, "]") {
			return nil, fmt.Errorf("a bracket is not opened")
		}
		numbers, err := expandRanges(inside)
		if err != nil {
			return nil, err
		}
		if len(heads)*len(numbers)+len(names) > maxHosts {
			return nil, fmt.Errorf("more than %d hosts", maxHosts)
		}
		next := make([]string, 0, len(heads)*len(numbers))
		if after == "" {
			for _, h := range heads {
				for _, n := range numbers {
					next = append(next, h+prefix+n)
				}
			}
		} else {
			for _, n := range numbers {
				for _, h := range heads {
					next = append(next, h+prefix+n)
				}
			}
		}
		heads, tok = next, after
	}
	return append(names, heads...), nil
}

func expandRanges(s string) ([]string, error) {
	var out []string
	for _, r := range strings.Split(s, ",") {
		lo, hi, isRange := strings.Cut(r, "-")
		if !isRange {
			hi = lo
		}
		a, err := hostNumber(lo)
		if err != nil {
			return nil, fmt.Errorf("%q is not a range", r)
		}
		b, err := hostNumber(hi)
		if err != nil || b < a {
			return nil, fmt.Errorf("%q is not a range", r)
		}
		if b-a >= maxRange {
			return nil, fmt.Errorf("%q is more than %d hosts", r, maxRange)
		}
		for n := a; n <= b; n++ {
			out = append(out, pad(n, len(lo)))
		}
	}
	return out, nil
}

func hostNumber(s string) (int64, error) {
	if s == "" || len(s) > 18 {
		return 0, strconv.ErrRange
	}
	n, err := strconv.ParseUint(s, 10, 63) // takes no sign
	return int64(n), err
}

func pad(n int64, width int) string {
	s := strconv.FormatInt(n, 10)
	if len(s) < width {
		s = strings.Repeat("0", width-len(s)) + s
	}
	return s
}

// numbered is a host name taken apart at its last digits.
type numbered struct {
	prefix string
	width  int // of a number with leading zeros; 0 for a plain number, -1 without one
	digits int
	n      int64
}

// Compress returns the names as one host list, sorted, each name once:
// n2, n1, m → "m,n[1-2]". Like `scontrol show hostlistsorted` it folds the last
// number of a name and no other.
func Compress(names []string) string {
	hosts := make([]numbered, 0, len(names))
	for _, name := range names {
		hosts = append(hosts, takeApart(name))
	}
	joinWidths(hosts)
	slices.SortFunc(hosts, compareHosts)
	hosts = slices.Compact(hosts)

	var b strings.Builder
	for i := 0; i < len(hosts); {
		j := i
		for j < len(hosts) && hosts[j].prefix == hosts[i].prefix && (hosts[j].width < 0) == (hosts[i].width < 0) {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		writeGroup(&b, hosts[i:j])
		i = j
	}
	return b.String()
}

func takeApart(name string) numbered {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	n, err := hostNumber(name[i:])
	if err != nil {
		return numbered{prefix: name, width: -1}
	}
	h := numbered{prefix: name[:i], n: n, digits: len(name) - i}
	if h.digits > 1 && name[i] == '0' {
		h.width = h.digits
	}
	return h
}

// joinWidths makes plain numbers of the kind of their prefix's padded ones where
// that changes no name: beside n09 the names n10 and n100 are of n09's kind,
// unless there is an n9.
func joinWidths(hosts []numbered) {
	type kinds struct {
		shortest int // digits of the shortest plain number
		padded   []int
	}
	byPrefix := map[string]*kinds{}
	for _, h := range hosts {
		k := byPrefix[h.prefix]
		if k == nil {
			k = &kinds{shortest: 99}
			byPrefix[h.prefix] = k
		}
		switch {
		case h.width > 0 && !slices.Contains(k.padded, h.width):
			k.padded = append(k.padded, h.width)
		case h.width == 0:
			k.shortest = min(k.shortest, h.digits)
		}
	}
	for i, h := range hosts {
		if h.width != 0 {
			continue
		}
		k := byPrefix[h.prefix]
		for _, w := range k.padded {
			if w <= k.shortest {
				hosts[i].width = max(hosts[i].width, w)
			}
		}
	}
}

func compareHosts(a, b numbered) int {
	if c := strings.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	if a.width != b.width {
		return a.width - b.width
	}
	switch {
	case a.n < b.n:
		return -1
	case a.n > b.n:
		return 1
	}
	return 0
}

// writeGroup writes the names of one prefix.
func writeGroup(b *strings.Builder, g []numbered) {
	b.WriteString(g[0].prefix)
	if g[0].width < 0 {
		return
	}
	if len(g) == 1 {
		b.WriteString(pad(g[0].n, g[0].width))
		return
	}
	b.WriteByte('[')
	for i := 0; i < len(g); {
		j := i
		for j+1 < len(g) && g[j+1].width == g[i].width && g[j+1].n == g[j].n+1 && g[j+1].n-g[i].n < maxRange {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(pad(g[i].n, g[i].width))
		if j > i {
			b.WriteByte('-')
			b.WriteString(pad(g[j].n, g[j].width))
		}
		i = j + 1
	}
	b.WriteByte(']')
}
