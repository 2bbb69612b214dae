package private

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/slurm/hostlist"
)

// PrivateSchema names the file that makes the private values of a record
// readable; a redacted export leaves it out.
const PrivateSchema = facts.PrivateSchema

// PrivateFile keeps what a redacted copy replaces, and the key of its tokens.
const PrivateFile = facts.PrivateFile

// Private is what redacting needs to know: a salt, without which nobody can
// try out which value stands behind a token, and the words that are private
// wherever they occur.
type Private struct {
	Schema string   `json:"schema"`
	Salt   string   `json:"salt"` // 32 bytes in hex
	Words  []string `json:"words"`
	// Values are private as substrings of anything, and in the encodings of
	// values.
	Values []string `json:"values,omitempty"`
	// Names are variables of env: and of the sweep that the job file marks as
	// private, Short those of their values that are too short to be looked for
	// everywhere.
	Names []string `json:"names,omitempty"`
	Short []string `json:"short,omitempty"`
	// Hashes are those of inputs and outputs with which a private value in them
	// could be tried out. Seals of before there were such do not have them.
	Hashes []string `json:"hashes,omitempty"`
	// Env says that the values of the job file's env: are private as well. Seals
	// of before this was so do not have it, and are read as they were made.
	Env bool `json:"env,omitempty"`
	// Split says that whole files have a key of their own, which Key makes of the
	// salt. Seals of before there was one do not have it.
	Split bool `json:"split,omitempty"`
}

// Redactor replaces what is private by tokens. Equal values get equal tokens in
// the record of one run. A nil *Redactor changes nothing: it reads what is
// redacted already.
type Redactor struct {
	salt  *mac
	key   *Key
	words map[string]bool
	names map[string]string // those of words that are looked for in longer ones
	long  []string          // the longest first
	value *values
	env   bool // Private.Env
	// Private.Names and Private.Short, the longest first.
	marked map[string]bool
	short  []string
}

// NewRedactor makes one.
func NewRedactor(p Private) (*Redactor, error) {
	salt, err := hex.DecodeString(p.Salt)
	if err != nil || len(salt) != sha256.Size {
		return nil, errors.New("its salt is not 32 bytes in hexadecimal")
	}
	r := &Redactor{salt: newMAC(salt), key: newKey(salt, p.Split), words: map[string]bool{}, env: p.Env, marked: map[string]bool{}, short: slices.Clone(p.Short)}
	for _, n := range p.Names {
		r.marked[n] = true
	}
	longestFirst(r.short)
	for _, w := range p.Words {
		if strings.IndexFunc(w, notInWord) < 0 {
			r.words[w] = true
		} else {
			r.long = append(r.long, w)
		}
	}
	r.names, r.value = names(r.words), newValues(p.Values)
	for _, h := range p.Hashes {
		r.words[h] = true // none of names: it is looked for as it is
	}
	longestFirst(r.long)
	return r, nil
}

// Token stands for a private value.
func (r *Redactor) Token(s string) string {
	if IsToken(s) {
		return s
	}
	return r.token(s)
}

const tokenStart = "redacted-"

// IsToken reports whether a value is one that stands for a private one.
func IsToken(s string) bool { return strings.HasPrefix(s, tokenStart) }

func (r *Redactor) token(s string) string {
	return r.salt.token(s)
}

// Form is a file as a redacted export has it: JSON in canonical form with every
// private value replaced, anything else as text with private words replaced.
func (r *Redactor) Form(name string, data []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".json") {
		return r.JSON(data)
	}
	if name == facts.JobFile && r.HidesEnv() {
		data = r.jobFile(data)
	}
	return r.Text(data), nil
}

// JSON is the redacted form of a fact.
func (r *Redactor) JSON(data []byte) ([]byte, error) {
	v, err := canon.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	r.Redact(&v)
	return v.Append(make([]byte, 0, len(data))), nil
}

// Redact replaces what is private in a fact.
func (r *Redactor) Redact(v *canon.Value) {
	if r != nil {
		cells(v, r.marked, func(c *canon.Value) { c.Text = r.envToken(c.Text) })
		r.walk(v, "", false)
	}
}

// kept are keys whose values are never private, and have to stay what they are
// even where a user or a node has that very name.
var kept = map[string]bool{"schema": true, "expression": true, "flags": true, "arch": true, "key": true, "strategy": true,
	"kind": true, "role": true, "hash": true, "store_path": true, "state": true, "time": true}

// secretOptions are options of sbatch whose values name people, accounts and
// hosts.
var secretOptions = []string{"account", "mail-user", "nodelist", "exclude", "wckey", "reservation", "uid", "gid", "chdir", "clusters"}

func (r *Redactor) walk(v *canon.Value, key string, private bool) {
	switch {
	case v.Kind == '{' || v.Kind == '[':
		if n := v.Get("Name"); v.Kind == '{' && slices.Contains(secretOptions, n.Text) {
			if val := v.Get("Value"); val.Kind == '"' && val.Text != "" {
				val.Text = r.Token(val.Text)
			}
			return
		}
		if r.set(v) {
			return
		}
		for i := range v.Items {
			k := key
			if v.Kind == '{' {
				k = v.Keys[i]
			}
			r.walk(&v.Items[i], k, private || v.Kind == '{' && k == "private")
		}
	case v.Kind == 'w' && v.Text == "null", v.Text == "" && v.Kind == '"':
	case private, key == "nodes" && v.Kind == '"':
		*v = canon.Value{Kind: '"', Text: r.Token(v.Text)}
	case v.Kind == '"' && !kept[key]:
		v.Text = r.text(v.Text)
		if len(r.short) > 0 && slices.Contains(inNames, key) {
			v.Text = r.named(v.Text)
		}
	}
}

// Text is the redacted form of a text.
func (r *Redactor) Text(data []byte) []byte {
	if r == nil {
		return data
	}
	return []byte(r.text(string(data)))
}

// Private reports whether a text holds anything private.
func (r *Redactor) Private(s string) bool { return r != nil && r.Path(s) != s }

// Public reports whether a file is text in which nothing private stands, as far
// as that can be found.
func (r *Redactor) Public(data []byte) bool { return utf8.Valid(data) && !r.Private(string(data)) }

func notInWord(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
}

// roots are where sites keep people's files (Filesystem Hierarchy Standard, and
// the habits of clusters).
var roots = []string{"home", "root", "users", "user", "u", "scratch", "work", "project", "projects", "proj", "data", "gpfs", "lustre",
	"beegfs", "mnt", "media", "net", "nfs", "cluster", "tmp", "var", "srv", "run", "afs", "export", "fs", "storage"}

const pathEnd = " \t\r\n\"'`:;,()[]{}<>|&=$*?!#\\"

func (r *Redactor) text(s string) string {
	s = r.value.replace(s, r.Token)
	for _, l := range r.long {
		if strings.Contains(s, l) {
			s = replaceWhole(s, l, r.Token(l))
		}
	}
	var b strings.Builder
	done := 0 // up to where s is in b, if anything was replaced
	for i := 0; i < len(s); {
		n, was := 1, ""
		if s[i] == '/' && (i == 0 || strings.IndexByte(pathEnd, s[i-1]) >= 0) {
			if n = strings.IndexAny(s[i:], pathEnd); n < 0 {
				n = len(s) - i
			}
			was = r.path(s[i : i+n])
		} else if n = strings.IndexFunc(s[i:], notInWord); n != 0 {
			if n < 0 {
				n = len(s) - i
			}
			was = r.word(s[i : i+n])
		} else {
			i++
			continue
		}
		if was != s[i:i+n] {
			b.WriteString(s[done:i])
			b.WriteString(was)
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// replaceWhole replaces a path or another text of several words, where it is not
// the beginning of a longer name.
func replaceWhole(s, old, token string) string {
	for from := 0; ; {
		i := strings.Index(s[from:], old)
		if i < 0 {
			return s
		}
		i += from
		end := i + len(old)
		if end < len(s) && s[end] != '/' && strings.IndexByte(pathEnd, s[end]) < 0 {
			from = end
			continue
		}
		s = s[:i] + token + s[end:]
		from = i + len(token)
	}
}

func (r *Redactor) path(p string) string {
	if strings.HasPrefix(p, "//") && !strings.HasPrefix(p, "///") {
		return p // the host of a URL
	}
	first, _, _ := strings.Cut(strings.TrimLeft(p, "/"), "/")
	if slices.Contains(roots, first) {
		return r.Token(p)
	}
	return eachPart(p, '/', r.word)
}

// word replaces a word, or those of its parts between dots, that are private.
func (r *Redactor) word(w string) string {
	if len(r.words) == 0 {
		return w
	}
	if r.words[w] {
		return r.Token(w)
	}
	if !strings.Contains(w, ".") {
		return r.inside(w)
	}
	if bare := strings.Trim(w, "."); r.words[bare] {
		return strings.Replace(w, bare, r.Token(bare), 1)
	}
	return r.inside(eachPart(w, '.', func(p string) string {
		if r.words[p] {
			return r.Token(p)
		}
		return p
	}))
}

// eachPart puts another text for each part between separators. Where none is
// another, nothing is allocated.
func eachPart(s string, sep byte, other func(string) string) string {
	done, changed := 0, []byte(nil)
	for i := 0; i <= len(s); {
		end := len(s)
		if n := strings.IndexByte(s[i:], sep); n >= 0 {
			end = i + n
		}
		if was := other(s[i:end]); was != s[i:end] {
			changed = append(append(changed, s[done:i]...), was...)
			done = end
		}
		i = end + 1
	}
	if changed == nil {
		return s
	}
	return string(append(changed, s[done:]...))
}

// Words gathers what is private in the facts of one record.
type Words struct{ words, values, names, short map[string]bool }

// NewWords is nothing yet.
func NewWords() Words {
	return Words{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
}

// never are names that say nothing about anybody.
var never = []string{"", "localhost", "localhost.localdomain", "/", ".", "/tmp", "/var/tmp", "/dev/shm"}

func (w Words) Add(s string) {
	if !w.words[s] && !slices.Contains(never, s) {
		w.words[strings.Clone(s)] = true // s may be a part of a whole fact
	}
}

// Fact adds the private values of a fact; the plan, which says what is marked as
// private, comes first.
func (w Words) Fact(v *canon.Value) {
	w.Walk(v, false)
	w.mark(v)
	w.sweep(v)
	for _, c := range v.Get("classes").Items {
		w.hosts(c.Get("nodes").Text)
	}
	for _, o := range v.Get("slurm").Items {
		if n := o.Get("Name").Text; slices.Contains(secretOptions, n) {
			w.Add(o.Get("Value").Text)
			if n == "nodelist" || n == "exclude" {
				w.hosts(o.Get("Value").Text)
			}
		}
	}
	for _, e := range v.Get("env").Items {
		// A short one (4, true, water) would be found everywhere, and say nothing.
		if val := e.Get("value").Text; len(val) >= longValue {
			w.values[strings.Clone(val)] = true
		}
	}
	for _, in := range v.Get("inputs").Items {
		if strings.HasPrefix(in.Text, "/") {
			w.Add(in.Text)
		}
	}
}

func (w Words) hosts(list string) {
	names, err := hostlist.Expand(list)
	if err != nil {
		w.Add(list)
	}
	for _, n := range names {
		w.Add(n)
	}
}

func (w Words) Walk(v *canon.Value, private bool) {
	for i := range v.Items {
		key := ""
		if v.Kind == '{' {
			key = v.Keys[i]
		}
		// A command line is private as a whole; its words are not.
		if key == "submit_line" {
			continue
		}
		w.Walk(&v.Items[i], private || key == "private")
	}
	if private && v.Kind == '"' {
		w.Add(v.Text)
		if short, _, ok := strings.Cut(v.Text, "."); ok && short != "" && !strings.Contains(v.Text, "/") {
			w.Add(short)
		}
	}
}

// Sorted is the words.
func (w Words) Sorted() []string { return slices.Sorted(maps.Keys(w.words)) }

// Values is the values.
func (w Words) Values() []string { return slices.Sorted(maps.Keys(w.values)) }

func (p Private) Bytes() ([]byte, error) {
	data, err := canon.CanonicalOf(p)
	if err != nil {
		return nil, fmt.Errorf("private values: %w", err)
	}
	return append(data, '\n'), nil
}
