package export

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/record/load"
	"github.com/nixbatch/nixbatch/internal/record/seal"
)

// What a Process Run Crate refers to (RO-Crate 1.1, Process Run Crate 0.5).
const (
	CrateFile    = "ro-crate-metadata.json"
	crateProfile = "https://w3id.org/ro/wfrun/process/0.5"
	crateVersion = "https://w3id.org/ro/crate/1.1"
	projectURL   = "https://github.com/nixbatch/nixbatch"
)

// crateBuilder makes the graph of a crate from the facts that lie in it: what
// was redacted there is nowhere else.
type crateBuilder struct {
	*load.Record
	people  People
	graph   []any
	known   map[string]bool
	parts   []object // every File
	others  []object // mentioned, not part: outputs that stay where they are
	actions []object
}

func crate(root string, o Options) error {
	r, err := load.Open(root)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer r.Close()
	b := &crateBuilder{Record: r, people: o.People, known: map[string]bool{}}
	if err := b.build(root); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return writeJSON(root, CrateFile, object{
		"@context": []string{"https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"},
		"@graph":   b.graph,
	})
}

func ref(id string) object { return object{"@id": id} }

// add adds an entity once and returns a reference to it.
func (b *crateBuilder) add(e object) object {
	id := e["@id"].(string)
	if !b.known[id] {
		b.known[id] = true
		b.graph = append(b.graph, e)
	}
	return ref(id)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }

func (b *crateBuilder) build(root string) error {
	// The descriptor and the root come first; the root is filled at the end.
	b.add(object{"@id": CrateFile, "@type": "CreativeWork", "about": ref("./"), "conformsTo": ref(crateVersion)})
	top := object{"@id": "./", "@type": "Dataset"}
	b.add(top)
	b.add(object{"@id": crateProfile, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"})
	author, publisher := b.persons()
	if err := b.filesBelow(root); err != nil {
		return err
	}
	if err := b.Attempts(func(a load.Attempt) error {
		if a.Start != nil {
			b.action(a, author)
		}
		return nil
	}); err != nil {
		return err
	}
	name := "Run " + b.RunID
	top["name"] = name
	top["description"] = fmt.Sprintf("The record of %s: a computation in a pinned Nix environment on a Slurm cluster, with what is needed to check it and to run it again (nixbatch record verify, nixbatch rerun).", b.RunID)
	top["datePublished"] = stamp(b.Seal.Time)
	top["license"] = b.license()
	top["author"], top["publisher"] = author, publisher
	top["hasPart"], top["mentions"] = b.parts, append(b.actions, b.others...)
	top["conformsTo"] = ref(crateProfile)
	return nil
}

func (b *crateBuilder) persons() (author, publisher object) {
	p := b.people
	org := object{"@id": projectURL + "#publisher", "@type": "Organization", "name": "publisher not named", "url": projectURL}
	if p.Affiliation != "" {
		org["name"] = p.Affiliation
	}
	if p.URL != "" {
		org["@id"], org["url"] = p.URL, p.URL
	}
	publisher = b.add(org)
	person := object{"@id": "#author", "@type": "Person", "name": "author not named", "affiliation": publisher}
	if p.Author != "" {
		person["name"] = p.Author
	}
	if p.ORCID != "" {
		person["@id"] = "https://orcid.org/" + strings.TrimPrefix(p.ORCID, "https://orcid.org/")
	}
	return b.add(person), publisher
}

func (b *crateBuilder) license() object {
	if l := b.people.License; l != "" {
		return b.add(object{"@id": "https://spdx.org/licenses/" + url.PathEscape(l), "@type": "CreativeWork", "name": l, "description": "The licence " + l + ", by its SPDX identifier."})
	}
	return b.add(object{"@id": "#license", "@type": "CreativeWork", "name": "No licence", "description": "No licence is given: ask the author before using more than the law allows."})
}

// types are encoding formats by the end of the name.
var types = map[string]string{".json": "application/json", ".yaml": "application/yaml", ".jsonl": "application/jsonl", ".sh": "text/x-shellscript",
	".nar": "application/x-nix-archive", ".sig": "text/plain", ".txt": "text/plain", ".log": "text/plain", ".csv": "text/csv", ".xyz": "chemical/x-xyz"}

// filesBelow describes every file of the crate.
func (b *crateBuilder) filesBelow(root string) error {
	names, err := b.List("")
	if err != nil {
		return err
	}
	roles := map[string]load.Content{}
	for _, c := range b.Contents.Files {
		if c.At != "" {
			roles[c.At] = c
		}
	}
	for _, name := range names {
		e := object{"@id": encode(name), "@type": "File", "name": name, "encodingFormat": b.format(root, name)}
		st, err := durable.Stat(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if st != nil {
			e["contentSize"] = fmt.Sprint(st.Size())
		}
		if c, ok := roles[name]; ok {
			e["name"] = c.Path
			e["description"] = strings.TrimSuffix(c.Role+" of the run, sha256 "+c.SHA256, ", sha256 ")
		}
		b.parts = append(b.parts, b.add(e))
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

// file is an input or output of an action: a File that is here, or something
// that is named only.
func (b *crateBuilder) file(role string, f facts.File) object {
	c, ok := b.Contents.Find(role, f.Path)
	if ok && c.At != "" {
		return ref(encode(c.At))
	}
	why := c.Absent
	if why == "" {
		why = "not in this crate"
	}
	text := fmt.Sprintf("%s of the run, %d bytes, %s", role, f.Size, why)
	if f.SHA256 != "" {
		text += ", sha256 " + f.SHA256
	}
	id := "#" + role + "-" + url.PathEscape(f.Path)
	fresh := !b.known[id]
	e := b.add(object{"@id": id, "@type": "CreativeWork", "name": f.Path, "description": text})
	if fresh {
		b.others = append(b.others, e)
	}
	return e
}

// software is the environment of a build, and what it was made from.
func (b *crateBuilder) software(arch string) object {
	build, _ := b.Plan.BuildFor(arch)
	var needs []object
	for _, p := range b.Plan.Pins {
		at := projectURL + "#pin-" + url.PathEscape(p.Hash)
		version := p.Hash
		if p.Kind == "github" {
			at, version = "https://github.com/"+p.From+"/tree/"+p.Rev, p.Rev
		}
		name := p.From
		if name == "" {
			name = p.Role + " (a local tree)"
		}
		needs = append(needs, b.add(object{"@id": at, "@type": "SoftwareApplication", "name": name, "url": at, "softwareVersion": version}))
	}
	at := projectURL + "#environment-" + build.Key
	e := object{"@id": at, "@type": "SoftwareApplication", "name": strings.Join(b.Plan.Packages, ", ") + " (build for " + arch + ")", "url": at, "softwareVersion": build.Key}
	if len(needs) > 0 {
		e["softwareRequirements"] = needs
	}
	return b.add(e)
}

// property is a PropertyValue of an action.
func (b *crateBuilder) property(id, name, value string) object {
	return b.add(object{"@id": id, "@type": "PropertyValue", "name": name, "value": value})
}

func (b *crateBuilder) action(a load.Attempt, agent object) {
	id := fmt.Sprintf("#task-%d-attempt-%d", a.Task, a.Attempt)
	s := a.Start
	e := object{
		"@id": id, "@type": "CreateAction", "name": fmt.Sprintf("task %d, attempt %d of %s", a.Task, a.Attempt, b.RunID),
		"description": fmt.Sprintf("%s with the build for %s, %d threads", strings.Join(b.Plan.Packages, ", "), s.Build.Arch, s.Threads),
		"startTime":   stamp(s.Time), "agent": agent, "instrument": b.software(s.Build.Arch),
	}
	objects := []object{ref(facts.JobFile), ref(facts.LinesFile)}
	for _, f := range s.Inputs {
		objects = append(objects, b.file("input", f))
	}
	e["object"] = objects
	var env []object
	for _, v := range s.Vars {
		env = append(env, b.property(id+"-env-"+url.PathEscape(v.Name), v.Name, v.Value))
	}
	if len(env) > 0 {
		e["environment"] = env
	}
	end := a.End
	if end == nil {
		// It began and left no end: that is not a failure, and not a result.
		e["endTime"], e["result"] = stamp(b.Seal.Time), []object{ref(seal.TasksFile)}
		e["description"] = e["description"].(string) + "; incomplete: it left no end, the end time is that of the seal"
		e["actionStatus"] = "http://schema.org/PotentialActionStatus"
	} else {
		results := []object{}
		for _, f := range end.Outputs {
			results = append(results, b.file("output", f))
		}
		if len(results) == 0 {
			results = append(results, ref(seal.TasksFile))
		}
		e["endTime"], e["result"], e["actionStatus"] = stamp(end.Time), results, "http://schema.org/CompletedActionStatus"
		if end.ExitCode != 0 {
			e["actionStatus"] = "http://schema.org/FailedActionStatus"
			e["error"] = strings.TrimPrefix(end.Reason+fmt.Sprintf(", exit code %d", end.ExitCode), ", ")
		}
		e["resourceUsage"] = []object{
			b.property(id+"-elapsed", "elapsed seconds", fmt.Sprintf("%.3f", end.Elapsed)),
			b.property(id+"-cpu", "CPU seconds", fmt.Sprintf("%.3f", end.UserTime+end.SysTime)),
			b.property(id+"-memory", "memory of the largest process, KiB", fmt.Sprint(end.MaxRSS)),
		}
	}
	b.actions = append(b.actions, b.add(e))
}
