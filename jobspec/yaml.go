package jobspec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxDepth is how deep lists and maps may be nested.
const maxDepth = 64

// tree reads the YAML of a job file into nodes. It refuses, and reports, what
// no job file needs: aliases, merge keys, tags, duplicate keys, a second
// document. It returns nil when there is nothing to look at.
func (d *decoder) tree(data []byte) *node {
	doc, second, err := readYAML(data)
	switch {
	case err != nil:
		d.syntax(data, err)
		return nil
	case doc == nil || len(doc.Content) == 0 || isVoid(doc.Content[0]):
		if second == nil && d.what == "" {
			d.add(Pos{1, 1}, "nixbatch init writes one to start from", "the file is empty")
			return nil
		}
	}
	if second != nil {
		hint := ""
		if d.what == "" {
			hint = "put each job into a file of its own"
		}
		d.add(Pos{second.Line, second.Column}, hint, "a second YAML document begins here: a %s has one", d.kind())
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
func (d *decoder) convert(y *yaml.Node, depth int) *node {
	n := &node{pos: Pos{y.Line, y.Column}}
	switch {
	case depth > maxDepth:
		d.add(n.pos, "", "nested deeper than %d levels", maxDepth)
		return n
	case y.Kind == yaml.AliasNode:
		d.add(n.pos, "write the value out", "the alias %s: %ss have no aliases", shown("*"+y.Value), d.kind())
		return n
	case y.Anchor != "":
		d.add(n.pos, "remove it", "the anchor %s: %ss have no anchors", shown("&"+y.Anchor), d.kind())
	case y.Style&yaml.TaggedStyle != 0:
		d.add(n.pos, `remove it; "…" makes a value text`, "the tag %s: %ss have no tags", shown(strings.TrimPrefix(y.Tag, "!!")), d.kind())
		return n
	}
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = list
		for _, c := range y.Content {
			n.items = append(n.items, d.convert(c, depth+1))
		}
	case yaml.MappingNode:
		n.kind = mapping
		d.convertKeys(n, y.Content, depth)
	case yaml.ScalarNode:
		d.convertScalar(n, y)
	}
	return n
}

func (d *decoder) convertKeys(n *node, content []*yaml.Node, depth int) {
	seen := map[string]Pos{}
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Tag == "!!merge" && content[i].Kind == yaml.ScalarNode {
			d.add(Pos{content[i].Line, content[i].Column}, "write the keys out", "the merge key <<: %ss have none", d.kind())
			continue
		}
		key, value := d.convert(content[i], depth+1), d.convert(content[i+1], depth+1)
		switch {
		case key.kind == broken:
			continue
		case !key.single() || key.kind == nothing:
			d.add(key.pos, "write NAME: VALUE", "a key has to be text, found %s", key.describe())
			continue
		}
		if first, twice := seen[key.value]; twice {
			d.add(key.pos, "", "duplicate key %s, first at line %d", shown(key.value), first.Line)
			continue
		}
		seen[key.value] = key.pos
		n.keys = append(n.keys, pair{key, value})
	}
}

func (d *decoder) convertScalar(n *node, y *yaml.Node) {
	n.value = y.Value
	n.plain = y.Style&^yaml.FlowStyle == 0
	n.kind = text
	if n.plain {
		switch y.Tag {
		case "!!null":
			n.kind = nothing
		case "!!bool":
			n.kind = boolean
		case "!!int", "!!float":
			n.kind = number
		}
	}
	if strings.ContainsRune(n.value, 0) || !utf8.ValidString(n.value) {
		n.kind = broken
		d.add(n.pos, "remove it", "a NUL character cannot be carried to a program")
	}
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// maxLocate bounds the work of locating a syntax error, in bytes parsed.
const maxLocate = 4 << 20

// syntax reports an error of the YAML reader. What line the library names is
// often the one where the surrounding block begins, or one off; the first line
// that makes a file fail in this way is the line to look at, so it is found by
// leaving lines off the end.
func (d *decoder) syntax(data []byte, err error) {
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
	d.add(Pos{line, 1}, hint, "this is not YAML: %s", what)
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

// Node is a YAML node with its place in the text, for who has to change a job
// file's text and not its meaning.
type Node = yaml.Node

// RootMapping parses a text as one YAML document that is a mapping, and returns
// its keys and values in turn, or false. Nothing of it is checked.
func RootMapping(data []byte) (*Node, bool) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode || d.Decode(new(yaml.Node)) == nil {
		return nil, false
	}
	return doc.Content[0], true
}

// IsMapping reports whether a node is a mapping.
func IsMapping(n *Node) bool { return n.Kind == yaml.MappingNode }

// IsScalar reports whether a node is a single value.
func IsScalar(n *Node) bool { return n.Kind == yaml.ScalarNode }
