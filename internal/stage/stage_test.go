package stage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nixbatch/nixbatch/internal/digest"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/stage"
)

func write(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), mode)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// scene is a job's directory, a run's and a keeper.
func scene(t *testing.T, below int64) (dir string, k stage.Keeper) {
	t.Helper()
	top := t.TempDir()
	k = stage.Keeper{Shared: filepath.Join(top, "shared"), Run: filepath.Join(top, "run"), Below: below}
	if err := os.MkdirAll(k.Run, 0o700); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(top, "a", "job")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, k
}

// submitted is what a job reads, found and kept.
func submitted(t *testing.T, dir string, k stage.Keeper, names ...string) facts.Inputs {
	t.Helper()
	f := stage.Found{Base: dir}
	for _, n := range names {
		if _, out := stage.Out(n); out {
			f.Exclude = append(f.Exclude, n)
		}
	}
	for _, n := range names {
		if _, out := stage.Out(n); !out {
			if err := f.Add(n, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []string
	for n := range f.Files {
		all = append(all, n)
	}
	list, err := k.All(all, func(n string) string {
		if filepath.IsAbs(n) {
			return n
		}
		return filepath.Join(dir, n)
	}, digest.HashLimit)
	if err != nil {
		t.Fatal(err)
	}
	return f.Inputs(list)
}

func paths(files []facts.File) (out []string) {
	for _, f := range files {
		out = append(out, f.Path)
	}
	return out
}

// What was submitted is what is laid out, whatever becomes of it beside the job
// file; and what a task does to its copy changes nothing that is kept.
func TestOnWhatWasSubmitted(t *testing.T) {
	dir, k := scene(t, 100)
	large := strings.Repeat("x", 101)
	write(t, filepath.Join(dir, "in.dat"), "submitted", 0o600)
	write(t, filepath.Join(dir, "run.sh"), "#!", 0o700)
	write(t, filepath.Join(dir, "large.dat"), large, 0o600)
	write(t, filepath.Join(dir, "../basis/sto-3g"), "basis", 0o600)
	outside := filepath.Join(t.TempDir(), "abs.dat")
	write(t, outside, "absolute", 0o600)
	names := []string{"in.dat", "run.sh", "large.dat", "../basis/sto-3g", outside}
	in := submitted(t, dir, k, names...)
	for _, f := range in.Files {
		if want := f.Path != outside && (f.Path != "large.dat" || clones(t, dir)); f.Kept != want {
			t.Errorf("%s: kept %v", f.Path, f.Kept)
		}
	}
	write(t, filepath.Join(dir, "in.dat"), "edited", 0o600)
	write(t, filepath.Join(dir, "large.dat"), large+"y", 0o600)
	files, dirs, missing := stage.Select(in, names)
	if len(files) != 5 || len(missing) > 0 {
		t.Fatalf("%v, missing %v", paths(files), missing)
	}
	p := stage.NewPlace(filepath.Join(t.TempDir(), "top"), dir, k.Run, names)
	laid, err := p.Lay(files, dirs)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(p.Dir) != "job" || read(t, filepath.Join(p.Dir, "in.dat")) != "submitted" || read(t, filepath.Join(p.Dir, "../basis/sto-3g")) != "basis" {
		t.Errorf("laid out in %s", p.Dir)
	}
	if st, err := os.Stat(filepath.Join(p.Dir, "run.sh")); err != nil || st.Mode()&0o100 == 0 {
		t.Errorf("%v, %v", st, err)
	}
	if !clones(t, dir) && (len(laid.Changed) != 1 || laid.Changed[0].Path != "large.dat" || laid.Changed[0].What != stage.AtSubmission) {
		t.Errorf("changed since the submission: %+v", laid.Changed)
	}
	for _, name := range []string{"in.dat", "../basis/sto-3g"} {
		write(t, filepath.Join(p.Dir, name), "the task was here", 0o600)
	}
	if got := read(t, filepath.Join(dir, "in.dat")); got != "edited" {
		t.Errorf("beside the job file: %q", got)
	}
	for _, f := range in.Files {
		if f.Kept && digest.File("", stage.In(k.Run, f.SHA256), 1<<20).SHA256 != f.SHA256 {
			t.Errorf("the kept %s was changed", f.Path)
		}
	}
	write(t, outside, "another", 0o600)
	if c := p.Changed(laid.Inputs, 1<<20); len(c) != 1 || c[0].Path != outside || c[0].What != facts.OtherContents {
		t.Errorf("changed meanwhile: %+v", c)
	}
}

// clones reports whether the file system of a directory shares blocks.
func clones(t *testing.T, dir string) bool {
	t.Helper()
	k := stage.Keeper{Shared: filepath.Join(dir, ".shared"), Run: dir, Below: 0}
	write(t, filepath.Join(dir, ".probe"), "x", 0o600)
	f, err := k.Keep(".probe", filepath.Join(dir, ".probe"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return f.Kept
}

// A later attempt goes on in what the task left; what a machine that went down
// spoilt of the inputs is made anew, and so is all that was laid out by half.
func TestAgain(t *testing.T) {
	dir, k := scene(t, 100)
	for _, n := range []string{"used", "spoilt", "removed"} {
		write(t, filepath.Join(dir, n), n, 0o600)
	}
	in := submitted(t, dir, k, "used", "spoilt", "removed")
	p := stage.NewPlace(filepath.Join(t.TempDir(), "top"), dir, k.Run, nil)
	write(t, filepath.Join(p.Dir, "half"), "", 0o600)
	if _, err := p.Lay(in.Files, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "half")); err == nil {
		t.Error("what was laid out by half is there")
	}
	later := time.Now().Add(time.Hour)
	write(t, filepath.Join(p.Dir, "used"), "by the task", 0o600)
	write(t, filepath.Join(p.Dir, "spoilt"), "", 0o600)
	write(t, filepath.Join(p.Dir, "state"), "1", 0o600)
	err := errors.Join(os.Chtimes(filepath.Join(p.Dir, "used"), later, later), os.Chtimes(filepath.Join(p.Dir, "spoilt"), time.Unix(1, 0), time.Unix(1, 0)),
		os.Remove(filepath.Join(p.Dir, "removed")))
	if err != nil {
		t.Fatal(err)
	}
	laid, err := p.Lay(in.Files, nil)
	if err != nil || !laid.Again {
		t.Fatalf("%+v, %v", laid, err)
	}
	for n, want := range map[string]string{"used": "by the task", "spoilt": "spoilt", "state": "1"} {
		if got := read(t, filepath.Join(p.Dir, n)); got != want {
			t.Errorf("%s: %q", n, got)
		}
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "removed")); err == nil {
		t.Error("what the task removed is there again")
	}
}

// A kept file that somebody changed is not used.
func TestKeptThatWasChanged(t *testing.T) {
	dir, k := scene(t, 100)
	write(t, filepath.Join(dir, "in.dat"), "in", 0o600)
	in := submitted(t, dir, k, "in.dat")
	kept := stage.In(k.Run, in.Files[0].SHA256)
	if err := errors.Join(os.Chmod(kept, 0o600), os.WriteFile(kept, []byte("no"), 0o600)); err != nil {
		t.Fatal(err)
	}
	p := stage.NewPlace(filepath.Join(t.TempDir(), "top"), dir, k.Run, nil)
	if _, err := p.Lay(in.Files, nil); err == nil || !strings.Contains(err.Error(), "not what was submitted") {
		t.Error(err)
	}
}

// Directories have one hash for all that is in them; patterns and what they leave
// out mean the same at the submission and on the node.
func TestNames(t *testing.T) {
	dir, k := scene(t, 100)
	for _, n := range []string{"basis/a", "basis/sub/b", "basis/tmp/c", "basis/.nixbatch/x", "w1.xyz", "w2.xyz", "out[1].xyz"} {
		write(t, filepath.Join(dir, n), n, 0o600)
	}
	if err := os.Mkdir(filepath.Join(dir, "basis", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	names := []string{"basis", "*.xyz", "!basis/tmp", "!w2.xyz", "out[1].xyz"}
	in := submitted(t, dir, k, names...)
	want := []string{"basis/a", "basis/sub/b", "out[1].xyz", "w1.xyz"}
	if got := paths(in.Files); !slices.Equal(got, want) {
		t.Errorf("found %v", got)
	}
	files, dirs, missing := stage.Select(in, names)
	if got := paths(files); !slices.Equal(got, []string{"basis/a", "basis/sub/b", "out[1].xyz", "w1.xyz"}) || !slices.Contains(dirs, "basis/empty") || len(missing) > 0 {
		t.Errorf("selected %v, %v, missing %v", got, dirs, missing)
	}
	if files, _, _ := stage.Select(in, []string{"./w1.xyz"}); !slices.Equal(paths(files), []string{"w1.xyz"}) {
		t.Errorf("one: %v", paths(files))
	}
	if _, _, missing := stage.Select(in, []string{"none", "*.none"}); len(missing) != 2 {
		t.Errorf("missing %v", missing)
	}
	tree := in.Trees[0]
	write(t, filepath.Join(dir, "basis/sub/b"), "other", 0o600)
	if len(in.Trees) != 1 || tree.SHA256 == "" || submitted(t, dir, k, names...).Trees[0].SHA256 == tree.SHA256 {
		t.Errorf("trees %+v", in.Trees)
	}
	f := stage.Found{Base: dir}
	if err := os.Symlink("basis", filepath.Join(dir, "basis", "loop")); err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string]string{"basis": "symbolic link", "none": "does not exist", "*.none": "names no file"} {
		if err := f.Add(name, false); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Outputs come back whole, over what is there; what cannot be is told and stays.
func TestBack(t *testing.T) {
	dir, k := scene(t, 100)
	work := filepath.Join(t.TempDir(), "work")
	large := strings.Repeat("x", 101)
	write(t, filepath.Join(work, "out/a.txt"), "new", 0o640)
	write(t, filepath.Join(work, "large.bin"), large, 0o600)
	write(t, filepath.Join(work, "blocked"), "b", 0o600)
	write(t, filepath.Join(work, "skip.tmp"), "s", 0o600)
	write(t, filepath.Join(dir, "out/a.txt"), "old", 0o600)
	write(t, filepath.Join(dir, "blocked/in the way"), "", 0o600)
	files, err := k.Outputs(work, []string{"**", "!*.tmp", "none.txt"}, 1<<20)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", paths(files), err)
	}
	for _, move := range []bool{false, true} {
		failed := stage.Back{Dir: work, To: dir, Kept: k.Run, Name: "r/0", Move: move}.Files(files)
		if !slices.Equal(paths(failed), []string{"blocked"}) || failed[0].Skipped == "" {
			t.Errorf("failed %+v", failed)
		}
		if got := read(t, filepath.Join(dir, "out/a.txt")); got != "new" || read(t, filepath.Join(dir, "large.bin")) != large {
			t.Errorf("put back %q", got)
		}
		if got := read(t, filepath.Join(work, "blocked")); got != "b" {
			t.Errorf("what could not be put back is %q", got)
		}
		if _, err := os.Stat(filepath.Join(work, "large.bin")); (err != nil) != (move && !clones(t, dir)) {
			t.Errorf("move %v: %v", move, err)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, "out/a.txt")); err != nil || st.Mode() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".nixbatch-") {
			t.Errorf("left: %s", e.Name())
		}
	}
}

// What is shared and was changed is not taken for what it was.
func TestSharedThatWasChanged(t *testing.T) {
	dir, k := scene(t, 100)
	write(t, filepath.Join(dir, "in.dat"), "same", 0o600)
	sum := submitted(t, dir, k, "in.dat").Files[0].SHA256
	shared := filepath.Join(k.Shared, sum[:2], sum)
	if err := errors.Join(os.Chmod(shared, 0o600), os.WriteFile(shared, []byte("evil"), 0o600)); err != nil {
		t.Fatal(err)
	}
	k.Run += "2"
	if err := os.MkdirAll(k.Run, 0o700); err != nil {
		t.Fatal(err)
	}
	if f := submitted(t, dir, k, "in.dat").Files[0]; !f.Kept || read(t, stage.In(k.Run, sum)) != "same" || read(t, shared) != "same" {
		t.Errorf("%+v", f)
	}
}

// Two runs share what is the same, and what none has any more is told.
func TestShared(t *testing.T) {
	dir, k := scene(t, 100)
	write(t, filepath.Join(dir, "in.dat"), "same", 0o600)
	other := k
	other.Run += "2"
	if err := os.MkdirAll(other.Run, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := submitted(t, dir, k, "in.dat").Files[0].SHA256
	submitted(t, dir, other, "in.dat")
	a, err := os.Stat(stage.In(k.Run, sum))
	b, err2 := os.Stat(stage.In(other.Run, sum))
	if err != nil || err2 != nil || !os.SameFile(a, b) || a.Mode() != 0o444 {
		t.Errorf("%v, %v, %v, %v", a, b, err, err2)
	}
	for i, run := range []string{k.Run, other.Run} {
		if files, _, err := stage.Unneeded(k.Shared); err != nil || len(files) > 0 {
			t.Errorf("unneeded with %d runs gone: %v, %v", i, files, err)
		}
		if err := os.RemoveAll(run); err != nil {
			t.Fatal(err)
		}
	}
	if files, size, err := stage.Unneeded(k.Shared); err != nil || len(files) != 1 || size != 4 {
		t.Errorf("unneeded: %v, %d, %v", files, size, err)
	}
}

// Many files are all kept and laid out, however long they take.
func TestManyFiles(t *testing.T) {
	dir, k := scene(t, 100)
	for i := range 500 {
		write(t, filepath.Join(dir, "many", strconv.Itoa(i)), strconv.Itoa(i), 0o600)
	}
	in := submitted(t, dir, k, "many")
	p := stage.NewPlace(filepath.Join(t.TempDir(), "top"), dir, k.Run, nil)
	laid, err := p.Lay(in.Files, in.Dirs)
	if err != nil || len(laid.Inputs) != 500 {
		t.Fatalf("%d, %v", len(laid.Inputs), err)
	}
	for i, f := range laid.Inputs {
		if !f.Kept || f.Path != in.Files[i].Path || read(t, filepath.Join(p.Dir, f.Path)) != filepath.Base(f.Path) {
			t.Errorf("%+v", f)
		}
	}
}
