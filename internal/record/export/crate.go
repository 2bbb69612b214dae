package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/record/load"
)

// What a Process Run Crate refers to (RO-Crate 1.1, Process Run Crate 0.5).
const (
	CrateFile    = "ro-crate-metadata.json"
	crateProfile = "https://w3id.org/ro/wfrun/process/0.5"
	crateVersion = "https://w3id.org/ro/crate/1.1"
	projectURL   = "https://github.com/nixbatch/nixbatch"
)

// crateBuilder makes the graph of a crate from the facts that lie in it: what
// was redacted there is nowhere else. Only what the root has to name is kept:
// a number for each action, and the outputs that are not in the crate.
type crateBuilder struct {
	*load.Record
	people  People
	graph   graph
	known   map[string]bool // but for files, actions and their properties
	names   []string        // of every file
	others  []string        // mentioned, not part: outputs that stay where they are
	actions []doing
}

// doing is an action.
type doing struct{ task, attempt int }

func (a doing) id() string { return fmt.Sprintf("#task-%d-attempt-%d", a.task, a.attempt) }

func crate(root string, o Options) (err error) {
	r, err := load.Open(root)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer r.Close()
	b := &crateBuilder{Record: r, people: o.People, known: map[string]bool{}}
	if err := b.write(root); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// write writes the crate's file. The root stands at its begin, and names all
// that follows: that is put aside first.
func (b *crateBuilder) write(root string) (err error) {
	rest, err := os.CreateTemp(filepath.Dir(root), "graph-")
	if err != nil {
		return err
	}
	defer os.Remove(rest.Name())
	defer rest.Close()
	if b.names, err = b.List(""); err != nil {
		return err
	}
	b.graph = graph{out: bufio.NewWriterSize(rest, crateBuffer), begun: true}
	for _, step := range []func() error{b.profile, b.persons, func() error { return b.filesBelow(root) }, b.tasks, b.license, b.graph.out.Flush} {
		if err := step(); err != nil {
			return err
		}
	}
	if _, err := rest.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(root, CrateFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, crateBuffer)
	if err := b.head(out); err != nil {
		return err
	}
	if _, err := io.Copy(out, rest); err != nil {
		return err
	}
	out.WriteString("\n  ]\n}\n")
	return errors.Join(out.Flush(), f.Close())
}

const crateBuffer = 64 << 10 // bytes

// add writes an entity once, and returns its id.
func (b *crateBuilder) add(e entity) (string, error) {
	id := e[0].text
	if b.known[id] {
		return id, nil
	}
	b.known[id] = true
	return id, b.graph.put(e)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }

// head writes the descriptor and the root.
func (b *crateBuilder) head(out *bufio.Writer) error {
	out.WriteString("{\n  \"@context\": [\n    \"https://w3id.org/ro/crate/1.1/context\",\n    \"https://w3id.org/ro/terms/workflow-run/context\"\n  ],\n  \"@graph\": [\n    ")
	g := graph{out: out}
	if err := g.put(thing(CrateFile, "CreativeWork", ref("about", "./"), ref("conformsTo", crateVersion))); err != nil {
		return err
	}
	if err := g.begin(); err != nil {
		return err
	}
	one := func(p property) {
		b.graph.buf = appendProperty(b.graph.buf[:0], p)
		out.Write(b.graph.buf)
		out.WriteString(",\n")
	}
	author, _ := b.author()
	publisher, _ := b.publisher()
	licence, _ := b.licence()
	one(text("@id", "./"))
	one(text("@type", "Dataset"))
	one(ref("author", author))
	one(ref("conformsTo", crateProfile))
	one(text("datePublished", stamp(b.Seal.Time)))
	one(text("description", fmt.Sprintf("The record of %s: a computation in a pinned Nix environment on a Slurm cluster, with what is needed to check it and to run it again (nixbatch record verify, nixbatch rerun).", b.RunID)))
	b.list(out, "hasPart", len(b.names), func(i int) string { return encode(b.names[i]) })
	one(ref("license", licence))
	b.list(out, "mentions", len(b.actions)+len(b.others), func(i int) string {
		if i < len(b.actions) {
			return b.actions[i].id()
		}
		return b.others[i-len(b.actions)]
	})
	one(text("name", "Run "+b.RunID))
	b.graph.buf = appendProperty(b.graph.buf[:0], ref("publisher", publisher))
	out.Write(b.graph.buf)
	_, err := out.WriteString("\n    }")
	return err
}

// list writes a property of the root that refers to many entities.
func (b *crateBuilder) list(out *bufio.Writer, key string, n int, id func(int) string) {
	out.WriteString("      \"" + key + "\": ")
	if n == 0 {
		out.WriteString("null,\n")
		return
	}
	out.WriteString("[\n        ")
	for i := range n {
		if i > 0 {
			out.WriteString(",\n        ")
		}
		b.graph.buf = appendRef(b.graph.buf[:0], id(i), "        ")
		out.Write(b.graph.buf)
	}
	out.WriteString("\n      ],\n")
}

func (b *crateBuilder) profile() error {
	_, err := b.add(thing(crateProfile, "CreativeWork", text("name", "Process Run Crate"), text("version", "0.5")))
	return err
}

// publisher is the organization, author the person; each is the id, too.
func (b *crateBuilder) publisher() (id string, e entity) {
	p := b.people
	id, name, at := projectURL+"#publisher", "publisher not named", projectURL
	if p.Affiliation != "" {
		name = p.Affiliation
	}
	if p.URL != "" {
		id, at = p.URL, p.URL
	}
	return id, thing(id, "Organization", text("name", name), text("url", at))
}

func (b *crateBuilder) author() (id string, e entity) {
	p := b.people
	id, name := "#author", "author not named"
	if p.Author != "" {
		name = p.Author
	}
	if p.ORCID != "" {
		id = "https://orcid.org/" + strings.TrimPrefix(p.ORCID, "https://orcid.org/")
	}
	publisher, _ := b.publisher()
	return id, thing(id, "Person", text("name", name), ref("affiliation", publisher))
}

func (b *crateBuilder) persons() error {
	for _, who := range []func() (string, entity){b.publisher, b.author} {
		_, e := who()
		if _, err := b.add(e); err != nil {
			return err
		}
	}
	return nil
}

func (b *crateBuilder) licence() (id string, e entity) {
	if l := b.people.License; l != "" {
		id = "https://spdx.org/licenses/" + url.PathEscape(l)
		return id, thing(id, "CreativeWork", text("name", l), text("description", "The licence "+l+", by its SPDX identifier."))
	}
	return "#license", thing("#license", "CreativeWork", text("name", "No licence"), text("description", "No licence is given: ask the author before using more than the law allows."))
}

func (b *crateBuilder) license() error {
	_, e := b.licence()
	_, err := b.add(e)
	return err
}

func (b *crateBuilder) tasks() error {
	author, _ := b.author()
	return b.Attempts(func(a load.Attempt) error {
		if a.Start == nil {
			return nil
		}
		return b.action(a, author)
	})
}

// types are encoding formats by the end of the name.
var types = map[string]string{".json": "application/json", ".yaml": "application/yaml", ".jsonl": "application/jsonl", ".sh": "text/x-shellscript",
	".nar": "application/x-nix-archive", ".sig": "text/plain", ".txt": "text/plain", ".log": "text/plain", ".csv": "text/csv", ".xyz": "chemical/x-xyz"}

// filesBelow describes every file of the crate.
func (b *crateBuilder) filesBelow(root string) error {
	roles := map[string]int{}
	for i, c := range b.Contents.Files {
		if c.At != "" {
			roles[c.At] = i
		}
	}
	for _, name := range b.names {
		e := thing(encode(name), "File", text("encodingFormat", b.format(root, name)))
		st, err := durable.Stat(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if st != nil {
			e = append(e, text("contentSize", strconv.FormatInt(st.Size(), 10)))
		}
		if i, ok := roles[name]; ok {
			c := b.Contents.Files[i]
			e = append(e, text("name", c.Path), text("description", strings.TrimSuffix(c.Role+" of the run, sha256 "+c.SHA256, ", sha256 ")))
		} else {
			e = append(e, text("name", name))
		}
		if err := b.graph.put(e); err != nil {
			return err
		}
	}
	return nil
}

// encode makes a name the relative reference of a URI (RFC 3986).
func encode(name string) string {
	return (&url.URL{Path: "./" + name}).EscapedPath()[2:]
}

func (b *crateBuilder) format(root, name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return "application/octet-stream"
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil || !utf8.Valid(head) && !utf8.Valid(head[:max(0, len(head)-3)]) || strings.ContainsRune(string(head), 0) {
		return "application/octet-stream"
	}
	return "text/plain"
}
