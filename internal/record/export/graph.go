package export

import (
	"bufio"
	"encoding/json"
	"slices"
	"strings"
)

// entity is one of a graph: its properties, in any order.
type entity []property

// property is a text, or references to other entities.
type property struct {
	key  string
	text string
	ids  []string
	kind kind
}

type kind int

const (
	asText kind = iota
	asRef       // one reference
	asRefs      // a list of them
)

func text(key, value string) property         { return property{key: key, text: value} }
func ref(key, id string) property             { return property{key: key, text: id, kind: asRef} }
func refs(key string, ids ...string) property { return property{key: key, ids: ids, kind: asRefs} }
func thing(id, kind string, more ...property) entity {
	return append(entity{text("@id", id), text("@type", kind)}, more...)
}

// graph writes the entities of a crate as they come, so that it needs the memory
// of one of them. It writes what json.MarshalIndent would.
type graph struct {
	out   *bufio.Writer
	begun bool
	buf   []byte
}

// put writes an entity.
func (g *graph) put(e entity) error {
	slices.SortFunc(e, func(a, b property) int { return strings.Compare(a.key, b.key) })
	if err := g.begin(); err != nil {
		return err
	}
	b := g.buf[:0]
	for i, p := range e {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = appendProperty(b, p)
	}
	g.buf = append(b, "\n    }"...)
	_, err := g.out.Write(g.buf)
	return err
}

func appendProperty(b []byte, p property) []byte {
	b = append(quote(append(b, "      "...), p.key), ": "...)
	switch p.kind {
	case asRef:
		return appendRef(b, p.text, "      ")
	case asRefs:
		b = append(b, "[\n        "...)
		for i, id := range p.ids {
			if i > 0 {
				b = append(b, ",\n        "...)
			}
			b = appendRef(b, id, "        ")
		}
		return append(b, "\n      ]"...)
	}
	return quote(b, p.text)
}

// begin begins an entity: what is written next are its properties.
func (g *graph) begin() error {
	head := "{\n"
	if g.begun {
		head = ",\n    {\n"
	}
	g.begun = true
	_, err := g.out.WriteString(head)
	return err
}

// appendRef appends a reference that stands in a line with this indentation.
func appendRef(b []byte, id, indent string) []byte {
	b = append(append(append(b, "{\n"...), indent...), `  "@id": `...)
	return append(append(append(quote(b, id), '\n'), indent...), '}')
}

// quote appends a text as encoding/json writes it.
func quote(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // a string has no error
			}
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
