package seal

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// The files of a seal, in the run directory.
const (
	SealSchema = facts.SealSchema
	SealFile   = facts.SealFile
)

// SealedFact is the hash of one fact.
type SealedFact struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the redacted form: Redactor.Form
	Whole  string `json:"whole"`  // keyed hash of the file, byte for byte
}

// SealedTasks is the hash of all that the tasks left.
type SealedTasks struct {
	Path  string `json:"path"`
	Count int    `json:"count"` // lines
	Root  string `json:"root"`  // Merkle root of the lines
}

// Seal fixes a record. It is written once, in canonical form.
type Seal struct {
	Schema  string       `json:"schema"`
	RunID   string       `json:"run_id"`
	Time    time.Time    `json:"time"`
	Tool    facts.Tool   `json:"tool"`
	Facts   []SealedFact `json:"facts"`
	Tasks   SealedTasks  `json:"tasks"`
	Private string       `json:"private"` // SHA-256 of the file that holds the salt
	// Key is the SHA-256 of private.KeyFile, which a full export has in its place.
	Key string `json:"key,omitempty"`
	// Supersedes is the ID of the seal before: the run went on after it.
	Supersedes string `json:"supersedes,omitempty"`
	Root       string `json:"root"` // Merkle root of the facts, the tasks' root last
	ID         string `json:"seal"` // SHA-256 of all of the above in canonical form
}

// place is where a fact stands in a seal; -1 for one that follows those of
// facts.RunFiles by name.
func place(name string) int {
	return slices.IndexFunc(facts.RunFiles, func(f facts.RunFile) bool { return f.Name == name && f.Sealed })
}

// noFact are JSON files of a run directory that are no facts: the seal's own, and
// what only saves asking Slurm again.
func noFact(name string) bool {
	return slices.ContainsFunc(facts.RunFiles, func(f facts.RunFile) bool { return f.Name == name && !f.Sealed })
}

// NewSalt is the salt of one run: who has it can try out what stands behind the
// tokens of that run, and of no other.
func NewSalt() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

// SealDir seals the run directory: it folds what the tasks left into TasksFile
// and writes PrivateFile and, last, SealFile. A run that is sealed yields
// ErrExists. What an interrupted sealing left is written anew. That the run is
// over is for the caller to know.
func Dir(dir, runID, salt string, tool facts.Tool, now time.Time) (*Seal, error) {
	if there, err := durable.There(filepath.Join(dir, SealFile)); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	} else if there {
		return nil, fmt.Errorf("seal: %w", durable.ErrExists)
	}
	facts, err := FactFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	secret, err := gather(dir, facts, salt)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	r, err := private.NewRedactor(secret)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	s := &Seal{Schema: SealSchema, RunID: runID, Time: now.UTC().Truncate(time.Millisecond), Tool: tool, Facts: []SealedFact{}}
	for _, name := range facts {
		data, err := durable.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		public, err := r.Form(name, data)
		if err != nil {
			return nil, fmt.Errorf("seal: %s: %w", name, err)
		}
		s.Facts = append(s.Facts, SealedFact{name, digest.Bytes(public), r.Key().WholeOf(data)})
	}
	if s.Tasks, err = writeTasks(dir, r); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	keep, err := secret.Bytes()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	key, err := r.Key().Bytes()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	s.Private, s.Key = digest.Bytes(keep), digest.Bytes(key)
	if s.Supersedes, err = lastSuperseded(dir); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	// One that is lost is named all the same, so that nobody takes this for the first.
	if lost, err := Lost(dir, runID); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	} else if lost != nil {
		s.Supersedes = lost.Seal
	}
	if err := replaceBytes(filepath.Join(dir, private.PrivateFile), keep, 0o400); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	s.Root = s.root()
	data, err := s.Bytes()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := durable.WriteBytes(filepath.Join(dir, SealFile), data, 0o444); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, Remember(dir, s)
}

// root is the Merkle root over the facts and the tasks.
func (s *Seal) root() string {
	var m Merkle
	for _, f := range s.Facts {
		m.AddFact(f.Path, f.SHA256, f.Whole)
	}
	m.AddFact(s.Tasks.Path, s.Tasks.Root, fmt.Sprint(s.Tasks.Count))
	return m.Root()
}

// Bytes is the seal's file, its ID set anew.
func (s *Seal) Bytes() ([]byte, error) {
	s.ID = ""
	data, err := canon.CanonicalOf(s)
	if err != nil {
		return nil, err
	}
	s.ID = digest.Bytes(data)
	if data, err = canon.CanonicalOf(s); err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// NewerError says that a file was written by a newer nixbatch.
type NewerError struct{ Name, Schema string }

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has the schema %q, which this nixbatch does not know", e.Name, e.Schema)
}

// Hint is the way out.
func (e *NewerError) Hint() string { return "a newer nixbatch wrote it: read it with one" }

// Kind is that of something to wait for, or to mend.
func (e *NewerError) Kind() fault.Kind { return fault.Input }

// ReadSeal reads the seal of a record: fs.ErrNotExist if it has none, a
// *NewerError if it is of a later version, and an error if not a byte of it may
// be other than it is.
func Read(src source.Source) (*Seal, error) { return read(src, SealFile) }

func read(src source.Source, name string) (*Seal, error) {
	data, err := source.ReadAll(src, name)
	if err != nil {
		return nil, err
	}
	v, err := canon.ParseJSON(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if got := v.Get("schema").Text; got != SealSchema && strings.HasPrefix(got, "nixbatch/seal/") {
		return nil, &NewerError{name, got}
	}
	var s Seal
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	id := s.ID
	again, err := s.Bytes()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case id != s.ID || !bytes.Equal(again, data):
		return nil, fmt.Errorf("%s: it was changed: its own hash is another", name)
	case s.root() != s.Root:
		return nil, fmt.Errorf("%s: its root is not that of its facts", name)
	}
	for _, f := range s.Facts {
		if !source.SafeName(f.Path) {
			return nil, source.Unsafe(f.Path)
		}
	}
	return &s, nil
}

// FactFiles is the facts that a run directory has, beside those of its tasks, in
// the order of the seal.
func FactFiles(dir string) ([]string, error) {
	var out, more []string
	for _, below := range []string{"", "calls", "env"} {
		entries, err := durable.List(filepath.Join(dir, below))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := path.Join(below, e.Name())
			switch {
			case place(name) >= 0:
				out = append(out, name)
			case strings.HasSuffix(name, ".json") && !strings.HasPrefix(e.Name(), ".") && !noFact(name):
				more = append(more, name)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return place(a) - place(b) })
	return append(out, more...), nil
}

// gather finds all that is private in a run's facts. A hash of a file that
// redacting changes is private too: it would let anybody try out what was there.
func gather(dir string, names []string, salt string) (private.Private, error) {
	w := private.NewWords()
	files, small := map[string][]byte{}, hashed{}
	for _, name := range names {
		data, err := durable.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return private.Private{}, err
		}
		files[name] = data
		if strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, "env/") {
			v, err := canon.ParseJSON(data)
			if err != nil {
				return private.Private{}, fmt.Errorf("%s: %w", name, err)
			}
			w.Fact(&v)
			if name == facts.InputsFile {
				small.fact(data, &v)
			}
		}
	}
	in := folder{dir: dir}
	err := TaskFiles(dir, func(name string) error {
		if !strings.HasSuffix(name, ".json") {
			return nil
		}
		if err := in.read(name); err != nil {
			return err
		}
		v, err := in.parser.Parse(in.file)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		small.fact(in.file, &v)
		if path.Base(name) == facts.StartFile {
			w.Walk(v.Get("private"), true)
		}
		return nil
	})
	if err != nil {
		return private.Private{}, err
	}
	p := private.Private{Schema: private.PrivateSchema, Salt: salt, Words: w.Sorted(), Values: w.Values(), Names: w.Names(), Short: w.Short(), Env: true, Split: true}
	r, err := private.NewRedactor(p)
	if err != nil {
		return p, err
	}
	for name, data := range files {
		if strings.HasSuffix(name, ".json") {
			continue
		}
		if form, err := r.Form(name, data); err != nil || !bytes.Equal(form, data) {
			w.Add(digest.Bytes(data))
		}
	}
	w.Add(submissionOf(files))
	p.Words = w.Sorted()
	p.Hashes, err = small.private(filepath.Join(dir, facts.KeptDir), workDir(files[facts.SubmitFile]), p)
	return p, err
}

// workDir is where the run's files are, as submit.json has it; "" without one.
func workDir(submit []byte) string {
	v, err := canon.ParseJSON(submit)
	if err != nil {
		return ""
	}
	return v.Get("private").Get("dir").Text
}

// writeTasks writes TasksFile.
func writeTasks(dir string, r *private.Redactor) (SealedTasks, error) {
	t := SealedTasks{Path: TasksFile}
	f, err := os.CreateTemp(dir, "."+TasksFile+".*")
	if err != nil {
		return t, err
	}
	defer os.Remove(f.Name())
	out := bufio.NewWriterSize(f, 256<<10)
	var m Merkle
	in := folder{dir: dir, r: r}
	err = TaskFiles(dir, func(name string) error {
		l, err := in.line(name)
		if err != nil {
			return err
		}
		m.AddLine(l)
		return WriteLine(out, l)
	})
	for _, step := range []func() error{out.Flush, func() error { return f.Chmod(0o444) }, f.Sync, f.Close} {
		if serr := step(); err == nil {
			err = serr
		}
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, TasksFile))
	}
	t.Count, t.Root = m.Len(), m.Root()
	return t, err
}

// replaceBytes is for what an interrupted sealing may have left: until the seal
// is there, it is no fact.
func replaceBytes(path string, data []byte, mode fs.FileMode) error {
	err := durable.WriteBytes(path, data, mode)
	if errors.Is(err, durable.ErrExists) {
		if err = os.Remove(path); err == nil {
			err = durable.WriteBytes(path, data, mode)
		}
	}
	return err
}
