package strictyaml

// Doc is a file whose values are read one by one, each knowing its own place.
type Doc struct {
	d    *Reader
	root *Node
}

// NewDoc reads a text. Problems wait until Doc.Problems.
func NewDoc(d *Reader, data []byte) *Doc { return &Doc{d, d.Read(data)} }

// Root is the whole content.
func (r *Doc) Root() Value { return Value{r.d, r.root, ""} }

// Problems is what is wrong, in the order of the file.
func (r *Doc) Problems() []Problem { return r.d.Problems() }

// Value is one value of a Doc.
type Value struct {
	d     *Reader
	n     *Node
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
	fields := make([]Field, len(keys))
	for i, k := range keys {
		fields[i].Name = k.Name
	}
	got, _ := v.d.Block(v.where, v.n, fields, instead)
	for _, k := range keys {
		if p, ok := got[k.Name]; ok {
			k.Read(Value{v.d, p.Value, Dot(v.where, k.Name)})
		}
	}
}

// Each reads a map with any keys, in the order of the file. A problem of key is
// shown at the key.
func (v Value) Each(read func(name string, key, value Value)) {
	if !v.d.IsMapping(v.where, v.n) {
		return
	}
	for _, p := range v.n.Keys {
		at := Dot(v.where, p.Key.Value)
		read(p.Key.Value, Value{v.d, p.Key, at}, Value{v.d, p.Value, at})
	}
}

// Text is a single value, as it is written; want says what it should be.
func (v Value) Text(want string) (string, bool) { return v.d.Text(v.where, v.n, want) }

// Choice is one of a few words.
func (v Value) Choice(words ...string) (string, bool) { return v.d.Choice(v.where, v.n, words) }

// Pos is where the value stands.
func (v Value) Pos() Pos { return v.n.Pos }

// Problem notes that the value is wrong, and the way out ("" for none).
func (v Value) Problem(hint, message string) { v.d.Add(v.n.Pos, hint, "%s: %s", v.where, message) }

// Node is the value itself, its name within the file, and who reads it.
func (v Value) Node() (d *Reader, where string, n *Node) { return v.d, v.where, v.n }
