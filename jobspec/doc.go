package jobspec

import "github.com/nixbatch/nixbatch/slurm"

// Doc is another YAML file than a job file, such as a site's settings, read as
// strictly and with the same words: every problem at once, each with
// file:line:column. An empty one is fine.
type Doc struct {
	d    *decoder
	root *node
}

// ReadDoc reads a text. file is its name in messages, what is what people call
// such a file ("site file"). Problems wait until Err.
func ReadDoc(file, what string, data []byte) *Doc {
	r := &Doc{d: &decoder{file: file, what: what}}
	if text, ok := r.d.checkText(data); ok {
		r.root = r.d.tree(text)
	}
	return r
}

// Root is the whole content.
func (r *Doc) Root() Value { return Value{r.d, r.root, ""} }

// Err is a Problems, or nil where nothing is wrong.
func (r *Doc) Err() error {
	if len(r.d.problems) == 0 {
		return nil
	}
	return r.d.sorted()
}

// Value is one value of a Doc.
type Value struct {
	d     *decoder
	n     *node
	where string
}

// Key is a key of a map that is known, and what reads its value.
type Key struct {
	Name string
	Read func(Value)
}

// Block reads a map whose keys are known, in their order; any other key is a
// problem, for which instead may have a hint.
func (v Value) Block(keys []Key, instead map[string]string) {
	if v.n == nil {
		return
	}
	fields := make(block, len(keys))
	for i, k := range keys {
		fields[i].name = k.Name
	}
	got, _ := v.d.block(v.where, v.n, fields, instead)
	for _, k := range keys {
		if p, ok := got[k.Name]; ok {
			k.Read(Value{v.d, p.value, dot(v.where, k.Name)})
		}
	}
}

// Each reads a map with any keys, in the order of the file. A problem of key is
// shown at the key.
func (v Value) Each(read func(name string, key, value Value)) {
	if !v.d.isMapping(v.where, v.n) {
		return
	}
	for _, p := range v.n.keys {
		at := dot(v.where, p.key.value)
		read(p.key.value, Value{v.d, p.key, at}, Value{v.d, p.value, at})
	}
}

// Text is a single value, as it is written; want says what it should be.
func (v Value) Text(want string) (string, bool) { return v.d.text(v.where, v.n, want) }

// Choice is one of a few words.
func (v Value) Choice(words ...string) (string, bool) { return v.d.choice(v.where, v.n, words) }

// Options is sbatch's options, checked as those of a job file.
func (v Value) Options() slurm.Options { return v.d.slurm(v.where, v.n) }

// Pos is where the value stands.
func (v Value) Pos() Pos { return v.n.pos }

// Problem notes that the value is wrong, and the way out ("" for none).
func (v Value) Problem(hint, message string) { v.d.add(v.n.pos, hint, "%s: %s", v.where, message) }

// ArchProblem says what is wrong with the name of an arch, and the way out; both
// are "" where nothing is.
func ArchProblem(name string) (problem, hint string) {
	if name == "generic" {
		return "is no arch of a CPU", "leave it out: nothing said is the same"
	}
	return checkArch(name)
}
