package nixstore

import (
	"errors"
	"fmt"
	"strings"
)

// Derivation is the head of a .drv file: what comes out of it and what it is
// made from. The rest, its builder and the environment, is passed over.
type Derivation struct {
	Outputs map[string]Output
	Inputs  map[string][]string // path of a .drv → names of its outputs that are used
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
	d := Derivation{Outputs: map[string]Output{}, Inputs: map[string][]string{}}
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
	s.tail()
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

// tail passes over the rest: sources, system, builder, arguments, environment.
func (s *scanner) tail() {
	skip := func() { s.text() }
	s.token(",")
	s.list(skip)
	s.token(",")
	s.text()
	s.token(",")
	s.text()
	s.token(",")
	s.list(skip)
	s.token(",")
	s.list(func() {
		s.token("(")
		s.text()
		s.token(",")
		s.text()
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
