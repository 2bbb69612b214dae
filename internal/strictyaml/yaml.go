package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// maxDepth is how deep lists and maps may be nested.
const maxDepth = 64

// tree reads the YAML of a job file into nodes. It refuses, and reports, what
// no job file needs: aliases, merge keys, tags, duplicate keys, a second
// document. It returns nil when there is nothing to look at.
func (d *Reader) tree(data []byte) *Node {
	doc, second, err := readYAML(data)
	switch {
	case err != nil:
		d.syntax(data, err)
		return nil
	case doc == nil || len(doc.Content) == 0 || isVoid(doc.Content[0]):
		if second == nil && d.IfEmpty != "" {
			d.Add(Pos{1, 1}, d.IfEmpty, "the file is empty")
			return nil
		}
	}
	if second != nil {
		d.Add(Pos{second.Line, second.Column}, d.IfSecond, "a second YAML document begins here: a %s has one", d.What)
	}
	if doc == nil || len(doc.Content) == 0 || isVoid(doc.Content[0]) {
		return nil
	}
	return d.convert(doc.Content[0], 0)
}

// isVoid tells whether a document has no content at all.
func isVoid(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}

// readYAML reads the first document and whether there is another one. The
// library is no longer maintained, so that a panic of its is an error here.
func readYAML(data []byte) (doc, second *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the YAML cannot be read")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	doc = new(yaml.Node)
	if err := dec.Decode(doc); err == io.EOF {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	next := new(yaml.Node)
	if err := dec.Decode(next); err == io.EOF {
		return doc, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	return doc, next, nil
}

// convert turns a YAML node into ours.
func (d *Reader) convert(y *yaml.Node, depth int) *Node {
	n := &Node{Pos: Pos{y.Line, y.Column}}
	switch {
	case depth > maxDepth:
		d.Add(n.Pos, "", "nested deeper than %d levels", maxDepth)
		return n
	case y.Kind == yaml.AliasNode:
		d.Add(n.Pos, "write the value out", "the alias %s: %ss have no aliases", Shown("*"+y.Value), d.What)
		return n
	case y.Anchor != "":
		d.Add(n.Pos, "remove it", "the anchor %s: %ss have no anchors", Shown("&"+y.Anchor), d.What)
	case y.Style&yaml.TaggedStyle != 0:
		d.Add(n.Pos, `remove it; "…" makes a value text`, "the tag %s: %ss have no tags", Shown(strings.TrimPrefix(y.Tag, "!!")), d.What)
		return n
	}
	switch y.Kind {
	case yaml.SequenceNode:
		n.Kind = List
		for _, c := range y.Content {
			n.Items = append(n.Items, d.convert(c, depth+1))
		}
	case yaml.MappingNode:
		n.Kind = Mapping
		d.convertKeys(n, y.Content, depth)
	case yaml.ScalarNode:
		d.convertScalar(n, y)
	}
	return n
}

func (d *Reader) convertKeys(n *Node, content []*yaml.Node, depth int) {
	seen := map[string]Pos{}
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Tag == "!!merge" && content[i].Kind == yaml.ScalarNode {
			d.Add(Pos{content[i].Line, content[i].Column}, "write the keys out", "the merge key <<: %ss have none", d.What)
			continue
		}
		key, value := d.convert(content[i], depth+1), d.convert(content[i+1], depth+1)
		switch {
		case key.Kind == Broken:
			continue
		case !key.Single() || key.Kind == Nothing:
			d.Add(key.Pos, "write NAME: VALUE", "a key has to be text, found %s", key.Describe())
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.Add(key.Pos, "", "duplicate key %s, first at line %d", Shown(key.Value), first.Line)
			continue
		}
		seen[key.Value] = key.Pos
		n.Keys = append(n.Keys, Pair{key, value})
	}
}

func (d *Reader) convertScalar(n *Node, y *yaml.Node) {
	n.Value = y.Value
	n.Plain = y.Style&^yaml.FlowStyle == 0
	n.Kind = Text
	if n.Plain {
		switch y.Tag {
		case "!!null":
			n.Kind = Nothing
		case "!!bool":
			n.Kind = Boolean
		case "!!int", "!!float":
			n.Kind = Number
		}
	}
	if strings.ContainsRune(n.Value, 0) || !utf8.ValidString(n.Value) {
		n.Kind = Broken
		d.Add(n.Pos, "remove it", "a NUL character cannot be carried to a program")
	}
}

var yamlLine = lazyre.New(`^(?:yaml: )?(?:line (\d+): )?`)

// maxLocate bounds the work of locating a syntax error, in bytes parsed.
const maxLocate = 4 << 20

// syntax reports an error of the YAML reader. What line the library names is
// often the one where the surrounding block begins, or one off; the first line
// that makes a file fail in this way is the line to look at, so it is found by
// leaving lines off the end.
func (d *Reader) syntax(data []byte, err error) {
	message := func(err error) string {
		return err.Error()[len(yamlLine.FindString(err.Error())):]
	}
	what := message(err)
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	line, _ := strconv.Atoi(yamlLine.FindStringSubmatch(err.Error())[1])
	line = max(1, min(line, len(lines)))
	if len(lines)*len(data) <= maxLocate {
		end := len(data)
		for k := len(lines); k > 0; k-- {
			line = k
			end -= len(lines[k-1])
			if _, _, e := readYAML(data[:end]); e == nil || message(e) != what {
				break
			}
		}
	}
	hint := syntaxHint(what, string(lines[line-1]))
	d.Add(Pos{line, 1}, hint, "this is not YAML: %s", what)
}

// syntaxHint says what most often lies behind an error of the YAML reader.
func syntaxHint(what, line string) string {
	body := strings.TrimLeft(line, " ")
	switch {
	case strings.HasPrefix(body, "\t"):
		return "indent with spaces: YAML takes no tabs there"
	case strings.Contains(what, "cannot start any token"):
		return "put the value between quotes"
	case strings.Contains(what, "mapping values are not allowed"):
		return `put a value that has ": " in it between quotes, and indent keys of one block alike`
	case strings.Contains(what, "expected key"), strings.Contains(what, "expected '-' indicator"):
		return "indent keys of one block alike"
	case strings.Contains(what, "unexpected end of stream"):
		return "a quote is opened here and not closed"
	case strings.Contains(what, "expected ',' or"):
		return fmt.Sprintf("a %s is not closed, or a comma is missing", map[bool]string{true: "[", false: "{"}[strings.Contains(what, "']'")])
	case strings.Contains(what, "could not find expected ':'"):
		return "write NAME: VALUE"
	case strings.Contains(what, "unknown anchor"):
		return "put a value that begins with * between quotes"
	}
	return ""
}

// RootMapping parses a text as one YAML document that is a mapping, for who has
// to change the text and not its meaning, or returns false. Nothing of it is
// checked: keys may be there twice, and an alias is a node of the kind Broken.
func RootMapping(data []byte) (*Node, bool) {
	doc, second, err := readYAML(data)
	if err != nil || second != nil || doc == nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	return asWritten(doc.Content[0]), true
}

// asWritten turns a YAML node into ours without a look at it.
func asWritten(y *yaml.Node) *Node {
	n := &Node{Pos: Pos{y.Line, y.Column}, Value: y.Value}
	switch y.Kind {
	case yaml.ScalarNode:
		n.Kind = Text
	case yaml.SequenceNode:
		n.Kind = List
		for _, c := range y.Content {
			n.Items = append(n.Items, asWritten(c))
		}
	case yaml.MappingNode:
		n.Kind = Mapping
		for i := 0; i+1 < len(y.Content); i += 2 {
			n.Keys = append(n.Keys, Pair{asWritten(y.Content[i]), asWritten(y.Content[i+1])})
		}
	}
	return n
}
