package nixstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Derivation is what a .drv file says of itself: what comes out of it, what it is
// made from, and with which attributes. Its other sources and its builder are passed
// over.
type Derivation struct {
	Outputs map[string]Output
	Inputs  map[string][]string // path of a .drv → names of its outputs that are used
	Args    []string            // of its builder
	Env     map[string]string   // the builder's environment
}

// Output is one output of a derivation.
type Output struct {
	Path  string // "" where it is not known before it is built
	Fixed bool   // its contents are named by their hash: a download, mostly
}

// ParseDerivation reads a derivation in the form that all versions of Nix write
// (ATerm): Derive([(name,path,algorithm,hash),…],[(drv,[output,…]),…],…).
func ParseDerivation(text string) (Derivation, error) {
	s := scanner{rest: text}
	d := Derivation{Outputs: map[string]Output{}, Inputs: map[string][]string{}, Env: map[string]string{}}
	s.token("Derive(")
	s.list(func() {
		s.token("(")
		name := s.text()
		s.token(",")
		path := s.text()
		s.token(",")
		algorithm := s.text()
		s.token(",")
		s.text()
		s.token(")")
		d.Outputs[name] = Output{Path: path, Fixed: algorithm != ""}
	})
	s.token(",")
	s.list(func() {
		var names []string
		s.token("(")
		drv := s.text()
		s.token(",")
		s.list(func() { names = append(names, s.text()) })
		s.token(")")
		if s.err == nil && !IsPath(drv) {
			s.err = fmt.Errorf("its input %q is no store path", drv)
		}
		d.Inputs[drv] = names
	})
	s.tail(&d)
	switch {
	case s.err != nil:
		return Derivation{}, s.err
	case len(d.Outputs) == 0:
		return Derivation{}, errors.New("it has no output")
	case s.rest != "":
		return Derivation{}, fmt.Errorf("it does not end before %q", s.rest[:min(len(s.rest), 20)])
	}
	return d, nil
}

// tail reads the rest: sources, system, builder, arguments, environment.
func (s *scanner) tail(d *Derivation) {
	s.token(",")
	s.list(func() { s.text() })
	s.token(",")
	s.text()
	s.token(",")
	s.text()
	s.token(",")
	s.list(func() { d.Args = append(d.Args, s.text()) })
	s.token(",")
	s.list(func() {
		s.token("(")
		name := s.text()
		s.token(",")
		d.Env[name] = s.text()
		s.token(")")
	})
	s.token(")")
}

// scanner reads from the front; after an error it reads nothing more.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) token(t string) {
	if s.err != nil {
		return
	}
	rest, ok := strings.CutPrefix(s.rest, t)
	if !ok {
		s.err = fmt.Errorf("%q expected before %q", t, s.rest[:min(len(s.rest), 20)])
		return
	}
	s.rest = rest
}

// list reads [item,item,…].
func (s *scanner) list(item func()) {
	s.token("[")
	for first := true; s.err == nil && !strings.HasPrefix(s.rest, "]"); first = false {
		if !first {
			s.token(",")
		}
		item()
	}
	s.token("]")
}

// unescaped is what stands for \c.
func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// text reads a string in quotes.
func (s *scanner) text() string {
	s.token(`"`)
	if s.err != nil {
		return ""
	}
	end := strings.IndexAny(s.rest, `"\`)
	if end >= 0 && s.rest[end] == '"' { // nearly always
		t := s.rest[:end]
		s.rest = s.rest[end+1:]
		return t
	}
	var b strings.Builder
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(unescaped(s.rest[i]))
		default:
			b.WriteByte(c)
		}
	}
	s.err = errors.New("a string does not end")
	return ""
}

// structured is the variable that holds all attributes where they are structured.
const structured = "__json"

// Attr is an attribute of the derivation as text, as its builder has it: true is
// "1", false and what is not there "". Where attributes are structured it is looked
// for among them, and in env. What is neither text nor a truth is "".
func (d Derivation) Attr(name string) string {
	raw, ok := d.Env[structured]
	if !ok {
		return d.Env[name]
	}
	if !strings.Contains(raw, name) { // most have not, and are long
		return ""
	}
	var attrs map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &attrs) != nil {
		return ""
	}
	value, there := attrs[name]
	if !there {
		var env map[string]json.RawMessage
		if json.Unmarshal(attrs["env"], &env) != nil {
			return ""
		}
		value = env[name]
	}
	var text string
	var truth bool
	switch {
	case json.Unmarshal(value, &text) == nil:
		return text
	case json.Unmarshal(value, &truth) == nil && truth:
		return "1"
	}
	return ""
}
