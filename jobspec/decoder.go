package jobspec

import "github.com/nixbatch/nixbatch/internal/strictyaml"

// decoder turns the nodes of one job file into a Spec and gathers what is wrong.
// Its methods return a usable value, or false after having added a problem.
type decoder struct {
	strictyaml.Reader
	file string
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, Reader: strictyaml.Reader{What: "job file", IfEmpty: "nixbatch init writes one to start from",
		IfSecond: "put each job into a file of its own", MaxSize: MaxSize, TooLarge: "put data into files and name them under inputs"}}
}

// What a job file is made of.
type (
	node = strictyaml.Node
	pair = strictyaml.Pair
)

const (
	broken  = strictyaml.Broken
	nothing = strictyaml.Nothing
	boolean = strictyaml.Boolean
	number  = strictyaml.Number
	text    = strictyaml.Text
	list    = strictyaml.List
	mapping = strictyaml.Mapping
)

func dot(where, name string) string { return strictyaml.Dot(where, name) }
func shown(s string) string         { return strictyaml.Shown(s) }
func written(s string) string       { return strictyaml.Written(s) }

// key is all that there is to one key of a job file: the decoder reads by it,
// the schema and the reference tell it.
type key[T any] struct {
	name   string
	need   need
	doc    string                                     // for people
	schema shape                                      // for editors
	read   func(d *decoder, at string, p pair, to *T) // p is there
}

// need is whether a key has to be there.
type need bool

const (
	required need = true
	optional need = false
)

// block is a map whose keys are known.
type block[T any] struct {
	keys []key[T]
	// instead has hints for keys that people write although there are none.
	instead map[string]string
}

// read reads the keys that are there, in the order of the table. got is what
// was found; ok is false where there is no map at all.
func (b block[T]) read(d *decoder, where string, n *node, to *T) (got map[string]pair, ok bool) {
	fields := make([]strictyaml.Field, len(b.keys))
	for i, k := range b.keys {
		fields[i] = strictyaml.Field{Name: k.name, Required: bool(k.need), Doc: k.doc}
	}
	if got, ok = d.Block(where, n, fields, b.instead); !ok {
		return nil, false
	}
	for _, k := range b.keys {
		if p, ok := got[k.name]; ok {
			k.read(d, dot(where, k.name), p, to)
		}
	}
	return got, true
}

// into stores what a function reads, where it could.
func into[T, V any](read func(d *decoder, at string, n *node) (V, bool), to func(*T) *V) func(*decoder, string, pair, *T) {
	return func(d *decoder, at string, p pair, t *T) {
		if v, ok := read(d, at, p.Value); ok {
			*to(t) = v
		}
	}
}

// oneOf reads one of a few words.
func oneOf(words []string) func(*decoder, string, *node) (string, bool) {
	return func(d *decoder, at string, n *node) (string, bool) { return d.Choice(at, n, words) }
}

// each reads a list of single values, each of which check looks at.
func each(read func(d *decoder, at string, n *node) []string) func(*decoder, string, *node) ([]string, bool) {
	return func(d *decoder, at string, n *node) ([]string, bool) { return read(d, at, n), true }
}
