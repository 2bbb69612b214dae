package seal_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixbatch/nixbatch/internal/canon"
	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/facts"
	"github.com/nixbatch/nixbatch/internal/git"
	"github.com/nixbatch/nixbatch/internal/record/private"
	"github.com/nixbatch/nixbatch/internal/record/recordtest"
	"github.com/nixbatch/nixbatch/internal/record/seal"
	"github.com/nixbatch/nixbatch/internal/record/source"
)

// TestMain keeps rapid from writing failure files into the checkout.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		` { "b" : 1 , "a" : [ ] } `: `{"a":[],"b":1}`,
		// RFC 8785, sections 3.2.2 and 3.2.3.
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`:                                                                                         "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}",
		`[-0, -0.0, 0.0, 12345678901234567890]`: `[0,0,0,12345678901234567890]`,
		`"\ufffd"`:                              `"` + "\ufffd" + `"`,
	} {
		got, err := canon.Canonical([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s\ngot  %s\nwant %s (%v)", in, got, want, err)
		}
	}
	for _, in := range []string{``, `{`, `{"a":1,"a":2}`, `[1,]`, `{"a" 1}`, `01`, `1 2`, `"\ud800"`, "\"\xff\"", "\"\n\"", `nul`, `"a`, `"\`, `-`, `1e999`,
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000)} {
		if got, err := canon.Canonical([]byte(in)); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// The canonical form means the same, and has one form only.
func TestCanonicalProperty(t *testing.T) {
	leaf := rapid.OneOf(rapid.Map(rapid.String(), func(s string) any { return strings.ToValidUTF8(s, "?") }), rapid.Map(rapid.Float64Range(-1e18, 1e18), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil))
	tree := rapid.OneOf(leaf, rapid.Map(rapid.MapOf(rapid.String(), leaf), func(m map[string]any) any {
		out := map[string]any{}
		for k, v := range m {
			out[strings.ToValidUTF8(k, "?")] = v
		}
		return out
	}), rapid.Map(rapid.SliceOf(leaf), func(l []any) any { return l }))
	rapid.Check(t, func(t *rapid.T) {
		v := tree.Draw(t, "v")
		plain, err := json.MarshalIndent(v, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got, err := canon.Canonical(plain)
		if err != nil {
			t.Fatalf("%s: %v", plain, err)
		}
		again, err := canon.Canonical(got)
		if err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%s, then %s (%v)", got, again, err)
		}
		var back any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(v, back) {
			t.Fatalf("%s means %v, not %v", got, back, v)
		}
	})
}

// naive is RFC 9162's definition, word for word.
func naive(leaves [][]byte) [32]byte {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		l, r := naive(leaves[:k]), naive(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

func TestMerkle(t *testing.T) {
	var leaves [][]byte
	var m seal.Merkle
	for i := range 70 {
		want := naive(leaves)
		if got := m.Root(); got != hex.EncodeToString(want[:]) || m.Len() != i {
			t.Fatalf("%d leaves: %s, want %x", i, got, want)
		}
		leaf := fmt.Appendf(nil, "leaf %d", i)
		leaves = append(leaves, leaf)
		m.Add(leaf)
	}
}

func redactor(t testing.TB, words ...string) *private.Redactor {
	t.Helper()
	r, err := private.NewRedactor(private.Private{Salt: strings.Repeat("5a", 32), Words: words})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRedactText(t *testing.T) {
	r := redactor(t, "anna", "n01", "/gpfs/my dir", "node.example.org", "chem")
	x := func(s string) string { return r.Token(s) }
	for in, want := range map[string]string{
		"anna ran on n01.":          x("anna") + " ran on " + x("n01") + ".",
		"hanna, annanas, n011":      "hanna, annanas, n011",
		"cd /gpfs/my dir/sub":       "cd " + x("/gpfs/my dir") + "/sub",
		"'/home/x/y' /nix/store/ab": "'" + x("/home/x/y") + "' /nix/store/ab",
		"/gpfs/my dirt":             x("/gpfs/my") + " dirt",
		"at node.example.org:22":    "at " + x("node.example.org") + ":22",
		"awk '/energy/ {print}'":    "awk '/energy/ {print}'",
		"https://example.org/home":  "https://example.org/home",
		"#SBATCH --account=chem":    "#SBATCH --account=" + x("chem"),
		"/opt/anna/bin":             "/opt/" + x("anna") + "/bin",
		"1/2 and a/home/b":          "1/2 and a/home/b",
		"n01.cluster anna@n01":      x("n01") + ".cluster " + x("anna") + "@" + x("n01"),
		"":                          "",
	} {
		if got := string(r.Text([]byte(in))); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", in, got, want)
		}
		if once := r.Text([]byte(in)); !bytes.Equal(r.Text(once), once) {
			t.Errorf("%q is redacted further: %q", once, r.Text(once))
		}
	}
}

func TestRedactJSON(t *testing.T) {
	r := redactor(t, "anna", "generic")
	got, err := r.JSON([]byte(`{"private":{"user":"anna","n":7,"none":null,"deep":[{"x":"y"}]},"arch":"generic","note":"anna likes generic","nodes":"n[1-3]",` +
		`"slurm":[{"Name":"account","Value":"x"},{"Name":"mem","Value":"1G"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"arch":"generic","nodes":"%s","note":"%s likes %s","private":{"deep":[{"x":"%s"}],"n":"%s","none":null,"user":"%s"},"slurm":[{"Name":"account","Value":"%s"},{"Name":"mem","Value":"1G"}]}`,
		r.Token("n[1-3]"), r.Token("anna"), r.Token("generic"), r.Token("y"), r.Token("7"), r.Token("anna"), r.Token("x"))
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := r.JSON(got)
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("redacted again: %s (%v)", again, err)
	}
	// Another salt gives other tokens.
	other, err := private.NewRedactor(private.Private{Salt: strings.Repeat("5b", 32)})
	if err != nil || other.Token("anna") == r.Token("anna") {
		t.Error("the salt does not count")
	}
}

func TestSealOnce(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 3, Attempts: 2})
	sealed := run.Seal(t)
	if sealed.Tasks.Count != 3*2*2+3 || len(sealed.Facts) != 9 {
		t.Errorf("%+v", sealed)
	}
	if _, err := seal.Dir(run.Dir, recordtest.ID, strings.Repeat("00", 32), facts.Tool{}, recordtest.Now); !errors.Is(err, durable.ErrExists) {
		t.Errorf("sealed twice: %v", err)
	}
	if !seal.Sealed(run.Dir, true) {
		t.Error("it is not sealed")
	}
}

// A run that goes on after it was sealed gets another seal, which names the one
// before; that one stays readable.
func TestSupersede(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	first := run.Seal(t)
	more := filepath.Join(run.Dir, "tasks/0-999/0/attempt-1")
	if err := os.CopyFS(more, os.DirFS(filepath.Join(run.Dir, "tasks/0-999/0/attempt-0"))); err != nil {
		t.Fatal(err)
	}
	if seal.Sealed(run.Dir, true) || !seal.Sealed(run.Dir, false) {
		t.Error("another attempt does not count")
	}
	if err := os.WriteFile(filepath.Join(run.Dir, "intent-1.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if seal.Sealed(run.Dir, false) {
		t.Error("a retry does not count")
	}
	if err := seal.Supersede(run.Dir); err != nil {
		t.Fatal(err)
	}
	second := run.Seal(t)
	if second.Supersedes != first.ID || second.Tasks.Count != first.Tasks.Count+2 {
		t.Errorf("%+v", second)
	}
	src, err := source.Open(filepath.Join(run.Dir, "seals", "1"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if s, err := seal.Read(src); err != nil || s.ID != first.ID {
		t.Errorf("%+v, %v", s, err)
	}
}

// A fact that was cut off is named, and nothing is sealed.
func TestCutOff(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{})
	file := filepath.Join(run.Dir, "tasks/0-999/0/attempt-0/end.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = seal.Dir(run.Dir, recordtest.ID, strings.Repeat("00", 32), facts.Tool{}, recordtest.Now)
	if err == nil || !strings.Contains(err.Error(), "end.json") || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
	if seal.Sealed(run.Dir, false) {
		t.Error("it is sealed")
	}
	// What was left over does no harm once the fact is whole.
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	run.Seal(t)
}

// Tasks come in the order of their numbers, whatever directory they are in.
func TestOrder(t *testing.T) {
	run := recordtest.Make(t, t.TempDir(), recordtest.Options{Tasks: 1002})
	var got []int
	if err := seal.TaskFiles(run.Dir, func(name string) error {
		task, _, kind := seal.Line{Path: name}.Of()
		if kind == "start" {
			got = append(got, task)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1002 || !slices.IsSorted(got) {
		t.Errorf("%d tasks, sorted: %v", len(got), slices.IsSorted(got))
	}
}

func TestSource(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "record")
	if err := errors.Join(os.Mkdir(inside, 0o700), os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600),
		os.WriteFile(filepath.Join(inside, "fact"), []byte("y"), 0o600), os.Symlink("fact", filepath.Join(inside, "link")),
		os.Symlink(dir, filepath.Join(inside, "up"))); err != nil {
		t.Fatal(err)
	}
	src, err := source.Open(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if data, err := source.ReadAll(src, "fact"); err != nil || string(data) != "y" {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"../secret", "/etc/passwd", "link", "up/secret", "up", ".", "", "a//b"} {
		if data, err := source.ReadAll(src, name); err == nil {
			t.Errorf("%s: read %q", name, data)
		}
	}
	if _, err := source.ReadAll(src, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A zip that says less than it holds is stopped at what it says.
func TestZipBomb(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bomb.zip")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for range source.MaxFact>>20 + 1 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	src, err := source.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if _, err := source.ReadAll(src, "plan.json"); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
}

func TestGitState(t *testing.T) {
	dir := t.TempDir()
	rev := strings.Repeat("0123456789", 4)
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what, at, want string) {
		t.Helper()
		got := ""
		if g := git.State(filepath.Join(dir, at)); g != nil {
			got = g.Rev
		}
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	write("w/.git/HEAD", "ref: refs/heads/main\n")
	write("w/sub/x", "")
	check("no commit yet", "w/sub", "")
	write("w/.git/packed-refs", "# pack-refs with: peeled\n"+rev+" refs/heads/main\n")
	check("packed", "w/sub", rev)
	write("w/.git/refs/heads/main", strings.Repeat("a", 40)+"\n")
	check("loose", "w", strings.Repeat("a", 40))
	write("w/.git/HEAD", rev+"\n")
	check("detached", "w/sub", rev)
	write("w/.git/HEAD", "rubbish\n")
	check("rubbish", "w", "")
	write("tree/.git", "gitdir: ../w/.git/worktrees/tree\n")
	write("w/.git/worktrees/tree/HEAD", "ref: refs/heads/main\n")
	write("w/.git/worktrees/tree/commondir", "../..\n")
	check("linked work tree", "tree", strings.Repeat("a", 40))
}
