package cpuflags

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strings"
)

// words is the size of a Set's fixed part: room for 64*words known names.
const words = 3

// Set is a set of normalised flag names. The zero value is the empty set; a
// Set is never changed once made, so it may be copied and shared freely. As
// JSON it is a sorted list of names.
//
// Names that stand in the arch table are bits, so that the questions asked a
// thousand times are a few machine instructions; all others (of which a CPU
// has some fifty that decide nothing) are kept in a sorted list.
type Set struct {
	known [words]uint64
	extra []string // sorted, unique, none of them known
}

// knownIndex is the bit of a name: its place in knownNames, which is sorted.
func knownIndex(name string) (int, bool) { return slices.BinarySearch(knownNames, name) }

// NewSet makes a set of names, which are taken as they are (see Normalise).
// Empty names are left out.
func NewSet(names ...string) Set {
	var s Set
	for _, n := range names {
		if i, ok := knownIndex(n); ok {
			s.known[i/64] |= 1 << (i % 64)
		} else if n != "" {
			s.extra = append(s.extra, n)
		}
	}
	if len(s.extra) > 1 {
		slices.Sort(s.extra)
		s.extra = slices.Compact(s.extra)
	}
	return s
}

// Has reports whether the set has a flag.
func (s Set) Has(name string) bool {
	if i, ok := knownIndex(name); ok {
		return s.known[i/64]&(1<<(i%64)) != 0
	}
	_, ok := slices.BinarySearch(s.extra, name)
	return ok
}

// Len is the number of flags.
func (s Set) Len() int {
	n := len(s.extra)
	for _, w := range s.known {
		n += bits.OnesCount64(w)
	}
	return n
}

// Sorted lists the flags by name; never nil.
func (s Set) Sorted() []string {
	names := make([]string, 0, s.Len())
	for i, w := range s.known {
		for ; w != 0; w &= w - 1 {
			names = append(names, knownNames[i*64+bits.TrailingZeros64(w)])
		}
	}
	if len(s.extra) > 0 { // the bits are in the order of the names already
		names = append(names, s.extra...)
		slices.Sort(names)
	}
	return names
}

// String is the flags by name, with spaces between, as cpuinfo has them.
func (s Set) String() string { return strings.Join(s.Sorted(), " ") }

// Intersect is what both sets have.
func (s Set) Intersect(t Set) Set {
	for i := range s.known {
		s.known[i] &= t.known[i]
	}
	s.extra = filter(s.extra, t.extra, true)
	return s
}

// Without is what s has and t has not.
func (s Set) Without(t Set) Set {
	for i := range s.known {
		s.known[i] &^= t.known[i]
	}
	s.extra = filter(s.extra, t.extra, false)
	return s
}

// Union is what either set has.
func (s Set) Union(t Set) Set {
	for i := range s.known {
		s.known[i] |= t.known[i]
	}
	switch {
	case len(t.extra) == 0:
	case len(s.extra) == 0:
		s.extra = t.extra
	default:
		merged := append(slices.Clone(s.extra), t.extra...)
		slices.Sort(merged)
		s.extra = slices.Compact(merged)
	}
	return s
}

// SubsetOf reports whether t has everything that s has.
func (s Set) SubsetOf(t Set) bool {
	for i := range s.known {
		if s.known[i]&^t.known[i] != 0 {
			return false
		}
	}
	return len(s.extra) == 0 || len(filter(s.extra, t.extra, false)) == 0
}

// Equal reports whether both have the same flags.
func (s Set) Equal(t Set) bool {
	return s.known == t.known && slices.Equal(s.extra, t.extra)
}

// MarshalJSON writes the sorted list of names; the empty set is [].
func (s Set) MarshalJSON() ([]byte, error) { return json.Marshal(s.Sorted()) }

// UnmarshalJSON reads a list of names, in any order.
func (s *Set) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return err
	}
	*s = NewSet(names...)
	return nil
}

// filter keeps the names of a that are in b (keep), or that are not (!keep).
// Both are sorted. The result never shares memory that is written to later.
func filter(a, b []string, keep bool) []string {
	if len(a) == 0 || (len(b) == 0 && keep) {
		return nil
	}
	if keep && slices.Equal(a, b) {
		return a
	}
	var out []string
	j := 0
	for _, n := range a {
		for j < len(b) && b[j] < n {
			j++
		}
		if (j < len(b) && b[j] == n) == keep {
			out = append(out, n)
		}
	}
	return out
}
