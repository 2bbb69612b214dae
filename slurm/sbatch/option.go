package sbatch

import (
	"errors"
	"slices"
	"strings"
)

// Option is one option of sbatch, as `#SBATCH --name=value`.
type Option struct {
	Name  string // long name, without "--"
	Value string // "" for a flag, or for an optional value left out
}

// Options are options in the order of the job file.
type Options []Option

// Get returns the value of an option, and whether it is there.
func (o Options) Get(name string) (string, bool) {
	for _, x := range o {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

// Set returns a copy in which the option has the value: in its old place if it
// was there, else at the end.
func (o Options) Set(name, value string) Options {
	out := slices.Clone(o)
	for i := range out {
		if out[i].Name == name {
			out[i].Value = value
			return out
		}
	}
	return append(out, Option{name, value})
}

// Without returns a copy that lacks the options named.
func (o Options) Without(names ...string) Options {
	out := Options{}
	for _, x := range o {
		if !slices.Contains(names, x.Name) {
			out = append(out, x)
		}
	}
	return out
}

// Kind is the form of an option's value.
type Kind int

// The kinds. The comment gives an example of what Check lets through.
const (
	Flag       Kind = iota // no value
	Int                    // 16
	Positive               // 1
	Signed                 // -100
	Count                  // 2, 2-4, 1k, 2,4-8:2
	Time                   // 1-00:00:00
	Size                   // 60G
	Text                   // anything on one line
	List                   // a,b
	Hosts                  // n[01-04],m1
	Signal                 // B:USR1@120
	Moment                 // 16:00, now+1hour, 2027-01-20T12:34:00
	Dependency             // afterok:12:13
	Constraint             // [haswell|zen4]&ib
	Switches               // 1@30
	Layout                 // 2:8:1
	Amount                 // 4, a100:2
	Word                   // one of Words
	Words                  // several of Words, with commas
)

// OptionInfo is what is known about one option of sbatch.
type OptionInfo struct {
	Name     string
	Short    string // the one-letter form, without "-", or ""
	Kind     Kind
	Optional bool     // the value may be left out, as with --exclusive
	Words    []string // of Kind Word and Words: the words sbatch knows
	Since    string   // the release that first had it; "" for 22.05 or older
	Meaning  string
}

// ErrUnknownOption says that sbatch has no option of that name.
var ErrUnknownOption = errors.New("not an option of sbatch")

// Lookup finds an option by its long name.
func Lookup(name string) (OptionInfo, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(o OptionInfo, name string) int { return strings.Compare(o.Name, name) })
	if !ok {
		return OptionInfo{}, false
	}
	return table[i], true
}

// LookupShort finds an option by its one-letter form.
func LookupShort(letter string) (OptionInfo, bool) {
	for _, o := range table {
		if letter != "" && o.Short == letter {
			return o, true
		}
	}
	return OptionInfo{}, false
}

// Table returns every option that is known, sorted by name, as sbatch(1) has
// them.
func Table() []OptionInfo { return slices.Clone(table) }
